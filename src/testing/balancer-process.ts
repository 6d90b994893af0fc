// Owns `evenkeel run` as its own process, as a user starts it: a file, signals, exit codes, output.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Status } from '../runtime/facade.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  readonly adminPort?: number;
  readonly args?: readonly string[];
  readonly name?: string;
  /** Limit of open files (ulimit -n). */
  readonly openFiles?: number;
  /** Put in front of the command, such as `ip netns exec NAME`. */
  readonly inside?: readonly string[];
  /** Instead of that of the test. */
  readonly env?: NodeJS.ProcessEnv;
}

export class BalancerProcess {
  readonly file: string;
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  output = '';
  readonly exited: Promise<Exit>;
  readonly #folder: string;
  readonly #adminPort: number;

  private constructor(
    folder: string,
    file: string,
    adminPort: number,
    args: readonly string[],
    openFiles: number | undefined,
    inside: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.#folder = folder;
    this.file = file;
    this.#adminPort = adminPort;
    const command = [...inside, process.execPath, BIN, 'run', '-c', file, ...args];
    // Node raises its soft limit to the hard one, so both are set.
    const limited =
      openFiles === undefined ? command : ['sh', '-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh', ...command];
    this.child = spawn(limited[0], limited.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env });
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.child.stdout!.on('data', take);
    this.child.stderr!.on('data', take);
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts without waiting for anything. `document` is an object (written as YAML) or the file's text. */
  static spawn(
    document: object | string,
    { adminPort = 0, args = [], name = 'evenkeel.yaml', openFiles, inside = [], env = process.env }: SpawnOptions = {},
  ): BalancerProcess {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-run-'));
    const file = join(folder, name);
    writeFileSync(file, typeof document === 'string' ? document : stringify(document));
    return new BalancerProcess(folder, file, adminPort, args, openFiles, inside, env);
  }

  /** Starts and waits until it serves. */
  static async start(document: object | string, options: SpawnOptions = {}): Promise<BalancerProcess> {
    const balancer = BalancerProcess.spawn(document, options);
    try {
      await balancer.said(/serving with/);
    } catch (error) {
      // Left behind, it would hold the test's own process.
      balancer.child.kill('SIGKILL');
      throw error;
    }
    return balancer;
  }

  /** Waits until the output matches from `from` on; fails with the whole output. */
  async said(pattern: RegExp, { from = 0, withinMs = 10_000 } = {}): Promise<void> {
    const until = performance.now() + withinMs;
    while (!pattern.test(this.output.slice(from))) {
      if (performance.now() > until || this.child.exitCode !== null) {
        throw new Error(`never said ${pattern}; it said:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  write(document: object | string): void {
    writeFileSync(this.file, typeof document === 'string' ? document : stringify(document));
  }

  async status(): Promise<Status> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/status`);
    return (await response.json()) as Status;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const exit = await this.exited;
    rmSync(this.#folder, { recursive: true, force: true });
    return exit;
  }
}
