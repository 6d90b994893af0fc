// Owns the breakers of all pools and their endpoints: reads what workers counted in the load table, and says to all of them at once
// which pool lets how many through. Main thread only.

import type { BreakerConfig } from '../config/types.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import { GATE, type LoadTable } from '../core/load-table.ts';
import {
  BREAKER_CLOSED,
  type BreakerEvent,
  type BreakerPhase,
  type BreakerState,
  stepBreaker,
  verdictOn,
} from './breaker.ts';
import type { Entry, PoolHealth } from './entry.ts';
import { TrafficWindow } from './traffic-window.ts';

export interface BreakersHost {
  members(pool: string): Iterable<Entry>;
  /** The breaker of one endpoint opens, if the pool can spare it. */
  trip(entry: Entry, evidence: string): void;
  changed(pool: PoolHealth, from: BreakerPhase, to: BreakerPhase, evidence: string): void;
}

/** What is known of one endpoint's traffic. */
interface Seen {
  readonly slot: number;
  readonly window: TrafficWindow;
  total: number;
  errors: number;
  slow: number;
}

interface Watched {
  pool: PoolHealth;
  config: BreakerConfig;
  state: BreakerState;
  window: TrafficWindow;
  seen: Map<EndpointId, Seen>;
  good: number;
  bad: number;
  timer: Timer | undefined;
  opened: number;
}

export interface BreakerReport {
  readonly phase: BreakerPhase;
  /** Times it opened since the pool was configured. */
  readonly opened: number;
}

const SOONEST_MS = 20;

export class Breakers {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #host: BreakersHost;
  readonly #pools = new Map<string, Watched>();

  constructor(load: LoadTable, clock: Clock, host: BreakersHost) {
    this.#load = load;
    this.#clock = clock;
    this.#host = host;
  }

  /** A pool as it is configured now. One whose breaker stays keeps its phase. */
  set(pool: PoolHealth): void {
    const { breaker: config } = pool;
    const known = this.#pools.get(pool.name);
    if (config === undefined) return this.remove(pool.name);
    if (known !== undefined) {
      if (known.config.windowMs !== config.windowMs) {
        known.window = new TrafficWindow(config.windowMs);
        known.seen = new Map();
      }
      known.pool = pool;
      known.config = config;
      if (config.scope === 'endpoint') this.#close(known);
      return;
    }
    const { slot } = pool;
    const window = new TrafficWindow(config.windowMs);
    const watched: Watched = {
      pool,
      config,
      state: BREAKER_CLOSED,
      window,
      seen: new Map(),
      good: Atomics.load(this.#load.triedGood, slot),
      bad: Atomics.load(this.#load.triedBad, slot),
      timer: undefined,
      opened: 0,
    };
    this.#pools.set(pool.name, watched);
    this.#read(watched);
    this.#arm(watched);
  }

  remove(name: string): void {
    const watched = this.#pools.get(name);
    if (watched === undefined) return;
    watched.timer?.cancel();
    this.#close(watched);
    this.#pools.delete(name);
  }

  /** Undefined: the pool has none. */
  report(name: string): BreakerReport | undefined {
    const watched = this.#pools.get(name);
    if (watched === undefined || watched.config.scope === 'endpoint') return undefined;
    return { phase: watched.state.phase, opened: watched.opened };
  }

  /** Reads what traffic did since the last time, and decides. */
  collect(): void {
    for (const watched of this.#pools.values()) this.#judge(watched);
  }

  stop(): void {
    for (const { timer } of this.#pools.values()) timer?.cancel();
  }

  /** What succeeded long ago must not count as if it had just now, so time is looked at though nothing fails. */
  #arm(watched: Watched): void {
    watched.timer = this.#clock.after(Math.max(SOONEST_MS, watched.config.windowMs / 10), () => {
      this.#judge(watched);
      this.#arm(watched);
    });
  }

  #judge(watched: Watched): void {
    const { pool, config } = watched;
    const now = this.#clock.now();
    this.#read(watched);
    if (config.scope !== 'pool') this.#judgeEndpoints(watched, now);
    if (config.scope === 'endpoint') return;
    const good = Atomics.load(this.#load.triedGood, pool.slot);
    const bad = Atomics.load(this.#load.triedBad, pool.slot);
    // Counters may wrap; their 32-bit difference does not mind.
    const tried = { kind: 'tried', good: (good - watched.good) | 0, bad: (bad - watched.bad) | 0 } as const;
    watched.good = good;
    watched.bad = bad;
    this.#step(watched, { kind: 'traffic', traffic: watched.window.sums(now) }, now);
    this.#step(watched, tried, now);
    this.#step(watched, { kind: 'tick' }, now);
  }

  #step(watched: Watched, event: BreakerEvent, now: number): void {
    const { state, pool, config } = watched;
    const { next, why, refill } = stepBreaker(state, event, config, now);
    watched.state = next;
    if (refill) Atomics.store(this.#load.gate, pool.slot, GATE.none + config.halfOpen);
    if (why === undefined) return;
    watched.window.clear();
    if (next.phase === 'open') {
      watched.opened++;
      Atomics.store(this.#load.gate, pool.slot, GATE.open);
    }
    if (next.phase === 'closed') Atomics.store(this.#load.gate, pool.slot, GATE.closed);
    this.#host.changed(pool, state.phase, next.phase, why);
  }

  #judgeEndpoints({ pool, config, seen }: Watched, now: number): void {
    for (const entry of this.#host.members(pool.name)) {
      const { window } = seen.get(entry.id)!;
      if (entry.leaving || entry.outlier.phase !== 'closed') window.clear();
      else {
        const why = verdictOn(window.sums(now), config);
        if (why !== undefined) this.#host.trip(entry, why);
      }
    }
  }

  /** Adds to the windows what workers counted. */
  #read({ pool, config, window, seen }: Watched): void {
    const { answers, errors, slow } = this.#load;
    const now = this.#clock.now();
    const present = new Set<EndpointId>();
    for (const { id, endpoint } of this.#host.members(pool.name)) {
      const { slot } = endpoint;
      present.add(id);
      const total = Atomics.load(answers, slot);
      const failed = Atomics.load(errors, slot);
      const late = Atomics.load(slow, slot);
      const known = seen.get(id);
      if (known === undefined || known.slot !== slot) {
        seen.set(id, { slot, window: new TrafficWindow(config.windowMs), total, errors: failed, slow: late });
        continue;
      }
      const traffic = {
        total: (total - known.total) | 0,
        errors: (failed - known.errors) | 0,
        slow: (late - known.slow) | 0,
      };
      Object.assign(known, { total, errors: failed, slow: late });
      if (traffic.total === 0) continue;
      known.window.add(traffic, now);
      window.add(traffic, now);
    }
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
  }

  #close(watched: Watched): void {
    const { phase } = watched.state;
    watched.state = BREAKER_CLOSED;
    Atomics.store(this.#load.gate, watched.pool.slot, GATE.closed);
    if (phase !== 'closed') this.#host.changed(watched.pool, phase, 'closed', 'the configuration has none any more');
  }
}
