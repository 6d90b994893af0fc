// Owns the interleaved rounds of one scenario: all balancers run side by side, idle while another is measured, and take
// turns A B C A B C …, so that what disturbs the machine disturbs all of them alike.

import { DEBIAN_PACKAGES, findProgram, type Program } from '../../src/testing/programs.ts';
import { startBackends } from './backends.ts';
import { makeCertificate } from './certificate.ts';
import { startGrpcBackends } from './grpc.ts';
import { type H2Load, runH2load } from './h2load.ts';
import { type HandshakeLoad, runHandshakes } from './handshakes.ts';
import { cpuTime } from './proc.ts';
import type { Sample, SubjectResult } from './results.ts';
import { Scope } from './scope.ts';
import { type Behind, missing, type Running, type Subject, startSubject } from './subjects.ts';
import { verify } from './verify.ts';
import { verifyGrpc } from './verify-grpc.ts';
import { verifyPolicy } from './verify-policy.ts';
import { type Load, type LoadResult, runWrk, wrkScript } from './wrk.ts';

type AnyLoad = Load | H2Load | HandshakeLoad;
type Generator = (port: number, seconds: number) => Promise<LoadResult>;

export interface Comparison {
  readonly subjects: readonly Subject[];
  readonly load: AnyLoad;
  readonly endpoints?: number;
  /** A different load for some subjects; the default is `load`. */
  readonly loadOf?: (subject: Subject) => AnyLoad;
}

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** What runs now, for people who wait. */
  readonly progress: (text: string) => void;
  /** Gets the scope, so that Ctrl-C can close it. */
  readonly own: (scope: Scope) => void;
}

export async function compare(comparison: Comparison, options: Options): Promise<SubjectResult[]> {
  const { subjects } = comparison;
  const without = missingTools(comparison);
  if (without !== undefined) return subjects.map(({ name }) => ({ name, missing: without, rounds: [] }));
  const scope = new Scope();
  options.own(scope);
  try {
    const grpc = subjects.some((subject) => subject.grpc);
    const { endpoints } = grpc ? await startGrpcBackends(scope) : await startBackends(scope, comparison.endpoints);
    const certificate = subjects.some(({ tls }) => tls) ? await makeCertificate(scope) : undefined;
    const left = new Map<string, string>();
    const running = await startAll(scope, subjects, { endpoints, certificate }, left, options);
    const samples = new Map<string, Sample[]>(running.map(({ subject }) => [subject.name, []]));
    const generators = new Map(
      running.map(({ subject }) => {
        const load = comparison.loadOf?.(subject) ?? comparison.load;
        return [subject.name, generatorOf(scope, load)];
      }),
    );
    for (let round = 0; round <= options.rounds; round++) {
      for (const one of running) {
        const generate = generators.get(one.subject.name)!;
        // Round 0 warms up: compilers, connections and caches are part of no balancer's usual day.
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(one, generate, seconds);
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${one.subject.name}: ${shortOf(sample)}`);
        if (round > 0) samples.get(one.subject.name)!.push(sample);
      }
    }
    return subjects.map(({ name }) => ({ name, missing: left.get(name), rounds: samples.get(name) ?? [] }));
  } finally {
    await scope.close();
  }
}

/** Why nobody can be measured here, or undefined. nginx and wrk were asked for before. */
function missingTools({ subjects, load }: Comparison): string | undefined {
  const needed: readonly Program[] = [
    ...(subjects.some(({ tls }) => tls) ? (['openssl'] as const) : []),
    ...(load.by === 'h2load' ? (['h2load'] as const) : []),
  ];
  const packages = needed.filter((program) => findProgram(program) === undefined).map((one) => DEBIAN_PACKAGES[one]);
  return packages.length === 0 ? undefined : `left out: not installed (Debian: apt-get install ${packages.join(' ')})`;
}

function generatorOf(scope: Scope, load: AnyLoad): Generator {
  if (load.by === 'h2load') return (port, seconds) => runH2load(scope, load, port, seconds);
  if (load.by === 'handshakes') return (port, seconds) => runHandshakes(scope, load, port, seconds);
  const script = wrkScript(scope, load);
  return (port, seconds) => runWrk(scope, script, load, port, seconds);
}

async function startAll(
  scope: Scope,
  subjects: readonly Subject[],
  behind: Behind,
  left: Map<string, string>,
  { progress }: Options,
): Promise<Running[]> {
  const running: Running[] = [];
  for (const subject of subjects) {
    let problem = missing(subject.kind);
    if (problem === undefined) {
      try {
        const one = await startSubject(scope, subject, behind);
        problem = await verifierOf(subject)(one, behind);
        if (problem === undefined) running.push(one);
        else await scope.stop(one.started);
      } catch (error) {
        problem = (error as Error).message
          .trim()
          .split('\n')[0]
          .replace(/\S*\/evenkeel-bench-\w+\//g, '');
      }
    }
    if (problem === undefined) continue;
    left.set(subject.name, problem);
    progress(`${subject.name}: ${problem}`);
  }
  return running;
}

function verifierOf({ grpc, policy }: Subject): (one: Running, behind: Behind) => Promise<string | undefined> {
  if (policy !== undefined) return (one) => verifyPolicy(one, policy);
  return grpc ? verifyGrpc : verify;
}

async function measure(one: Running, generate: Generator, seconds: number): Promise<Sample> {
  const { pid } = one.started;
  const before = cpuTime(pid);
  const { requests, ...seen } = await generate(one.port, seconds);
  const after = cpuTime(pid);
  if (requests === 0) throw new Error(`${one.subject.name} answered nothing: ${one.started.output()}`);
  return {
    requests,
    ...seen,
    userUs: (after.userUs - before.userUs) / requests,
    systemUs: (after.systemUs - before.systemUs) / requests,
  };
}

function shortOf({ userUs, systemUs, requests, seconds, errors }: Sample): string {
  const cpu = `${(userUs + systemUs).toFixed(1)} µs/request`;
  return `${cpu}, ${Math.round(requests / seconds)} requests/s${errors > 0 ? `, ${errors} ERRORS` : ''}`;
}
