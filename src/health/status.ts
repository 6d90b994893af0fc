// Owns the shape of the health view as the status JSON, the CLI and the dashboard read it: plain data, wall-clock times.

import { formatAddress } from '../core/address.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { type Entry, type ProbeResult, type StateWord, verdictOf } from './entry.ts';
import type { Verdict } from './machine.ts';
import { failuresInWindow } from './outlier.ts';
import type { Override } from './override.ts';

export interface EndpointStatus {
  readonly id: EndpointId;
  readonly pool: string;
  readonly address: string;
  readonly weight: number;
  readonly tier: number;
  readonly zone: string;
  readonly state: StateWord;
  /** Wall-clock ms since when. */
  readonly since: number;
  readonly override: Override;
  readonly active: {
    readonly enabled: boolean;
    readonly verdict: Verdict;
    /** Results in a row. */
    readonly passes: number;
    readonly failures: number;
    readonly last: (ProbeResult & { readonly at: number }) | undefined;
  };
  readonly passive: {
    readonly enabled: boolean;
    readonly phase: 'closed' | 'ejected' | 'trial';
    readonly failuresInWindow: number;
    /** Ejections in a row. */
    readonly ejections: number;
    /** Wall-clock ms; undefined when not ejected. */
    readonly ejectedUntil: number | undefined;
  };
  readonly flaps: number;
  readonly inFlight: number;
  readonly ewmaMs: number;
  /** In flight, adaptive; 0 where it does not adapt. */
  readonly limit: number;
  /** Failures seen by traffic since the endpoint was configured. */
  readonly trafficFailures: number;
  readonly warming: boolean;
}

export function statusOf(entry: Entry, override: Override, load: LoadTable, clock: Clock): EndpointStatus {
  const { endpoint, pool, check, outlier } = entry;
  const now = clock.now();
  const ejected = outlier.phase === 'ejected';
  return {
    id: entry.id,
    pool: pool.name,
    address: formatAddress(endpoint.address),
    weight: endpoint.weight,
    tier: endpoint.tier,
    zone: endpoint.zone,
    state: entry.word,
    since: entry.since,
    override,
    active: {
      enabled: pool.health !== undefined,
      verdict: verdictOf(entry),
      passes: check.passes,
      failures: check.failures,
      last: entry.lastProbe,
    },
    passive: {
      enabled: pool.passive !== undefined,
      phase: outlier.phase,
      failuresInWindow: pool.passive === undefined ? 0 : failuresInWindow(outlier, pool.passive, now),
      ejections: outlier.ejections,
      ejectedUntil: ejected ? clock.epoch() + (outlier.until - now) : undefined,
    },
    flaps: entry.flaps,
    inFlight: Atomics.load(load.inFlight, endpoint.slot),
    ewmaMs: load.ewmaMs[endpoint.slot],
    limit: Atomics.load(load.limit, endpoint.slot),
    trafficFailures: Atomics.load(load.failures, endpoint.slot),
    warming: load.upSince[endpoint.slot] > 0,
  };
}
