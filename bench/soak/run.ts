// Owns one soak: a balancer as users run it, backends that die and come back, reloads, traffic of every sort; samples of
// what must not grow; and the verdict. The command is bench/soak.ts, the short form test/scenarios/soak.test.ts.

import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';
import { openSockets, residentBytes } from '../lib/proc.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import { judge, type Rest, type Sample, type Verdict } from './verdict.ts';

const BACKEND = fileURLToPath(new URL('./backend.ts', import.meta.url));
const UPSTREAM_IDLE_MS = 1000;
/** After the traffic: the idle time of upstream connections, and that of the WebSockets' closing. */
const SETTLE_MS = UPSTREAM_IDLE_MS + 15_000;
const RELOAD_EVERY_MS = 3000;
const KILL_EVERY_MS = 4000;
const DEAD_MS = 1500;

export interface SoakOptions {
  readonly seconds: number;
  readonly workers: number;
  readonly progress: (text: string) => void;
  /** Ends early; what was started is stopped all the same. */
  readonly signal?: AbortSignal;
}

export async function soak(options: SoakOptions): Promise<Verdict> {
  const [port, adminPort, ...ports] = await freePorts(5);
  const backends = ports.map((free) => new Backend(free));
  let balancer: BalancerProcess | undefined;
  let traffic: Traffic | undefined;
  const ending = new AbortController();
  try {
    await Promise.all(backends.map((backend) => backend.start()));
    const document = documentOf(port, adminPort, ports, options.workers);
    balancer = await BalancerProcess.start(document(0), { adminPort });
    const atStart = await restOf(balancer);
    traffic = startTraffic(port);
    const chaos = Promise.all([reloads(balancer, document, ending.signal), kills(backends, ending.signal)]);
    const samples = await sampling(balancer, options);
    ending.abort();
    const [reloaded, killed] = await chaos;
    await traffic.stop();
    const atEnd = await settled(balancer, atStart);
    const { reloads: counted } = await balancer.status();
    const extra = { workers: options.workers, reloaded, applied: counted.applied, refused: counted.refused, killed };
    return judge({ samples, atStart, atEnd, counts: traffic.counts, ...extra });
  } finally {
    ending.abort();
    await balancer?.stop('SIGKILL');
    await Promise.all(backends.map((backend) => backend.kill()));
    await traffic?.stop();
  }
}

class Backend {
  readonly #port: number;
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async start(): Promise<void> {
    this.#child = spawn(process.execPath, [BACKEND, String(this.#port)], { stdio: ['ignore', 'ignore', 'inherit'] });
    await listening(this.#port);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** Every turn differs from the one before, in the listener and in the pool. */
function documentOf(port: number, adminPort: number, ports: readonly number[], workers: number) {
  return (turn: number): object => ({
    workers,
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web', limits: { fields: 100 + (turn % 5) } } },
    pools: {
      web: {
        balance: (['round-robin', 'least-connections', 'p2c', 'peak-ewma'] as const)[turn % 4],
        endpoints: ports.map((free) => `127.0.0.1:${free}`),
        health: { http: '/', interval: '500ms', pendingInterval: '250ms', timeout: '1s' },
        connection: { idle: `${UPSTREAM_IDLE_MS}ms` },
      },
    },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
}

async function reloads(balancer: BalancerProcess, document: (turn: number) => object, signal: AbortSignal) {
  let turn = 0;
  while (await paused(RELOAD_EVERY_MS, signal)) {
    balancer.write(document(++turn));
    balancer.child.kill('SIGHUP');
  }
  return turn;
}

async function kills(backends: readonly Backend[], signal: AbortSignal): Promise<number> {
  let killed = 0;
  while (await paused(KILL_EVERY_MS, signal)) {
    const backend = backends[killed++ % backends.length];
    await backend.kill();
    await sleep(DEAD_MS);
    await backend.start();
  }
  return killed;
}

async function paused(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

async function sampling(balancer: BalancerProcess, { seconds, progress, signal }: SoakOptions): Promise<Sample[]> {
  const began = performance.now();
  const everyMs = Math.max(500, Math.min(10_000, (seconds * 1000) / 60));
  const samples: Sample[] = [];
  let said = began;
  while (performance.now() - began < seconds * 1000 && signal?.aborted !== true) {
    await sleep(everyMs);
    if (balancer.child.exitCode !== null) throw new Error(`the balancer ended:\n${balancer.output.slice(-4000)}`);
    const atSeconds = (performance.now() - began) / 1000;
    const sample = { atSeconds, ...(await restOf(balancer)) };
    samples.push(sample);
    if (performance.now() - said < 10_000) continue;
    said = performance.now();
    progress(
      `${atSeconds.toFixed(0)} s: RSS ${mib(sample.rssBytes)}, heap ${mib(sample.heapBytes)}, ${sample.sockets} sockets, ${sample.inFlight} in flight`,
    );
  }
  return samples;
}

async function restOf(balancer: BalancerProcess): Promise<Rest> {
  const pid = balancer.child.pid!;
  const status = await balancer.status();
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    rssBytes: residentBytes(pid),
    heapBytes: sum(status.workers.map((worker) => worker.heapBytes)),
    sockets: openSockets(pid),
    inFlight: sum(status.pools.flatMap((pool) => pool.endpoints.map((endpoint) => endpoint.inFlight))),
    clients: sum(status.listeners.map((listener) => listener.open)),
  };
}

/** Waits until it is as quiet as at the start, or gives up: the verdict says what stayed. */
async function settled(balancer: BalancerProcess, atStart: Rest): Promise<Rest> {
  const until = performance.now() + SETTLE_MS;
  let rest = await restOf(balancer);
  while (rest.inFlight !== 0 || rest.clients !== 0 || rest.sockets > atStart.sockets) {
    if (performance.now() > until) break;
    await sleep(250);
    rest = await restOf(balancer);
  }
  return rest;
}

export const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
