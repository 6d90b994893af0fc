// Owns the choice of what may be picked right now, and why: health bits, tiers, zones, panic and slow start become one
// View. Pure; rebuilt from scratch whenever the pool's version moved. Which of the view's endpoints to take is balancing's.

import type { View } from '../balancing/balancer.ts';
import type { PoolConfig } from '../config/types.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { type LoadTable, STATE } from '../core/load-table.ts';
import { warmShare } from './slow-start.ts';

/** An endpoint with its limit beside it. */
export interface PoolEndpoint extends Endpoint {
  /** Requests in flight at once, over all workers; 0 means no limit. */
  readonly maxInFlight: number;
  /** New requests within any second, over all workers; 0 means no limit. */
  readonly maxRate: number;
}

export interface PoolView extends View {
  readonly endpoints: readonly PoolEndpoint[];
  /** Every endpoint that health allows, whatever its tier and zone: where retries go when the view is exhausted. */
  readonly reserve: readonly PoolEndpoint[];
  /** By slot: endpoints with a limit in flight, whether they may be picked or not: who is pinned may use one that drains. */
  readonly limits: ReadonlyMap<number, number>;
  /** By slot: endpoints with a limit on new requests a second. */
  readonly rates: ReadonlyMap<number, number>;
  /** Slots that may take one request at a time. */
  readonly trials: ReadonlySet<number>;
}

const OUT = STATE.draining | STATE.maintenance;
const NO_TRIALS: ReadonlySet<number> = new Set();

export type ViewConfig = Pick<PoolConfig, 'slowStart' | 'panic' | 'zones'>;

export function buildView(
  endpoints: readonly PoolEndpoint[],
  load: LoadTable,
  config: ViewConfig,
  zone: string,
  now: number,
  version: number,
): PoolView {
  // Read once: another thread may change the bits while the view is being built.
  const states = endpoints.map((endpoint) => Atomics.load(load.state, endpoint.slot));
  const candidates = endpoints.filter((e, i) => e.weight > 0 && (states[i] & STATE.used) !== 0 && !(states[i] & OUT));
  const stateOf = new Map(endpoints.map((endpoint, i) => [endpoint, states[i]]));
  const having = (bit: number) => candidates.filter((endpoint) => (stateOf.get(endpoint)! & bit) !== 0);

  const up = having(STATE.up);
  // Nothing is proven yet: serving what is being checked beats refusing everybody.
  const usable = up.length > 0 ? up : having(STATE.checking);
  const hopeful = having(STATE.up | STATE.checking).length;
  const finish = (chosen: readonly PoolEndpoint[], mode: View['mode'], trials: ReadonlySet<number>): PoolView => ({
    version,
    mode,
    endpoints: chosen.map((endpoint) => warmed(endpoint, load, config, now)),
    reserve: usable,
    limits: new Map(endpoints.filter((e) => e.maxInFlight > 0).map((e) => [e.slot, e.maxInFlight])),
    rates: new Map(endpoints.filter((e) => e.maxRate > 0).map((e) => [e.slot, e.maxRate])),
    trials,
  });

  if (config.panic !== undefined && candidates.length > 0 && hopeful < config.panic.below * candidates.length) {
    return finish(candidates, 'panic', NO_TRIALS);
  }
  const trials = new Set(having(STATE.trial).map((endpoint) => endpoint.slot));
  if (usable.length === 0) return finish([], 'empty', trials);
  const tier = lowestTier(usable);
  const inTier = usable.filter((endpoint) => endpoint.tier === tier);
  const near = config.zones === 'prefer-own' && zone !== '' ? inTier.filter((endpoint) => endpoint.zone === zone) : [];
  const mode = tier === lowestTier(endpoints.filter((e) => e.weight > 0)) ? 'normal' : 'fallback-tier';
  return finish(near.length > 0 ? near : inTier, mode, trials);
}

/** Requests in flight that an endpoint may have now: an adaptive limit is below what is configured. Undefined: any number. */
export function limitOf({ limits }: PoolView, load: LoadTable, slot: number): number | undefined {
  const most = limits.get(slot);
  if (most === undefined) return undefined;
  const now = Atomics.load(load.limit, slot);
  return now > 0 && now < most ? now : most;
}

function lowestTier(endpoints: readonly Endpoint[]): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const { tier } of endpoints) if (tier < lowest) lowest = tier;
  return lowest;
}

/** The endpoint itself, or a copy of less weight while it warms up. */
function warmed(endpoint: PoolEndpoint, load: LoadTable, config: ViewConfig, now: number): PoolEndpoint {
  const share = warmShare(config.slowStart, load.upSince[endpoint.slot], now);
  return share === 1 ? endpoint : { ...endpoint, weight: endpoint.weight * share };
}
