// Owns the interleaved rounds over name servers: the same zone in each, questions for names spread over all of it (or from networks
// spread over the world) by dnsperf. A "request" is a query and its answer.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import dnsPacket from 'dns-packet';
import { findProgram, type Program } from '../../src/testing/programs.ts';
import { BOTH_CORES, LOAD_CORE } from './cores.ts';
import {
  missingDns,
  type NameServer,
  proof,
  proofOfPlaces,
  startEvenkeel,
  startGdnsd,
  startGeo,
  zoneOf,
} from './dns-servers.ts';
import type { Options } from './measure.ts';
import { cpuTime } from './proc.ts';
import type { Sample, SubjectResult } from './results.ts';
import { Scope } from './scope.ts';

export type DnsComparison =
  /** A records of a zone, one a name: Evenkeel and gdnsd; with `half`, at half the rate that Evenkeel can answer. */
  | { readonly kind: 'static'; readonly records: number; readonly half?: boolean }
  /** One name steered by continent, asked for so many networks: Evenkeel and PowerDNS. */
  | { readonly kind: 'geo'; readonly networks: number }
  /** Evenkeel with two workers and with one. */
  | { readonly kind: 'workers'; readonly records: number };

/** What dnsperf is to do: which questions, and at most how many a second (0: as many as it can). */
interface Load {
  readonly questions: readonly string[];
  readonly rate: number;
}

const QUESTIONS = 50_000;
/** Coprime to the numbers of records, so that questions jump about in the zone. */
const STRIDE = 7919;
const UNDER_WAY = ['-q', '200', '-c', '20'];
/** Queries a second that tell their latency, beside a load that is limited. */
const PROBES = 2000;
/** Networks that are looked at before a measurement: some of most continents. */
const PROBED = 40;

export async function compareDns(comparison: DnsComparison, options: Options): Promise<SubjectResult[]> {
  const rival = ({ static: 'gdnsd', geo: 'pdns_server', workers: undefined } as const)[comparison.kind];
  const without = missingDns('dnsperf', 'dig', ...(rival === undefined ? [] : ([rival] satisfies Program[])));
  if (without !== undefined) return [{ name: rival ?? 'dnsperf', missing: without, rounds: [] }];
  const scope = new Scope();
  options.own(scope);
  try {
    const { servers, questions } = await (comparison.kind === 'geo'
      ? steered(scope, comparison.networks)
      : plain(scope, comparison, options));
    const samples = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
    let rate = 0;
    for (let round = 0; round <= options.rounds; round++) {
      for (const server of servers) {
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(scope, server, { questions, rate: round === 0 ? 0 : rate }, seconds);
        const answered = Math.round(sample.requests / sample.seconds);
        if (round === 0 && server === servers[0] && comparison.kind === 'static' && comparison.half)
          rate = Math.round(answered / 2);
        const text = `${(sample.userUs + sample.systemUs).toFixed(1)} µs/query, ${answered} queries/s, p99 ${Math.round(sample.p99Us)} µs, ${sample.errors} lost`;
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${server.name}: ${text}`);
        if (round > 0) samples.get(server.name)!.push(sample);
      }
    }
    return servers.map(({ name }) => ({ name, rounds: samples.get(name)! }));
  } finally {
    await scope.close();
  }
}

async function plain(
  scope: Scope,
  { kind, records }: Extract<DnsComparison, { records: number }>,
  { progress }: Options,
): Promise<{ readonly servers: NameServer[]; readonly questions: readonly string[] }> {
  const questions = join(scope.folder(), 'questions');
  const names = Array.from({ length: QUESTIONS }, (_, i) => `host${(i * STRIDE) % records}.example.com A\n`);
  writeFileSync(questions, names.join(''));
  const zone = zoneOf(records);
  const began = performance.now();
  const of = (workers: number): Promise<NameServer> =>
    startEvenkeel(scope, zone, {
      name: `Evenkeel, ${workers} worker${workers === 1 ? '' : 's'}`,
      workers,
      cores: BOTH_CORES,
    });
  const servers = [kind === 'workers' ? await of(2) : await startEvenkeel(scope, zone)];
  progress(`Evenkeel: up with the zone in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  servers.push(kind === 'workers' ? await of(1) : await startGdnsd(scope, zone));
  for (const server of servers) await proof(scope, server, records);
  return { servers, questions: ['-d', questions] };
}

async function steered(
  scope: Scope,
  networks: number,
): Promise<{ readonly servers: NameServer[]; readonly questions: readonly string[] }> {
  const { servers, expected } = await startGeo(scope);
  const list = Array.from({ length: networks }, (_, i) => networkOf(i));
  for (const server of servers) await proofOfPlaces(scope, server, list.slice(0, PROBED), expected);
  const questions = join(scope.folder(), 'questions');
  writeFileSync(questions, Buffer.concat(list.map(framed)));
  return { servers, questions: ['-B', '-d', questions] };
}

/** A /24: a sequence that jumps about in 1.0.0.0 - 223.255.255.0, the same at every run. */
function networkOf(i: number): string {
  const bits = Math.imul(i + 1, 0x9e3779b1) >>> 8;
  return `${1 + ((bits >>> 16) % 223)}.${(bits >>> 8) & 255}.${bits & 255}.0`;
}

/** As by TCP, which is the form that dnsperf takes for questions it cannot make itself. */
function framed(ip: string): Buffer {
  const subnet = { code: 'CLIENT_SUBNET' as const, family: 1, sourcePrefixLength: 24, scopePrefixLength: 0, ip };
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [subnet] };
  const message = dnsPacket.encode({
    type: 'query',
    questions: [{ name: 'www.example.com', type: 'A' }],
    additionals: [opt as unknown as dnsPacket.Answer],
  });
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);
}

async function measure(scope: Scope, server: NameServer, { questions, rate }: Load, seconds: number): Promise<Sample> {
  const { pid } = server.started;
  const dnsperf = (...more: string[]): Promise<string> => {
    const args = ['-s', '127.0.0.1', '-p', `${server.port}`, ...questions, ...UNDER_WAY, ...more];
    return scope.run(LOAD_CORE, findProgram('dnsperf')!, args, (seconds + 60) * 1000);
  };
  const told = (output: string, pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const timed = ['-l', `${seconds}`];
  const before = cpuTime(pid);
  // Telling every latency costs dnsperf much, and makes it send in bursts: under a limited load others tell them, a few beside it;
  // under full load that is a run of its own.
  const outputs = await Promise.all(
    rate === 0
      ? [dnsperf(...timed)]
      : [dnsperf(...timed, '-Q', `${rate - PROBES}`), dnsperf(...timed, '-Q', `${PROBES}`, '-v')],
  );
  const after = cpuTime(pid);
  const sum = (pattern: RegExp): number => outputs.reduce((total, output) => total + told(output, pattern), 0);
  const requests = sum(/Queries completed:\s+(\d+)/);
  if (!(requests > 0)) throw new Error(`${server.name} answered nothing:\n${outputs[0]}\n${server.started.output()}`);
  const verbose = rate === 0 ? await dnsperf('-v', '-n', '1') : outputs.at(-1)!;
  const latencies = Array.from(verbose.matchAll(/^> NOERROR .*?(\d+\.\d+)$/gm), ([, text]) => Number(text) * 1e6);
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0;
  return {
    requests,
    seconds: told(outputs[0], /Run time \(s\):\s+([\d.]+)/),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    errors: sum(/Queries lost:\s+(\d+)/),
    userUs: (after.userUs - before.userUs) / requests,
    systemUs: (after.systemUs - before.systemUs) / requests,
  };
}
