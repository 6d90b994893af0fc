// Owns the buffers that all threads of one balancer share, and their fixed sizes.

import { Counters, type CountersShape } from '../core/counters.ts';
import { KeyedTable, type KeyedTableShape } from '../core/keyed-table.ts';
import { LoadTable, type LoadTableShape } from '../core/load-table.ts';
import { RateTable } from '../limits/rate-table.ts';

export const MAX_ENDPOINTS = 16_384;
export const MAX_POOLS = 2048;
export const MAX_LISTENERS = 256;
/** Routes, and variants of splits. */
export const MAX_VARIANTS = 8192;
/** Clients whose connections are counted, and clients that are pinned, per worker. */
const KEYED_ENTRIES = 131_072;
/** Keys of rate limits, over all workers: 64 MiB, of which only what is used takes memory. */
export const RATE_ENTRIES = 4_194_304;

export interface SharedMemory {
  readonly load: ArrayBufferLike;
  readonly counters: ArrayBufferLike;
  readonly counts: ArrayBufferLike;
  readonly pins: ArrayBufferLike;
  readonly rates: ArrayBufferLike;
  readonly workers: number;
}

function loadShape(workers: number): LoadTableShape {
  return { capacity: MAX_ENDPOINTS, pools: MAX_POOLS, workers };
}

export function countersShape(workers: number): CountersShape {
  // One region more than there are workers: the control plane's, which counts what the kernel forwards.
  const capacity = { endpoints: MAX_ENDPOINTS, pools: MAX_POOLS, listeners: MAX_LISTENERS, variants: MAX_VARIANTS };
  return { ...capacity, workers: workers + 1 };
}

function keyedShape(workers: number): KeyedTableShape {
  return { entries: KEYED_ENTRIES, workers };
}

export function createSharedMemory(workers: number): SharedMemory {
  return {
    load: new SharedArrayBuffer(LoadTable.byteLength(loadShape(workers))),
    counters: new SharedArrayBuffer(Counters.byteLength(countersShape(workers))),
    counts: new SharedArrayBuffer(KeyedTable.byteLength(keyedShape(workers))),
    pins: new SharedArrayBuffer(KeyedTable.byteLength(keyedShape(workers))),
    rates: new SharedArrayBuffer(RateTable.byteLength(RATE_ENTRIES)),
    workers,
  };
}

export function ratesOf(memory: SharedMemory): RateTable {
  return new RateTable(memory.rates, RATE_ENTRIES);
}

export function loadTableOf(memory: SharedMemory, worker: number): LoadTable {
  return new LoadTable(memory.load, loadShape(memory.workers), worker);
}

export function countersOf(memory: SharedMemory, worker: number): Counters {
  return new Counters(memory.counters, countersShape(memory.workers), worker);
}

/** The control plane's own region. */
export function controlCountersOf(memory: SharedMemory): Counters {
  return countersOf(memory, memory.workers);
}

export function countsOf(memory: SharedMemory, worker: number): KeyedTable {
  return new KeyedTable(memory.counts, keyedShape(memory.workers), worker);
}

export function pinsOf(memory: SharedMemory, worker: number): KeyedTable {
  return new KeyedTable(memory.pins, keyedShape(memory.workers), worker);
}
