// Owns the buffers that all threads of one balancer share, and their fixed sizes.

import { Counters, type CountersShape } from '../core/counters.ts';
import { LoadTable, type LoadTableShape } from '../core/load-table.ts';

export const MAX_ENDPOINTS = 16_384;
export const MAX_POOLS = 2048;
export const MAX_LISTENERS = 256;

export interface SharedMemory {
  readonly load: ArrayBufferLike;
  readonly counters: ArrayBufferLike;
  readonly workers: number;
}

function loadShape(workers: number): LoadTableShape {
  return { capacity: MAX_ENDPOINTS, pools: MAX_POOLS, workers };
}

export function countersShape(workers: number): CountersShape {
  return { endpoints: MAX_ENDPOINTS, pools: MAX_POOLS, listeners: MAX_LISTENERS, workers };
}

export function createSharedMemory(workers: number): SharedMemory {
  return {
    load: new SharedArrayBuffer(LoadTable.byteLength(loadShape(workers))),
    counters: new SharedArrayBuffer(Counters.byteLength(countersShape(workers))),
    workers,
  };
}

export function loadTableOf(memory: SharedMemory, worker: number): LoadTable {
  return new LoadTable(memory.load, loadShape(memory.workers), worker);
}

export function countersOf(memory: SharedMemory, worker: number): Counters {
  return new Counters(memory.counters, countersShape(memory.workers), worker);
}
