// Owns one network segment for tests: machines (network namespaces) with one address each on a switch of their own, with nothing of
// the host's own network in it. Removed afterwards, also what a killed test left.

import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { findProgram } from './programs.ts';

const PREFIX = 'ekseg';

function ip(args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(findProgram('ip')!, args, { encoding: 'utf8', timeout: 10_000 });
}

function mustIp(...args: readonly string[]): void {
  const result = ip(args);
  if (result.status !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr}`);
}

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** In front of a command that is to run there. */
  readonly inside: readonly string[];
}

export class Segment {
  readonly #machines = new Map<string, Machine>();
  readonly #children: ChildProcess[] = [];

  /** Machines have 10.97.0.11, .12 and so on, on an interface called `eth0`. */
  static create(t: TestContext, names: readonly string[]): Segment {
    removeLeftovers();
    const segment = new Segment();
    t.after(() => segment.#remove());
    const tag = `${PREFIX}${process.pid}`;
    mustIp('netns', 'add', `${tag}-switch`);
    mustIp('-n', `${tag}-switch`, 'link', 'add', 'br0', 'type', 'bridge');
    mustIp('-n', `${tag}-switch`, 'link', 'set', 'br0', 'up');
    names.forEach((name, i) => {
      const space = `${tag}-${name}`;
      const address = `10.97.0.${11 + i}`;
      mustIp('netns', 'add', space);
      mustIp('-n', space, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `p${i}`, 'netns', `${tag}-switch`);
      mustIp('-n', `${tag}-switch`, 'link', 'set', `p${i}`, 'master', 'br0', 'up');
      mustIp('-n', space, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      mustIp('-n', space, 'link', 'set', 'eth0', 'up');
      mustIp('-n', space, 'link', 'set', 'lo', 'up');
      segment.#machines.set(name, { name, address, inside: [findProgram('ip')!, 'netns', 'exec', space] });
    });
    return segment;
  }

  machine(name: string): Machine {
    return this.#machines.get(name)!;
  }

  /** Starts a program on a machine; it is ended with the segment. */
  spawn(name: string, command: readonly string[]): ChildProcess {
    const [program, ...args] = [...this.machine(name).inside, ...command];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return child;
  }

  async #remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    removeSpaces(new RegExp(`^${PREFIX}${process.pid}-`));
  }
}

function removeSpaces(wanted: RegExp): void {
  for (const line of ip(['netns', 'list']).stdout.split('\n')) {
    const [name] = line.split(' ');
    if (!wanted.test(name)) continue;
    // Whatever still runs there goes with it.
    for (const pid of ip(['netns', 'pids', name]).stdout.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    ip(['netns', 'delete', name]);
  }
}

function removeLeftovers(): void {
  const leftover = new RegExp(`^${PREFIX}(\\d+)-`);
  for (const line of ip(['netns', 'list']).stdout.split('\n')) {
    const pid = leftover.exec(line)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeSpaces(new RegExp(`^${PREFIX}${pid}-`));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
