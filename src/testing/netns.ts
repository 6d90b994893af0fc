// Owns network namespaces for tests: a client, a balancer and two backends on networks of their own, joined by virtual
// cables, with nothing of the host's own network in them. Removed afterwards, also what a killed test left.
//
//   client 10.99.0.2-.41 ── .1 balancer .1 ── 10.99.1.2 backend one        (the same with fd99:N::)
//                                       .1 ── 10.99.2.2 backend two

import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Order } from './netns-agent.ts';
import { findProgram, needs } from './programs.ts';

const AGENT = fileURLToPath(new URL('./netns-agent.ts', import.meta.url));
const PREFIX = 'evenkeel';
const CLIENTS = 40;

export type Place = 'client' | 'balancer' | 'one' | 'two';
const PLACES: readonly Place[] = ['client', 'balancer', 'one', 'two'];

/** For `test(name, { skip: needsNamespaces() }, …)`. As root under CI=true nothing is skipped. */
export function needsNamespaces(): string | false {
  const missing = needs('ip', 'nft');
  if (missing !== false) return missing;
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  const probe = `${PREFIX}-${process.pid}-probe`;
  const made = ip(['netns', 'add', probe]);
  ip(['netns', 'delete', probe]);
  if (made.status === 0) return false;
  const reason = `needs network namespaces: ${made.stderr.trim()}`;
  if (process.env.CI === 'true') throw new Error(`${reason}; under CI=true nothing is skipped`);
  return reason;
}

function ip(args: readonly string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(findProgram('ip')!, args, { encoding: 'utf8', input, timeout: 10_000 });
}

function mustIp(args: readonly string[], input = ''): void {
  const result = ip(args, input);
  if (result.status !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr}`);
}

/** One program inside a namespace that does what the test asks for. */
export class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #id = 0;

  constructor(namespace: string) {
    this.#child = spawn(findProgram('ip')!, ['netns', 'exec', namespace, process.execPath, AGENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: string };
      const waiting = this.#waiting.get(id)!;
      this.#waiting.delete(id);
      if (error === undefined) waiting.resolve(result);
      else waiting.reject(new Error(error));
    });
    this.#child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the agent ended'));
    });
  }

  do<T>(order: Order): Promise<T> {
    const id = ++this.#id;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, order })}\n`);
    });
  }

  get gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** As a machine that dies. */
  async kill(): Promise<void> {
    if (this.gone) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

export class NatLab {
  readonly client: Agent;
  /** Inside the balancer's namespace: asks the admin server, and the service as a local client. */
  readonly inside: Agent;
  readonly #backends = new Map<Place, Agent>();
  readonly #agents: Agent[] = [];

  private constructor() {
    this.client = this.#agent('client');
    this.inside = this.#agent('balancer');
  }

  static async create(): Promise<NatLab> {
    sweep();
    try {
      build();
      const lab = new NatLab();
      await Promise.all([lab.serve('one'), lab.serve('two')]);
      return lab;
    } catch (error) {
      remove(process.pid);
      throw error;
    }
  }

  /** (Re)starts a backend on port 8080, IPv4 and IPv6. */
  async serve(place: 'one' | 'two'): Promise<void> {
    await this.#backends.get(place)?.kill();
    const agent = this.#agent(place);
    this.#backends.set(place, agent);
    await agent.do({ op: 'serve', host: '0.0.0.0', port: 8080, name: place });
    await agent.do({ op: 'serve', host: `fd99:${place === 'one' ? 1 : 2}::2`, port: 8080, name: place });
  }

  /** Both backends, whatever a test did to them. */
  async revive(): Promise<void> {
    for (const place of ['one', 'two'] as const) if (this.backend(place).gone) await this.serve(place);
  }

  backend(place: 'one' | 'two'): Agent {
    return this.#backends.get(place)!;
  }

  async kill(place: 'one' | 'two'): Promise<void> {
    await this.#backends.get(place)!.kill();
  }

  #agent(place: Place): Agent {
    const agent = new Agent(namespaceOf(place));
    this.#agents.push(agent);
    return agent;
  }

  /** What `nft` says in the balancer's namespace. */
  nft(...args: string[]): string {
    const result = this.exec('balancer', [findProgram('nft')!, ...args]);
    return `${result.stdout}${result.stderr}`;
  }

  /** Names of our tables. */
  tables(): string[] {
    return this.nft('list', 'tables')
      .split('\n')
      .filter((line) => line.includes('evenkeel'))
      .map((line) => line.replace('table inet ', ''));
  }

  exec(place: Place, command: readonly string[]): SpawnSyncReturns<string> {
    return ip(['netns', 'exec', namespaceOf(place), ...command]);
  }

  /** For the last moment, when nothing can be awaited any more. */
  closeNow(): void {
    remove(process.pid);
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()));
    remove(process.pid);
  }
}

export function namespaceOf(place: Place, pid = process.pid): string {
  return `${PREFIX}-${pid}-${place}`;
}

const CABLES: readonly { to: Place; net: number }[] = [
  { to: 'client', net: 0 },
  { to: 'one', net: 1 },
  { to: 'two', net: 2 },
];

function build(): void {
  for (const place of PLACES) mustIp(['netns', 'add', namespaceOf(place)]);
  const hub = namespaceOf('balancer');
  mustIp(
    ['-batch', '-'],
    CABLES.map(
      ({ to, net }) => `link add eth0 netns ${namespaceOf(to)} type veth peer name net${net} netns ${hub}`,
    ).join('\n'),
  );
  const addresses = (name: string, net: number, host: number): string =>
    `addr add 10.99.${net}.${host}/24 dev ${name}\naddr add fd99:${net}::${host.toString(16)}/64 dev ${name} nodad\n`;
  const up = (name: string): string => `link set lo up\nlink set ${name} up\n`;
  let inHub = '';
  for (const { to, net } of CABLES) {
    inHub += up(`net${net}`) + addresses(`net${net}`, net, 1);
    const hosts = to === 'client' ? CLIENTS : 1;
    let inEdge = up('eth0');
    for (let i = 0; i < hosts; i++) inEdge += addresses('eth0', net, 2 + i);
    inEdge += `route add default via 10.99.${net}.1\n-6 route add default via fd99:${net}::1\n`;
    mustIp(['-n', namespaceOf(to), '-batch', '-'], inEdge.replace('-6 route add default via', 'route add ::/0 via'));
  }
  mustIp(['-n', hub, '-batch', '-'], inHub);
  mustIp([
    'netns',
    'exec',
    hub,
    'sh',
    '-c',
    'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
  ]);
}

function remove(pid: number): void {
  for (const place of PLACES) ip(['netns', 'delete', namespaceOf(place, pid)]);
}

/** A test that was killed could not remove its own. */
function sweep(): void {
  const left = ip(['netns', 'list']).stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-`, 'gm'));
  for (const pid of new Set([...left].map((match) => Number(match[1])))) {
    if (!isAlive(pid)) remove(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
