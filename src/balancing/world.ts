// Owns a small world in which a balancer can be tried: endpoints, a view, requests, and an env whose chance is seeded and
// whose clock is moved by hand. For the conformance kit, tests and benchmarks; never for production.

import type { Endpoint } from '../core/endpoint.ts';
import { LoadTable } from '../core/load-table.ts';
import type { BalancerEnv, PickRequest, View } from './balancer.ts';

export interface World {
  readonly env: BalancerEnv;
  readonly load: LoadTable;
  advance(ms: number): void;
}

/** `capacity` is the number of slots of the load table. */
export function createWorld(seed = 1, capacity = 64): World {
  const load = LoadTable.local(capacity);
  let now = 1000;
  let state = seed >>> 0;
  // splitmix32: passes the usual batteries and fits in four lines.
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return {
    load,
    env: {
      load,
      random: { u32, unit: () => u32() / 4294967296 },
      clock: {
        now: () => now,
        epoch: () => 1_700_000_000_000 + now,
        after: () => ({ cancel: () => {} }),
      },
    },
    advance(ms) {
      now += ms;
    },
  };
}

/** Endpoints at 10.0.0.0:8080, 10.0.0.1:8080, ... with these weights; slot i for the i-th. */
export function endpointsOf(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, slot) => {
    const host = `10.0.${slot >> 8}.${slot & 255}`;
    return { id: `pool/${host}:8080`, address: { host, port: 8080 }, weight, tier: 0, zone: '', slot };
  });
}

export function viewOf(endpoints: readonly Endpoint[], version = 1): View {
  return { version, endpoints, mode: endpoints.length === 0 ? 'empty' : 'normal' };
}

/** A request for `key` that excludes the endpoints with these ids. */
export function requestFor(key = '', excluded?: ReadonlySet<string>): PickRequest {
  return { key, excluding: excluded !== undefined, excludes: (endpoint) => excluded?.has(endpoint.id) ?? false };
}
