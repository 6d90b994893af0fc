// Owns what runs on an endpoint right now: requests, upgraded connections, sessions that are pinned to it.

import { countPins } from '../affinity/pin-table.ts';
import { type Counters, E } from '../core/counters.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { Running } from './facade.ts';
import { sum } from './metrics.ts';
import type { Blueprint } from './snapshot.ts';

export interface RunningParts {
  readonly blueprint: () => Blueprint | undefined;
  readonly load: LoadTable;
  readonly counters: readonly Counters[];
  readonly pins: KeyedTable;
  readonly clock: Clock;
}

export function runningOn(parts: RunningParts): (id: EndpointId) => Running | undefined {
  const { blueprint, load, counters, pins, clock } = parts;
  return (id) => {
    const current = blueprint();
    for (const pool of current?.pools ?? []) {
      const endpoint = id.startsWith(`${pool.name}/`) ? pool.endpoints.find((one) => one.id === id) : undefined;
      if (endpoint === undefined) continue;
      const { slot } = endpoint;
      const { affinity } = current!.config.pools[pool.name];
      const counted = { slot: pool.slot, endpoints: pool.endpoints, ttlMs: affinity?.ttlMs ?? 0 };
      return {
        inFlight: Atomics.load(load.inFlight, slot),
        streams: sum(counters, (one) => one.readEndpoint(slot, E.openStreams)),
        sessions: affinity && (countPins(pins, [counted], clock.now()).get(slot) ?? 0),
      };
    }
    return undefined;
  };
}
