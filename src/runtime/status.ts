// Owns what the status says of listeners, workers and pools: counters of all workers and the health view in one shape.

import { formatAddress } from '../core/address.ts';
import { type Counters, E, L, P, W } from '../core/counters.ts';
import type { BreakerReport } from '../health/breakers.ts';
import type { EndpointStatus } from '../health/status.ts';
import { listenerAddresses } from './addresses.ts';
import type { Origin } from './desired.ts';
import type { EndpointReport, ListenerStatus, PoolStatus, WorkerStatus } from './facade.ts';
import type { ListenerPath } from './kernel-listeners.ts';
import { sum } from './metrics.ts';
import type { Blueprint, BlueprintPool } from './snapshot.ts';

export interface StatusInput {
  readonly blueprint: Blueprint;
  readonly counters: readonly Counters[];
  readonly endpoints: readonly EndpointStatus[];
  readonly restarts: readonly number[];
  readonly ports: ReadonlyMap<string, number>;
  readonly mode: (pool: BlueprintPool) => string;
  readonly breaker: (pool: string) => BreakerReport | undefined;
  /** Of layer 4 listeners. */
  readonly pathOf: (listener: string) => ListenerPath | undefined;
  readonly originsOf: (pool: string) => ReadonlyMap<string, Origin>;
}

export interface StatusParts {
  readonly workers: readonly WorkerStatus[];
  readonly listeners: readonly ListenerStatus[];
  readonly pools: readonly PoolStatus[];
}

export function statusOfParts(input: StatusInput): StatusParts {
  const { counters, restarts } = input;
  const workers = restarts.map((count, worker) => ({
    worker,
    loopDelayMs: counters[worker].readWorker(W.loopDelayMs),
    heapBytes: counters[worker].readWorker(W.heapBytes),
    plainSockets: counters[worker].readWorker(W.plainSockets) === 1,
    restarts: count,
  }));
  return { workers, listeners: listenerStatuses(input), pools: poolStatuses(input) };
}

function listenerStatuses({ blueprint, counters, ports, pathOf }: StatusInput): ListenerStatus[] {
  const read = (name: string, column: number): number =>
    sum(counters, (c) => c.readListener(blueprint.listenerSlots[name], column));
  return listenerAddresses(blueprint.config).map(({ name, bind, protocol }) => ({
    name,
    protocol: isHttps(blueprint, name) ? 'https' : protocol,
    address: formatAddress(bind),
    port: ports.get(name) || bind.port,
    open: read(name, L.open),
    requests: read(name, L.requests),
    ...pathOf(name),
  }));
}

function isHttps({ config }: Blueprint, name: string): boolean {
  const listener = config.listeners[name];
  return listener?.protocol === 'http' && listener.tls !== undefined;
}

function poolStatuses({ blueprint, counters, endpoints, mode, breaker, originsOf }: StatusInput): PoolStatus[] {
  const known = new Map(endpoints.map((status) => [status.id, status]));
  return blueprint.pools.map((pool) => {
    const total = pool.endpoints.reduce(
      (all, { slot }) => all + sum(counters, (c) => c.readEndpoint(slot, E.requests)),
      0,
    );
    const count = (column: number): number => sum(counters, (c) => c.readPool(pool.slot, column));
    const origins = originsOf(pool.name);
    const reports = pool.endpoints.flatMap(({ id, slot }) => {
      const status = known.get(id);
      return status === undefined
        ? []
        : [endpointReport(status, slot, total, counters, origins.get(status.address) ?? 'config')];
    });
    return {
      name: pool.name,
      balance: blueprint.config.pools[pool.name].balance.kind,
      mode: mode(pool),
      requests: count(P.requests),
      retries: count(P.retries),
      queued: count(P.queued),
      hedges: count(P.hedges),
      hedgesWon: count(P.hedgesWon),
      breaker: breaker(pool.name),
      endpoints: reports,
    };
  });
}

const FAILURES = [E.connectFailed, E.reset, E.timeout, E.malformed];

function endpointReport(
  status: EndpointStatus,
  slot: number,
  total: number,
  counters: readonly Counters[],
  origin: Origin,
): EndpointReport {
  const read = (column: number): number => sum(counters, (c) => c.readEndpoint(slot, column));
  const requests = read(E.requests);
  const statuses = [0, 1, 2, 3, 4].map((i) => read(E.status1xx + i)) as unknown as EndpointReport['statuses'];
  const failures = FAILURES.reduce((all, column) => all + read(column), 0);
  return {
    ...status,
    requests,
    statuses,
    failures,
    bytesSent: read(E.bytesSent),
    bytesReceived: read(E.bytesReceived),
    share: total === 0 ? 0 : requests / total,
    origin,
    streams: read(E.openStreams),
  };
}
