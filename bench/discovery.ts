// Owns the measurement of large discovered changes under traffic: how long from a file that is replaced until every worker serves
// the new set, and what traffic of another pool notices meanwhile. `node bench/discovery.ts [endpoints]`; `--json` prints rows for
// a machine.

import { renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BalancerProcess } from '../src/testing/balancer-process.ts';
import { freePorts } from '../src/testing/free-port.ts';
import { listening } from '../src/testing/nginx.ts';
import { findProgram } from '../src/testing/programs.ts';
import { LOAD_CORE } from './lib/cores.ts';
import { printRows } from './lib/micro.ts';
import { Scope } from './lib/scope.ts';
import { spread } from './lib/stats.ts';

interface Row {
  readonly workers: number;
  readonly change: string;
  /** Until the last of the connections got an answer by the new set, ms. */
  readonly appliedMs: number;
  /** Traffic of a pool that did not change, ms. */
  readonly p99BeforeMs: number;
  readonly p99DuringMs: number;
  readonly longestDuringMs: number;
  readonly failed: number;
}

const ROUNDS = 5;
const PER_SECOND = 500;
const CALM_MS = 3000;
/** Traffic of so long after a change counts as during it. */
const DURING_MS = 1000;
const CONNECTIONS = 8;
const DEADLINE_MS = 20_000;

const hostOf = (i: number): string => `127.${1 + (i >> 14)}.${(i >> 7) & 127}.${1 + (i & 127)}`;

interface Sample {
  readonly at: number;
  readonly ms: number;
}

/** At a fixed rate, whoever is slow: a request that waits for its turn is late from when it should have begun. */
class SteadyTraffic {
  samples: Sample[] = [];
  failed = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #timer: NodeJS.Timeout;
  #due = performance.now();

  constructor(port: number) {
    this.#timer = setInterval(() => {
      for (const now = performance.now(); this.#due <= now; this.#due += 1000 / PER_SECOND) this.#ask(port, this.#due);
    }, 1);
  }

  #ask(port: number, due: number): void {
    get({ port, host: '127.0.0.1', agent: this.#agent }, (response) => {
      if (response.statusCode !== 200) this.failed++;
      response.resume().on('end', () => this.samples.push({ at: due, ms: performance.now() - due }));
    }).on('error', () => {
      this.failed++;
    });
  }

  between(from: number, to: number): number[] {
    return this.samples
      .filter(({ at }) => at >= from && at < to)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;

function ask(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', agent }, (response) => {
      let body = '';
      response.on('data', (part) => {
        body += String(part);
      });
      response.on('end', () => resolve(response.statusCode === 200 ? body.trim() : ''));
    }).on('error', () => resolve(''));
  });
}

/** When every connection (they are spread over the workers) has had an answer from the new set. */
async function applied(port: number, isNew: (host: string) => boolean): Promise<number> {
  const began = performance.now();
  const times = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        while (performance.now() - began < DEADLINE_MS) {
          if (isNew(await ask(port, agent))) return performance.now() - began;
          await wait(5);
        }
        return Number.NaN;
      } finally {
        agent.destroy();
      }
    }),
  );
  return Math.max(...times);
}

async function backend(scope: Scope): Promise<number> {
  const [port] = await freePorts(1);
  const folder = scope.folder();
  const file = join(folder, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    file,
    `${user} daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; worker_rlimit_nofile 30000;
events { worker_connections 25000; }
http { access_log off; keepalive_timeout 600; client_body_temp_path ${folder}; proxy_temp_path ${folder};
  fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen ${port} backlog=4096; location / { return 200 "$server_addr\\n"; } } }`,
  );
  scope.start(LOAD_CORE, findProgram('nginx')!, ['-c', file, '-e', join(folder, 'start.log')]);
  await listening(port);
  return port;
}

interface Change {
  readonly name: string;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

function changesOf(count: number): Change[] {
  return [
    { name: `10 → ${count}`, before: range(0, 10), after: range(10, count + 10) },
    { name: `${count} → 10`, before: range(10, count + 10), after: range(0, 10) },
    { name: `half of ${count} replaced`, before: range(0, count), after: range(count >> 1, count + (count >> 1)) },
  ];
}

async function measure(workers: number, change: Change, port: number, scope: Scope): Promise<Row> {
  const [big, steady] = await freePorts(2);
  const folder = scope.folder();
  const path = join(folder, 'endpoints.json');
  const write = (set: readonly number[]): void => {
    writeFileSync(`${path}.new`, JSON.stringify(set.map((i) => `${hostOf(i)}:${port}`)));
    renameSync(`${path}.new`, path);
  };
  write(change.before);
  const balancer = await BalancerProcess.start({
    workers,
    listeners: {
      big: { bind: `127.0.0.1:${big}`, pool: 'big' },
      steady: { bind: `127.0.0.1:${steady}`, pool: 'steady' },
    },
    pools: {
      big: { balance: 'random', discover: { file: path } },
      steady: { endpoints: [`127.0.0.1:${port}`] },
    },
  });
  const traffic = new SteadyTraffic(steady);
  const [old, next] = [new Set(change.before), new Set(change.after)].map(
    (set) => new Set([...set].map((i) => hostOf(i))),
  );
  const before: number[] = [];
  const during: number[] = [];
  const times: number[] = [];
  let failed = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // Long enough for slots of the round before to be free again.
      await wait(CALM_MS);
      const at = performance.now();
      write(change.after);
      times.push(await applied(big, (host) => next.has(host) && !old.has(host)));
      await wait(Math.max(0, DURING_MS - (performance.now() - at)));
      before.push(...traffic.between(at - CALM_MS / 2, at));
      during.push(...traffic.between(at, at + DURING_MS));
      traffic.samples = [];
      write(change.before);
      await applied(big, (host) => old.has(host) && !next.has(host));
    }
    failed = traffic.failed;
  } finally {
    traffic.stop();
    await balancer.stop();
  }
  before.sort((a, b) => a - b);
  during.sort((a, b) => a - b);
  return {
    workers,
    change: change.name,
    appliedMs: spread(times).median,
    p99BeforeMs: p99(before),
    p99DuringMs: p99(during),
    longestDuringMs: during.at(-1) ?? Number.NaN,
    failed,
  };
}

const count = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 10_000);
const scope = new Scope();
try {
  const port = await backend(scope);
  const rows: Row[] = [];
  for (const workers of [2, 1])
    for (const change of changesOf(count)) rows.push(await measure(workers, change, port, scope));
  printRows(
    rows,
    ({ workers, change, appliedMs, p99BeforeMs, p99DuringMs, longestDuringMs, failed }) =>
      `${workers} worker${workers === 1 ? ' ' : 's'} ${change.padEnd(22)} in effect after ${appliedMs.toFixed(0)} ms; p99 of other traffic ${p99BeforeMs.toFixed(1)} → ${p99DuringMs.toFixed(1)} ms, longest ${longestDuringMs.toFixed(1)} ms, ${failed} failed`,
  );
} finally {
  scope.closeNow();
}
process.exit(0);
