// Owns telling what a pool would do with a request, without doing it: who may be picked and who may not, why, and who would be
// first, and next after a failure. Pure: everything it reads is given; nothing is counted.

import type { Balancer, BalancerEnv } from '../balancing/balancer.ts';
import type { PoolConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { GATE, STATE } from '../core/load-table.ts';
import { conforms } from '../limits/gcra.ts';
import type { Exclusions } from './exclusions.ts';
import type { AcquireRequest } from './queue.ts';
import type { TrialGate } from './trial-gate.ts';
import { limitOf, type PoolEndpoint, type PoolView } from './view.ts';

export interface CandidateReport {
  readonly id: string;
  /** As the view has it: less while it warms up. */
  readonly weight: number;
  readonly inFlight: number;
  readonly ewmaMs: number;
  /** In flight at most; 0 for any number. */
  readonly limit: number;
  /** What the algorithm compares, the least wins; undefined for algorithms that compare nothing. */
  readonly score: number | undefined;
  /** Why it may not be picked; '' when it may. */
  readonly excluded: string;
}

export interface Foresight {
  readonly pool: string;
  readonly balance: string;
  /** normal, fallback-tier, panic or empty */
  readonly mode: PoolView['mode'];
  readonly candidates: readonly CandidateReport[];
  /** In order: the first choice, and who is next if that fails. */
  readonly picks: readonly string[];
  /** How the first was found: `affinity` or the algorithm; '' when there is none. */
  readonly by: string;
  /** Why there is no pick: `pool-down`, `pool-saturated`, ...; '' when there is one. */
  readonly refusal: string;
}

/** What is known inside of a pool. */
export interface PoolInsides {
  readonly config: PoolConfig;
  /** Slot of the pool. */
  readonly slot: number;
  readonly zone: string;
  readonly endpoints: readonly PoolEndpoint[];
  readonly view: PoolView;
  readonly env: BalancerEnv;
  readonly gate: TrialGate;
  readonly isGated: boolean;
  readonly isGuarded: boolean;
  readonly exclusions: Exclusions;
  /** A balancer in the same state, with this chance. */
  copy(random: Random): Balancer;
  servesPinned(slot: number): boolean;
  /** Beyond the view: other tiers and zones. */
  elsewhere(): PoolEndpoint | undefined;
}

export function foresee(pool: PoolInsides, request: AcquireRequest, random: Random, count: number): Foresight {
  const { config, view, env } = pool;
  const candidates = pool.endpoints.map((endpoint) => report(pool, endpoint));
  const known = { pool: config.name, balance: config.balance.kind, mode: view.mode, candidates };
  if (pool.isGated) {
    const state = Atomics.load(env.load.gate, pool.slot);
    if (state !== GATE.closed && state <= GATE.none) return { ...known, picks: [], by: '', refusal: 'breaker-open' };
  }
  const balancer = pool.copy(random);
  const tried: number[] = [...request.tried];
  const picks: string[] = [];
  let by = '';
  let refusal = '';
  for (let i = 0; i < count; i++) {
    const found = pickOne(pool, { ...request, tried }, balancer);
    if (typeof found === 'string') {
      if (i === 0) refusal = found;
      break;
    }
    if (i === 0) by = found.by;
    picks.push(found.endpoint.id);
    tried.push(found.endpoint.slot);
  }
  return { ...known, picks, by, refusal };
}

interface Found {
  readonly endpoint: PoolEndpoint;
  readonly by: string;
}

/** As Pool does it; a text says why there is nobody. */
function pickOne(pool: PoolInsides, request: AcquireRequest, balancer: Balancer): Found | string {
  const { view, config, exclusions, endpoints } = pool;
  const { pinned = -1, tried } = request;
  if (pinned >= 0) {
    const endpoint = endpoints.find(({ slot, weight }) => slot === pinned && weight > 0);
    const serves = pool.servesPinned(pinned);
    const isFree = endpoint !== undefined && busyBecause(pool, endpoint) === '';
    if (endpoint !== undefined && serves && isFree && !tried.includes(pinned)) return { endpoint, by: 'affinity' };
    if (request.strict === true && endpoint !== undefined)
      return tried.includes(pinned) ? 'tried-all' : serves ? 'pool-saturated' : 'pinned-down';
  }
  exclusions.key = request.key;
  exclusions.excluding = pool.isGuarded || tried.length > 0;
  exclusions.tried = tried;
  const endpoint = balancer.pick(exclusions) as PoolEndpoint | undefined;
  if (endpoint !== undefined) return { endpoint, by: config.balance.kind };
  if (view.endpoints.length === 0) return endpoints.some(({ weight }) => weight > 0) ? 'pool-down' : 'pool-empty';
  if (!view.endpoints.every(({ slot }) => tried.includes(slot))) return 'pool-saturated';
  const other = pool.elsewhere();
  if (other !== undefined) return { endpoint: other, by: 'another tier or zone' };
  return view.reserve.some(({ slot }) => !tried.includes(slot)) ? 'pool-saturated' : 'tried-all';
}

function report(pool: PoolInsides, endpoint: PoolEndpoint): CandidateReport {
  const { view, env, config } = pool;
  const { id, slot } = endpoint;
  const { load } = env;
  const inView = view.endpoints.find((one) => one.slot === slot);
  const { weight } = inView ?? endpoint;
  const inFlight = Atomics.load(load.inFlight, slot);
  const ewmaMs = load.ewmaMs[slot];
  const score = scoreOf(config.balance.kind, inFlight, weight, ewmaMs, load.peakMs[slot]);
  const excluded = inView === undefined ? outBecause(pool, endpoint) : busyBecause(pool, inView);
  return { id, weight, inFlight, ewmaMs, limit: limitOf(view, load, slot) ?? 0, score, excluded };
}

/** What the kinds that compare something compare. */
function scoreOf(kind: string, inFlight: number, weight: number, ewmaMs: number, peakMs: number): number | undefined {
  if (weight === 0) return undefined;
  switch (kind) {
    case 'least-connections':
    case 'p2c':
      return inFlight / weight;
    case 'peak-ewma':
      return (peakMs * (1 + inFlight)) / weight;
    case 'least-response-time':
      return (ewmaMs * (1 + inFlight)) / weight;
    default:
      return undefined;
  }
}

/** Why health, weight, tier or zone keep it out of the view. */
function outBecause({ view, env, zone, config }: PoolInsides, endpoint: PoolEndpoint): string {
  const state = Atomics.load(env.load.state, endpoint.slot);
  if (endpoint.weight === 0) return 'weight 0';
  if ((state & STATE.maintenance) !== 0) return 'maintenance';
  if ((state & STATE.draining) !== 0) return 'draining';
  if ((state & (STATE.up | STATE.checking)) === 0) return 'down or ejected';
  if ((state & STATE.up) === 0) return 'not checked yet, and others are up';
  const [first] = view.endpoints;
  if (first !== undefined && endpoint.tier !== first.tier)
    return `tier ${endpoint.tier}, and tier ${first.tier} serves`;
  if (config.zones === 'prefer-own' && endpoint.zone !== zone)
    return `zone ${endpoint.zone || '(none)'}, and ${zone} serves`;
  return 'not in the view';
}

/** Why it may not take one more right now; '' when it may. */
function busyBecause({ view, env, gate }: PoolInsides, { slot }: PoolEndpoint): string {
  const { load, clock } = env;
  const limit = limitOf(view, load, slot);
  if (limit !== undefined && Atomics.load(load.inFlight, slot) >= limit) return `has ${limit} in flight, its limit`;
  const rate = view.rates.get(slot);
  if (rate !== undefined && !conforms(load.rate, slot, rate, clock.now()))
    return `had ${rate} within a second, its limit`;
  return view.trials.has(slot) && !gate.mayTry(slot) ? 'back on trial, which is taken' : '';
}
