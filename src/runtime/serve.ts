// Owns building one worker's data plane over the shared memory: the same in a worker thread and in the main thread.

import { randomBytes } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import { W } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { SpanRecord } from '../core/tracer.ts';
import { AccessLog } from '../observe/access-log.ts';
import { SpanBuffer } from '../observe/tracing/span-buffer.ts';
import { DataPlane } from './data-plane.ts';
import type { OnNotice } from './filter-notices.ts';
import { countersOf, countsOf, loadTableOf, pinsOf, ratesOf, type SharedMemory } from './shared-memory.ts';

export interface ServeOptions {
  readonly env: Env;
  readonly memory: SharedMemory;
  readonly worker: number;
  readonly onSignal: () => void;
  /** Something for the log of the process. */
  readonly onNotice: OnNotice;
  /** Spans for whoever sends them on. */
  readonly onSpans: (spans: readonly SpanRecord[]) => void;
}

const MEASURE_MS = 1000;

export function serve({ env, memory, worker, onSignal, onNotice, onSpans }: ServeOptions): DataPlane {
  const counters = countersOf(memory, worker);
  measure(env, (delayMs) => {
    counters.worker(W.loopDelayMs, delayMs);
    // Not process.memoryUsage(): that opens a file, and throws when there are too many.
    counters.worker(W.heapBytes, getHeapStatistics().used_heap_size);
  });
  return new DataPlane({
    env: { ...env, load: loadTableOf(memory, worker) },
    counters,
    counts: countsOf(memory, worker),
    pins: pinsOf(memory, worker),
    rates: ratesOf(memory),
    idPrefix: `${randomBytes(6).toString('hex')}${worker.toString(36)}-`,
    worker,
    workers: memory.workers,
    shared: memory.workers > 1,
    onSignal,
    onNotice,
    spans: new SpanBuffer({
      clock: env.clock,
      post: onSpans,
      taken: () => counters.readWorker(W.spansTaken),
      onDrop: () => counters.addWorker(W.spansDropped),
    }),
    openLog: ({ config }) => {
      if (config.accessLog === undefined) return undefined;
      const onDrop = (total: number) => counters.worker(W.logDropped, total);
      return new AccessLog({ ...config.accessLog, epoch: env.clock.epoch, random: env.random, onDrop });
    },
  });
}

/** How late a timer comes is how long the event loop was busy. */
function measure(env: Env, report: (delayMs: number) => void): void {
  let due = env.clock.now() + MEASURE_MS;
  const timer = setInterval(() => {
    const now = env.clock.now();
    report(Math.max(0, now - due));
    due = now + MEASURE_MS;
  }, MEASURE_MS);
  timer.unref();
}
