// Owns the interleaved rounds over UDP relays: as measure.ts does for requests, with a load generator and servers of its own,
// because wrk speaks no UDP. One "request" is one datagram and its answer: two datagrams in, two out.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram } from '../../src/testing/programs.ts';
import { BALANCER_CORE, LOAD_CORE } from './cores.ts';
import type { Options } from './measure.ts';
import { cpuTime } from './proc.ts';
import type { Sample, SubjectResult } from './results.ts';
import { Scope, type Started } from './scope.ts';

export interface UdpComparison {
  readonly clients: number;
  /** Responses that end a flow; 0 for flows that go on. */
  readonly responses: number;
}

interface Relay {
  readonly name: string;
  readonly port: number;
  readonly started: Started;
}

const PEERS = fileURLToPath(new URL('./udp-peers.ts', import.meta.url));
const EVENKEEL = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const SERVERS = 3;

/** Why it cannot be measured here, or undefined. */
export function missingUdp(): string | undefined {
  if (findProgram('nginx') !== undefined && existsSync(STREAM_MODULE)) return undefined;
  return 'left out: not installed (Debian: apt-get install nginx libnginx-mod-stream)';
}

export async function compareUdp(comparison: UdpComparison, options: Options): Promise<SubjectResult[]> {
  const scope = new Scope();
  options.own(scope);
  try {
    const endpoints = await startServers(scope);
    const relays = [await startEvenkeel(scope, comparison, endpoints), await startNginx(scope, comparison, endpoints)];
    const samples = new Map<string, Sample[]>(relays.map(({ name }) => [name, []]));
    for (let round = 0; round <= options.rounds; round++) {
      for (const relay of relays) {
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(scope, relay, comparison, seconds);
        const text = `${(sample.userUs + sample.systemUs).toFixed(1)} µs/request, ${Math.round(sample.requests / sample.seconds)} requests/s, ${sample.errors} lost`;
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${relay.name}: ${text}`);
        if (round > 0) samples.get(relay.name)!.push(sample);
      }
    }
    return relays.map(({ name }) => ({ name, rounds: samples.get(name)! }));
  } finally {
    await scope.close();
  }
}

async function startServers(scope: Scope): Promise<string[]> {
  const started = scope.start(LOAD_CORE, process.execPath, [PEERS, 'echo', `${SERVERS}`]);
  const ports = await said(started, /ports ([\d ]+)\n/);
  return ports[1].split(' ').map((port) => `127.0.0.1:${port}`);
}

async function startEvenkeel(scope: Scope, { responses }: UdpComparison, endpoints: readonly string[]): Promise<Relay> {
  const [port, adminPort] = await freePorts(2);
  const file = join(scope.folder(), 'evenkeel.yaml');
  const relay = { bind: `127.0.0.1:${port}`, protocol: 'udp', pool: 'servers', flow: { responses } };
  const admin = { bind: `127.0.0.1:${adminPort}` };
  writeFileSync(file, stringify({ workers: 1, listeners: { relay }, pools: { servers: { endpoints } }, admin }));
  const args = [EVENKEEL, 'run', '-c', file];
  const started = scope.start(BALANCER_CORE, process.execPath, args, { NODE_ENV: 'production' });
  await said(started, /serving with/);
  return { name: 'Evenkeel', port, started };
}

async function startNginx(scope: Scope, { responses }: UdpComparison, endpoints: readonly string[]): Promise<Relay> {
  const [port] = await freePorts(1);
  const folder = scope.folder();
  const file = join(folder, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const ends = responses === 0 ? '' : `proxy_responses ${responses};`;
  const servers = endpoints.map((endpoint) => `server ${endpoint};`).join(' ');
  writeFileSync(
    file,
    `load_module ${STREAM_MODULE};
${user} daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;
worker_rlimit_nofile 65000;
events { worker_connections 32768; }
stream { upstream servers { ${servers} }
  server { listen 127.0.0.1:${port} udp; proxy_pass servers; proxy_timeout 60s; ${ends} } }
`,
  );
  const started = scope.start(BALANCER_CORE, findProgram('nginx')!, ['-c', file, '-e', join(folder, 'start.log')]);
  await sleep(300);
  if (started.child.exitCode !== null) throw new Error(`nginx ended: ${started.output()}`);
  return { name: 'nginx', port, started };
}

async function measure(scope: Scope, relay: Relay, { clients }: UdpComparison, seconds: number): Promise<Sample> {
  const { pid } = relay.started;
  const before = cpuTime(pid);
  const args = [PEERS, 'ask', `${relay.port}`, `${clients}`, `${seconds}`];
  const output = await scope.run(LOAD_CORE, process.execPath, args, (seconds + 30) * 1000);
  const after = cpuTime(pid);
  const result = /RESULT (\S+) (\S+) (\S+) (\S+) (\S+)/.exec(output);
  if (result === null) throw new Error(`the load generator said:\n${output}`);
  const [requests, took, p50Us, p99Us, errors] = result.slice(1).map(Number);
  if (requests === 0) throw new Error(`${relay.name} answered nothing: ${relay.started.output()}`);
  return {
    requests,
    seconds: took,
    p50Us,
    p99Us,
    errors,
    userUs: (after.userUs - before.userUs) / requests,
    systemUs: (after.systemUs - before.systemUs) / requests,
  };
}

async function said(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  for (let i = 0; i < 500; i++) {
    const match = pattern.exec(started.output());
    if (match !== null) return match;
    if (started.child.exitCode !== null) break;
    await sleep(20);
  }
  throw new Error(`never said ${pattern}: ${started.output()}`);
}
