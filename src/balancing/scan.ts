// Owns the slow path that every kind shares: finding an endpoint when some are excluded. Never allocates, never draws.

import type { Endpoint } from '../core/endpoint.ts';
import type { PickRequest } from './balancer.ts';

/** Index of the first endpoint from `start` on (wrapping around) that is not excluded; −1 when all are. */
export function firstAllowed(endpoints: readonly Endpoint[], start: number, request: PickRequest): number {
  const n = endpoints.length;
  for (let i = start; i < n; i++) if (!request.excludes(endpoints[i])) return i;
  for (let i = 0; i < start; i++) if (!request.excludes(endpoints[i])) return i;
  return -1;
}

export function slotsOf(endpoints: readonly Endpoint[]): Int32Array {
  return Int32Array.from(endpoints, (endpoint) => endpoint.slot);
}

export function weightsOf(endpoints: readonly Endpoint[]): Float64Array {
  return Float64Array.from(endpoints, (endpoint) => endpoint.weight);
}

/** 1 / weight: a multiplication per endpoint and pick instead of a division. */
export function reciprocalsOf(endpoints: readonly Endpoint[]): Float64Array {
  return Float64Array.from(endpoints, (endpoint) => 1 / endpoint.weight);
}

/** Where each endpoint stands. Identity across views is the id; the objects differ from view to view. */
export function indexById(endpoints: readonly Endpoint[]): Map<string, number> {
  return new Map(endpoints.map((endpoint, index) => [endpoint.id, index]));
}

export function equalWeights(endpoints: readonly Endpoint[]): boolean {
  return endpoints.every((endpoint) => endpoint.weight === endpoints[0].weight);
}
