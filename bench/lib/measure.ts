// Owns the interleaved rounds of one scenario: all balancers run side by side, idle while another is measured, and take
// turns A B C A B C …, so that what disturbs the machine disturbs all of them alike.

import { startBackends } from './backends.ts';
import { cpuTime } from './proc.ts';
import type { Sample, SubjectResult } from './results.ts';
import { Scope } from './scope.ts';
import { missing, type Running, type Subject, startSubject } from './subjects.ts';
import { verify } from './verify.ts';
import { type Load, runWrk, wrkScript } from './wrk.ts';

export interface Comparison {
  readonly subjects: readonly Subject[];
  readonly load: Load;
  readonly endpoints?: number;
  /** A different load for some subjects; the default is `load`. */
  readonly loadOf?: (subject: Subject) => Load;
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
  const scope = new Scope();
  options.own(scope);
  try {
    const { endpoints } = await startBackends(scope, comparison.endpoints);
    const left = new Map<string, string>();
    const running = await startAll(scope, comparison.subjects, endpoints, left, options);
    const samples = new Map<string, Sample[]>(running.map(({ subject }) => [subject.name, []]));
    const scripts = new Map(
      running.map(({ subject }) => {
        const load = comparison.loadOf?.(subject) ?? comparison.load;
        return [subject.name, { load, script: wrkScript(scope, load) }];
      }),
    );
    for (let round = 0; round <= options.rounds; round++) {
      for (const one of running) {
        const { load, script } = scripts.get(one.subject.name)!;
        // Round 0 warms up: compilers, connections and caches are part of no balancer's usual day.
        const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
        const sample = await measure(scope, one, load, script, seconds);
        options.progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${one.subject.name}: ${shortOf(sample)}`);
        if (round > 0) samples.get(one.subject.name)!.push(sample);
      }
    }
    return comparison.subjects.map(({ name }) => ({ name, missing: left.get(name), rounds: samples.get(name) ?? [] }));
  } finally {
    await scope.close();
  }
}

async function startAll(
  scope: Scope,
  subjects: readonly Subject[],
  endpoints: readonly string[],
  left: Map<string, string>,
  { progress }: Options,
): Promise<Running[]> {
  const running: Running[] = [];
  for (const subject of subjects) {
    let problem = missing(subject.kind);
    if (problem === undefined) {
      const one = await startSubject(scope, subject, endpoints);
      problem = await verify(one);
      if (problem === undefined) running.push(one);
      else await scope.stop(one.started);
    }
    if (problem === undefined) continue;
    left.set(subject.name, problem);
    progress(`${subject.name}: ${problem}`);
  }
  return running;
}

async function measure(scope: Scope, one: Running, load: Load, script: string, seconds: number): Promise<Sample> {
  const { pid } = one.started;
  const before = cpuTime(pid);
  const { requests, ...seen } = await runWrk(scope, script, load, one.port, seconds);
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
