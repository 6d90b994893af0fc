// Owns the interleaved rounds over name servers: the same zone in each, questions for names spread over all of it by dnsperf.
// A "request" is a query and its answer.

import { mkdirSync, writeFileSync } from 'node:fs';
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

export interface DnsComparison {
  /** A records of the zone, one a name. */
  readonly records: number;
}

interface NameServer {
  readonly name: string;
  readonly port: number;
  readonly started: Started;
}

const EVENKEEL = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const QUESTIONS = 50_000;
/** Coprime to the numbers of records, so that questions jump about in the zone. */
const STRIDE = 7919;
const LOAD = ['-q', '200', '-c', '20'];
const START_MS = 60_000;

/** Why it cannot be measured here, or undefined. */
export function missingDns(): string | undefined {
  if (findProgram('gdnsd') !== undefined && findProgram('dnsperf') !== undefined) return undefined;
  return 'left out: not installed (Debian: apt-get install gdnsd dnsperf)';
}

export async function compareDns({ records }: DnsComparison, options: Options): Promise<SubjectResult[]> {
  const scope = new Scope();
  options.own(scope);
  try {
    const folder = scope.folder();
    const questions = join(folder, 'questions');
    writeFileSync(
      questions,
      Array.from({ length: QUESTIONS }, (_, i) => `host${(i * STRIDE) % records}.example.com A\n`).join(''),
    );
    const zone = zoneOf(records);
    const servers = [await startEvenkeel(scope, zone, options), await startGdnsd(scope, zone)];
    for (const server of servers) await proof(scope, server, records);
    const samples = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
    for (let round = 0; round <= options.rounds; round++) {
      for (const server of servers) {
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(scope, server, questions, seconds);
        const text = `${(sample.userUs + sample.systemUs).toFixed(1)} µs/query, ${Math.round(sample.requests / sample.seconds)} queries/s, ${sample.errors} lost`;
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${server.name}: ${text}`);
        if (round > 0) samples.get(server.name)!.push(sample);
      }
    }
    return servers.map(({ name }) => ({ name, rounds: samples.get(name)! }));
  } finally {
    await scope.close();
  }
}

function zoneOf(records: number): string {
  const hosts = Array.from({ length: records }, (_, i) => `host${i} A ${addressOf(i)}\n`);
  return `$TTL 300\n@ SOA ns1 admin 1 3600 600 86400 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n${hosts.join('')}`;
}

const addressOf = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

async function startEvenkeel(scope: Scope, zone: string, options: Options): Promise<NameServer> {
  const [port, adminPort] = await freePorts(2);
  const folder = scope.folder();
  const file = join(folder, 'evenkeel.yaml');
  writeFileSync(join(folder, 'example.com.zone'), zone);
  const dns = { bind: `127.0.0.1:${port}`, zones: { 'example.com': { file: 'example.com.zone' } } };
  writeFileSync(
    file,
    stringify({ workers: 1, dns, listeners: {}, pools: {}, admin: { bind: `127.0.0.1:${adminPort}` } }),
  );
  const args = [EVENKEEL, 'run', '-c', file];
  const began = performance.now();
  const started = scope.start(BALANCER_CORE, process.execPath, args, { NODE_ENV: 'production' });
  await said(started, /serving with/);
  options.progress(`Evenkeel: up with the zone in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return { name: 'Evenkeel', port, started };
}

async function startGdnsd(scope: Scope, zone: string): Promise<NameServer> {
  const [port] = await freePorts(1);
  const folder = scope.folder();
  for (const part of ['zones', 'run', 'state']) mkdirSync(join(folder, part));
  writeFileSync(join(folder, 'zones', 'example.com'), zone);
  writeFileSync(
    join(folder, 'config'),
    `options => {
  listen => [ 127.0.0.1:${port} ]
  run_dir => ${join(folder, 'run')}
  state_dir => ${join(folder, 'state')}
  udp_threads => 1
  tcp_threads => 1
}
`,
  );
  const started = scope.start(BALANCER_CORE, findProgram('gdnsd')!, ['-c', folder, 'start']);
  await said(started, /DNS listeners started/);
  return { name: 'gdnsd', port, started };
}

async function said(started: Started, pattern: RegExp): Promise<void> {
  for (let waited = 0; waited < START_MS; waited += 20) {
    if (pattern.test(started.output())) return;
    if (started.child.exitCode !== null) break;
    await sleep(20);
  }
  throw new Error(`never said ${pattern}: ${started.output()}`);
}

/** The last name of the zone is answered rightly, and one behind it is not there. */
async function proof(scope: Scope, { name, port }: NameServer, records: number): Promise<void> {
  const dig = (host: string): Promise<string> =>
    scope.run(LOAD_CORE, findProgram('dig')!, ['@127.0.0.1', '-p', `${port}`, `${host}.example.com`, 'A'], 10_000);
  const last = await dig(`host${records - 1}`);
  const missing = await dig(`host${records}`);
  if (!last.includes(`\tA\t${addressOf(records - 1)}\n`) || !missing.includes('status: NXDOMAIN'))
    throw new Error(`${name} answers wrongly:\n${last}\n${missing}`);
}

async function measure(scope: Scope, server: NameServer, questions: string, seconds: number): Promise<Sample> {
  const { pid } = server.started;
  const args = ['-s', '127.0.0.1', '-p', `${server.port}`, '-d', questions, ...LOAD];
  const before = cpuTime(pid);
  const output = await scope.run(
    LOAD_CORE,
    findProgram('dnsperf')!,
    [...args, '-l', `${seconds}`],
    (seconds + 30) * 1000,
  );
  const after = cpuTime(pid);
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const requests = number(/Queries completed:\s+(\d+)/);
  if (!(requests > 0)) throw new Error(`${server.name} answered nothing:\n${output}\n${server.started.output()}`);
  // Telling every latency costs dnsperf much, so that is a run of its own.
  const each = await scope.run(LOAD_CORE, findProgram('dnsperf')!, [...args, '-v', '-n', '1'], 60_000);
  const latencies = Array.from(each.matchAll(/^> \S+ \S+ A (\d+\.\d+)$/gm), ([, text]) => Number(text) * 1e6).sort(
    (a, b) => a - b,
  );
  const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0;
  return {
    requests,
    seconds: number(/Run time \(s\):\s+([\d.]+)/),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    errors: number(/Queries lost:\s+(\d+)/),
    userUs: (after.userUs - before.userUs) / requests,
    systemUs: (after.systemUs - before.systemUs) / requests,
  };
}
