// Owns the numbers that a live picture is drawn from, since the start: read from the counters of all workers without asking them.

import type { Config, RouteConfig, TcpRouteConfig } from '../config/types.ts';
import { type Counters, E, L, LATENCY_BUCKETS, P, V } from '../core/counters.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { HealthTable } from '../health/table.ts';
import { valuesOf } from '../routing/tables.ts';
import { listenerAddresses } from './addresses.ts';
import type { Live, LiveEndpoint, LiveListener, LivePool, LiveRoute } from './facade.ts';
import { sum } from './metrics.ts';
import type { Blueprint, BlueprintPool } from './snapshot.ts';
import { routeKey } from './variant-slots.ts';

export interface LiveInput {
  readonly blueprint: Blueprint;
  readonly counters: readonly Counters[];
  readonly load: LoadTable;
  readonly health: HealthTable;
  readonly mode: (pool: BlueprintPool) => string;
  /** Wall-clock ms. */
  readonly at: number;
}

const FAILURES = [E.connectFailed, E.reset, E.timeout, E.malformed];

export function liveNumbers(input: LiveInput): Live {
  const { blueprint, at } = input;
  return {
    at,
    listeners: listenerAddresses(blueprint.config).map(({ name }) => listener(name, input)),
    routes: routes(input),
    pools: blueprint.pools.map((one) => pool(one, input)),
    endpoints: blueprint.pools.flatMap((one) =>
      one.endpoints.map(({ id, slot, weight }) => endpoint(id, slot, weight, one.name, input)),
    ),
  };
}

function listener(name: string, { blueprint, counters }: LiveInput): LiveListener {
  const read = (column: number): number =>
    sum(counters, (one) => one.readListener(blueprint.listenerSlots[name], column));
  const [open, requests, status5xx] = [read(L.open), read(L.requests), read(L.status5xx)];
  return { name, open, requests, status5xx, bytesIn: read(L.bytesIn), bytesOut: read(L.bytesOut) };
}

function routes({ blueprint, counters }: LiveInput): LiveRoute[] {
  const { config, variantSlots } = blueprint;
  return Object.values(config.listeners).flatMap((one): LiveRoute[] => {
    if (one.protocol === 'udp') return [];
    return one.routes.map((route) => {
      const slot = variantSlots[routeKey(one.name, route.name)] ?? -1;
      const read = (column: number): number => (slot < 0 ? 0 : sum(counters, (c) => c.readVariant(slot, column)));
      const pools = poolsOf(route, config);
      return { listener: one.name, name: route.name, pools, requests: read(V.requests), failures: read(V.failures) };
    });
  });
}

function poolsOf(route: RouteConfig | TcpRouteConfig, { maps }: Config): readonly string[] {
  if (!('poolMap' in route)) return [route.pool];
  if (route.split !== undefined) return route.split.variants.map(({ pool: to }) => to);
  if (route.poolMap !== '') return [...new Set(valuesOf(maps[route.poolMap]))];
  return route.pool === '' ? [] : [route.pool];
}

function pool(one: BlueprintPool, { counters, mode }: LiveInput): LivePool {
  const read = (column: number): number => sum(counters, (c) => c.readPool(one.slot, column));
  return {
    name: one.name,
    mode: mode(one),
    requests: read(P.requests),
    retries: read(P.retries),
    queued: read(P.queued),
    queueMs: read(P.queueMsSum),
    latency: Array.from({ length: LATENCY_BUCKETS }, (_, i) => read(P.buckets + i)),
  };
}

function endpoint(
  id: string,
  slot: number,
  weight: number,
  poolName: string,
  { counters, load, health }: LiveInput,
): LiveEndpoint {
  const read = (column: number): number => {
    let all = 0;
    for (const one of counters) all += one.readEndpoint(slot, column);
    return all;
  };
  return {
    id,
    pool: poolName,
    state: health.word(id) ?? 'checking',
    weight,
    inFlight: Atomics.load(load.inFlight, slot),
    streams: read(E.openStreams),
    requests: read(E.requests),
    failures: FAILURES.reduce((all, column) => all + read(column), 0),
    status4xx: read(E.status4xx),
    status5xx: read(E.status5xx),
    bytesIn: read(E.bytesReceived),
    bytesOut: read(E.bytesSent),
    latency: Array.from({ length: LATENCY_BUCKETS }, (_, i) => read(E.buckets + i)),
  };
}
