// Owns least response time: the smallest latency × (1 + in flight) / weight. An endpoint without a fresh reading gets one
// request at a time to earn one, so a new endpoint is tried but not flooded and a slow one is given the chance to recover.

import type { Endpoint } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { Balancer, BalancerEnv, BalancerKind, PickRequest } from './balancer.ts';
import { indexById, reciprocalsOf, slotsOf } from './scan.ts';

export interface LeastResponseTimeConfig {
  /** ms after which an idle endpoint's reading is renewed. */
  readonly probe: number;
}

/** An interval is looked at so often; looking costs a scan. */
const CHECKS_PER_INTERVAL = 64;
/** At most one pick in this many renews a reading, so that renewing stays cheap when traffic is thin. */
const PICKS_PER_PROBE = 32;
const UNKNOWN = -2;

class LeastResponseTime implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #slots: Int32Array;
  readonly #reciprocals: Float64Array;
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #probeMs: number;
  /** Monotonic ms of the newest probe: bounds the tries of an endpoint that never answers and so never has a reading. */
  readonly #probedAt: Float64Array;
  #start = 0;
  #sinceProbe = 0;
  #scanned = 0;
  /** Monotonic ms before which no endpoint is looked at for being due. */
  #nextCheck = -Infinity;

  constructor(endpoints: readonly Endpoint[], probeMs: number, env: BalancerEnv, previous: Balancer | undefined) {
    this.#endpoints = endpoints;
    this.#slots = slotsOf(endpoints);
    this.#reciprocals = reciprocalsOf(endpoints);
    this.#load = env.load;
    this.#clock = env.clock;
    this.#probeMs = probeMs;
    this.#probedAt = new Float64Array(endpoints.length).fill(-Infinity);
    if (previous instanceof LeastResponseTime) this.#inherit(previous);
  }

  pick(request: PickRequest): Endpoint | undefined {
    const n = this.#slots.length;
    if (n === 0) return undefined;
    const now = this.#clock.now();
    this.#sinceProbe++;
    const due = now < this.#nextCheck ? -1 : this.#due(request, now);
    const best = due >= 0 ? due : this.#least(request, n);
    if (best < 0) return undefined;
    if (due >= 0) this.#probedAt[due] = now;
    // Equal scores go round: the scan of the next pick starts behind this one.
    this.#start = best + 1 === n ? 0 : best + 1;
    return this.#endpoints[best];
  }

  /** An idle endpoint that has no reading, or an old one; −1 when there is none. */
  #due(request: PickRequest, now: number): number {
    const { inFlight, sampledAt } = this.#load;
    const slots = this.#slots;
    const n = slots.length;
    const before = now - this.#probeMs;
    const mayRenew = this.#sinceProbe > PICKS_PER_PROBE;
    let oldest = -1;
    let oldestAt = Infinity;
    for (let k = 0, i = this.#start; k < n; k++, i = i + 1 === n ? 0 : i + 1) {
      const slot = slots[i];
      const sampled = sampledAt[slot];
      const fresh = sampled !== 0 && (sampled > before || !mayRenew);
      if (fresh || inFlight[slot] !== 0 || this.#probedAt[i] > before) continue;
      if (request.excluding && request.excludes(this.#endpoints[i])) continue;
      if (sampled === 0) return i;
      const at = Math.max(sampled, this.#probedAt[i]);
      if (at >= oldestAt) continue;
      oldest = i;
      oldestAt = at;
    }
    if (oldest >= 0) this.#sinceProbe = 0;
    else this.#nextCheck = now + this.#probeMs / CHECKS_PER_INTERVAL;
    return oldest;
  }

  #least(request: PickRequest, n: number): number {
    if (request.excluding) return this.#leastOfAny(request);
    const behind = this.#scan(this.#start, n, Infinity);
    if (behind === UNKNOWN) return this.#leastOfAny(request);
    const before = this.#scan(0, this.#start, this.#scanned);
    if (before === UNKNOWN) return this.#leastOfAny(request);
    return before < 0 ? behind : before;
  }

  /** The least score below `least` in [from, to), left in `#scanned`; −1 if there is none, UNKNOWN if a reading is missing. */
  #scan(from: number, to: number, least: number): number {
    const { inFlight, ewmaMs } = this.#load;
    const slots = this.#slots;
    const reciprocals = this.#reciprocals;
    let best = -1;
    let lowest = least;
    for (let i = from; i < to; i++) {
      const slot = slots[i];
      const score = ewmaMs[slot] * (1 + inFlight[slot]) * reciprocals[i];
      if (score >= lowest) continue;
      if (score === 0) return UNKNOWN;
      best = i;
      lowest = score;
    }
    this.#scanned = lowest;
    return best;
  }

  #leastOfAny(request: PickRequest): number {
    const { inFlight, ewmaMs, sampledAt } = this.#load;
    const slots = this.#slots;
    const n = slots.length;
    let best = -1;
    let least = Infinity;
    let worstMs = 0;
    let unknown = -1;
    let leastUnknown = Infinity;
    for (let k = 0, i = this.#start; k < n; k++, i = i + 1 === n ? 0 : i + 1) {
      const slot = slots[i];
      const crowd = (1 + inFlight[slot]) * this.#reciprocals[i];
      if (sampledAt[slot] === 0) {
        if (crowd >= leastUnknown || (request.excluding && request.excludes(this.#endpoints[i]))) continue;
        unknown = i;
        leastUnknown = crowd;
        continue;
      }
      const ms = ewmaMs[slot];
      if (ms > worstMs) worstMs = ms;
      const score = ms * crowd;
      if (score >= least || (request.excluding && request.excludes(this.#endpoints[i]))) continue;
      best = i;
      least = score;
    }
    // While nothing is known of an endpoint it counts as slow as the slowest.
    return best < 0 || (unknown >= 0 && worstMs * leastUnknown < least) ? unknown : best;
  }

  #inherit(previous: LeastResponseTime): void {
    const places = indexById(previous.#endpoints);
    this.#sinceProbe = previous.#sinceProbe;
    for (let i = 0; i < this.#probedAt.length; i++) {
      const place = places.get(this.#endpoints[i].id);
      if (place !== undefined) this.#probedAt[i] = previous.#probedAt[place];
    }
    if (this.#endpoints.length > 0) this.#start = previous.#start % this.#endpoints.length;
    // Somebody new is looked at at once.
    if (this.#endpoints.every(({ id }) => places.has(id))) this.#nextCheck = previous.#nextCheck;
  }
}

export const leastResponseTime: BalancerKind<LeastResponseTimeConfig> = {
  name: 'least-response-time',
  needs: 'nothing',
  schema: {
    probe: {
      type: 'duration',
      min: 100,
      default: 5000,
      doc: 'An idle endpoint whose latency was last measured so long ago gets one request, so that it can recover.',
    },
  },
  build: (view, config, env, previous) => new LeastResponseTime(view.endpoints, config.probe, env, previous),
};
