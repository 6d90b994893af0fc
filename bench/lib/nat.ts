// Owns the comparison of the kernel path with a TCP proxy and with plain routing, in network namespaces of its own: new
// connections through `evenkeel run` in mode nat and through HAProxy in TCP mode, and the bulk of one stream through each
// and straight to the backend.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { NatLab, namespaceOf, type Place } from '../../src/testing/netns.ts';
import { findProgram, type Program } from '../../src/testing/programs.ts';
import { BALANCER_CORE, LOAD_CORE } from './cores.ts';
import type { Options } from './measure.ts';
import { cpuTime } from './proc.ts';
import type { NatResult, NatSample } from './results.ts';
import { Scope, type Started } from './scope.ts';

const EVENKEEL = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const BALANCER = '10.99.0.1';
const BACKENDS = ['10.99.1.2', '10.99.2.2'] as const;
const HTTP = 8081;
const BULK = 5201;
const NEEDED = ['ip', 'nft', 'nginx', 'haproxy', 'wrk', 'iperf3'] as const satisfies readonly Program[];

interface Way {
  readonly name: string;
  /** Undefined for the way without a balancer. */
  readonly started: Started | undefined;
  readonly connections: { readonly host: string; readonly port: number };
  readonly bulk: { readonly host: string; readonly port: number };
}

/** Why it cannot be measured here, or undefined. */
export function missingNat(): string | undefined {
  const missing = NEEDED.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) return `left out: not installed (${missing.join(', ')})`;
  return process.getuid?.() === 0 ? undefined : 'left out: needs root, for network namespaces';
}

export async function compareNat(options: Options): Promise<NatResult[]> {
  const scope = new Scope();
  options.own(scope);
  const lab = await NatLab.create();
  const removeNow = (): void => lab.closeNow();
  process.once('exit', removeNow);
  try {
    const ways = await startAll(scope);
    const samples = new Map<string, NatSample[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round <= options.rounds; round++) {
      for (const way of ways) {
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(scope, way, seconds);
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${way.name}: ${shortOf(sample)}`);
        if (round > 0) samples.get(way.name)!.push(sample);
      }
    }
    return ways.map(({ name }) => ({ name, rounds: samples.get(name)! }));
  } finally {
    await scope.close();
    await lab.close();
    process.off('exit', removeNow);
  }
}

const shortOf = ({ connections, seconds, cpuUs, gbits }: NatSample): string =>
  `${(cpuUs / connections).toFixed(1)} µs/connection, ${Math.round(connections / seconds)} connections/s, ${gbits.toFixed(1)} Gbit/s`;

async function startAll(scope: Scope): Promise<Way[]> {
  const folder = scope.folder();
  for (const [i, place] of (['one', 'two'] as const).entries()) startBackend(scope, folder, place, BACKENDS[i]);
  const kernel = await startEvenkeel(scope, folder);
  const proxy = await startHaproxy(scope, folder);
  const direct = { host: BACKENDS[0], port: HTTP };
  return [
    { name: 'Evenkeel, mode: nat', started: kernel, connections: at(80), bulk: at(BULK) },
    { name: 'HAProxy, mode tcp', started: proxy, connections: at(81), bulk: at(BULK + 1) },
    { name: 'routed, no balancer', started: undefined, connections: direct, bulk: { ...direct, port: BULK } },
  ];
}

const at = (port: number) => ({ host: BALANCER, port });

function startIn(scope: Scope, place: Place, core: string, program: string, args: readonly string[]): Started {
  return scope.start(core, findProgram('ip')!, ['netns', 'exec', namespaceOf(place), program, ...args]);
}

function startBackend(scope: Scope, folder: string, place: 'one' | 'two', host: string): void {
  const file = join(folder, `${place}.conf`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder};`)
    .join(' ');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/${place}.pid; error_log ${folder}/${place}.log;
events { worker_connections 8192; }
http { access_log off; ${paths} server { listen ${host}:${HTTP} backlog=4096; location / { return 200 "ok\\n"; } } }
`,
  );
  startIn(scope, place, LOAD_CORE, findProgram('nginx')!, ['-c', file, '-e', join(folder, `${place}-start.log`)]);
  startIn(scope, place, BALANCER_CORE, findProgram('iperf3')!, ['-s', '-p', String(BULK)]);
}

async function startEvenkeel(scope: Scope, folder: string): Promise<Started> {
  const file = join(folder, 'evenkeel.yaml');
  const listener = (port: number, pool: string) => ({ bind: `0.0.0.0:${port}`, protocol: 'tcp', mode: 'nat', pool });
  const health = { tcp: true, interval: '2s' };
  const config = {
    workers: 1,
    listeners: { web: listener(80, 'web'), bulk: listener(BULK, 'bulk') },
    pools: {
      web: { endpoints: BACKENDS.map((host) => `${host}:${HTTP}`), health },
      bulk: { endpoints: [`${BACKENDS[0]}:${BULK}`] },
    },
    admin: { bind: '127.0.0.1:9900' },
    drain: { requests: '10ms', streams: '10ms' },
  };
  writeFileSync(file, stringify(config));
  const started = startIn(scope, 'balancer', BALANCER_CORE, process.execPath, [
    EVENKEEL,
    'run',
    '--no-watch',
    '-c',
    file,
  ]);
  await until(
    () => started.output().includes('serving with'),
    () => `evenkeel: ${started.output()}`,
  );
  return started;
}

async function startHaproxy(scope: Scope, folder: string): Promise<Started> {
  const file = join(folder, 'haproxy.cfg');
  const servers = BACKENDS.map((host, i) => `  server s${i} ${host}:${HTTP} check inter 2s`).join('\n');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen web
  bind 0.0.0.0:81 backlog 4096
  balance roundrobin
${servers}
listen bulk
  bind 0.0.0.0:${BULK + 1}
  server one ${BACKENDS[0]}:${BULK}
`,
  );
  const started = startIn(scope, 'balancer', BALANCER_CORE, findProgram('haproxy')!, ['-db', '-f', file]);
  await sleep(1000);
  if (started.child.exitCode !== null) throw new Error(`haproxy: ${started.output()}`);
  return started;
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (condition()) return;
    await sleep(50);
  }
  throw new Error(what());
}

async function measure(scope: Scope, { started, connections, bulk }: Way, seconds: number): Promise<NatSample> {
  const client = (program: 'wrk' | 'iperf3', args: readonly string[]): Promise<string> => {
    const command = ['netns', 'exec', namespaceOf('client'), findProgram(program)!, ...args];
    return scope.run(LOAD_CORE, findProgram('ip')!, command, (seconds + 20) * 1000);
  };
  const machine = machineUs();
  const before = cpuOf(started);
  const url = `http://${connections.host}:${connections.port}/`;
  const text = await client('wrk', ['-t1', '-c64', `-d${seconds}s`, '-H', 'Connection: close', url]);
  const cpuUs = cpuOf(started) - before;
  const machineTotal = machineUs() - machine;
  const made = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (made === 0) throw new Error(`wrk at ${url} got no answer:\n${text}`);
  const errors = [...(/Socket errors: (.*)/.exec(text)?.[1] ?? '').matchAll(/\d+/g)].reduce(
    (sum, [n]) => sum + Number(n),
    0,
  );
  const report = await client('iperf3', ['-J', '-c', bulk.host, '-p', String(bulk.port), '-t', String(seconds)]);
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  const gbits = end.sum_received.bits_per_second / 1e9;
  return { connections: made, seconds, cpuUs, machineUs: machineTotal, errors, gbits };
}

function cpuOf(started: Started | undefined): number {
  if (started === undefined) return 0;
  const { userUs, systemUs } = cpuTime(started.pid);
  return userUs + systemUs;
}

/** Busy time of all cores, interrupts included: what forwarding in the kernel costs is in nobody's process. */
function machineUs(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).slice(1).map(Number);
  const [user, nice, system, , , irq, softirq] = fields;
  return (user + nice + system + irq + softirq) * 10_000;
}
