// Owns the measurement of memory per idle connection: resident memory before and after many clients connected, asked once
// and went quiet. Every round starts the balancers anew, because memory is rarely given back.

import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBackends } from './backends.ts';
import { LOAD_CORE } from './cores.ts';
import type { Options } from './measure.ts';
import { residentBytes } from './proc.ts';
import { Scope } from './scope.ts';
import { missing, type Subject, startSubject } from './subjects.ts';
import { runWrk, wrkScript } from './wrk.ts';

const WANTED = 10_000;
/** What a balancer needs beside its clients: connections to backends, files. */
const RESERVE = 2000;
const CLIENTS = fileURLToPath(new URL('./idle-clients.ts', import.meta.url));

export interface MemoryResult {
  readonly name: string;
  readonly missing?: string;
  readonly bytes: readonly number[];
}

/** A relay needs two sockets a connection. */
export function idleConnections(subjects: readonly Subject[]): number {
  const limit = Number(execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || Number.POSITIVE_INFINITY;
  const sockets = subjects.some(({ tcp }) => tcp) ? 2 : 1;
  return Math.max(100, Math.min(WANTED, Math.floor((limit - RESERVE) / sockets)));
}

export async function measureMemory(subjects: readonly Subject[], options: Options): Promise<MemoryResult[]> {
  const bytes = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const subject of subjects) {
      if (missing(subject.kind) !== undefined) continue;
      const perConnection = await measureOne(subject, idleConnections(subjects), options);
      bytes.get(subject.name)!.push(perConnection);
      options.progress(`round ${round} ${subject.name}: ${(perConnection / 1024).toFixed(1)} KiB/connection`);
    }
  }
  return subjects.map(({ name, kind }) => ({ name, missing: missing(kind), bytes: bytes.get(name)! }));
}

async function measureOne(subject: Subject, count: number, { seconds, own }: Options): Promise<number> {
  const scope = new Scope();
  own(scope);
  try {
    const { endpoints } = await startBackends(scope);
    const { port, started } = await startSubject(scope, subject, { endpoints });
    const load = { connections: 64, path: '/' };
    const script = wrkScript(scope, load);
    // The same light traffic before both looks, so that garbage of the past is collected and code is compiled.
    const settle = async (): Promise<number> => {
      await runWrk(scope, script, load, port, Math.min(3, seconds));
      await sleep(1000);
      return residentBytes(started.pid);
    };
    await settle();
    const before = await settle();
    const clients = scope.start(LOAD_CORE, process.execPath, [CLIENTS, String(port), String(count)]);
    let held = 0;
    for (let waited = 0; held === 0; waited += 100) {
      if (waited > 60_000) throw new Error(`${subject.name}: only part of ${count} connections could be opened`);
      await sleep(100);
      held = Number(/holding (\d+)/.exec(clients.output())?.[1] ?? 0);
    }
    if (held < count * 0.99) throw new Error(`${subject.name} keeps ${held} of ${count} idle connections`);
    return ((await settle()) - before) / held;
  } finally {
    await scope.close();
  }
}
