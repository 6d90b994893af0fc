// Owns the limits in flight that follow latency: reads what workers counted in the load table every half second, and writes each
// endpoint's limit there, where all workers read it. Main thread only.

import type { AdaptiveConfig } from '../config/types.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import { LATENCY_UNITS_PER_MS, type LoadTable } from '../core/load-table.ts';
import { type GradientState, initialGradient, stepGradient } from '../limits/gradient.ts';
import type { PoolHealth } from './entry.ts';

export const STEP_MS = 500;

interface Followed {
  readonly slot: number;
  config: AdaptiveConfig;
  state: GradientState;
  samples: number;
  latency: number;
}

export class AdaptiveLimits {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #pools = new Map<string, Map<EndpointId, Followed>>();
  #timer: Timer | undefined;

  constructor(load: LoadTable, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
  }

  /** A pool as it is configured now. Endpoints that stay keep what was learnt. */
  set({ name, adaptive, endpoints }: PoolHealth): void {
    const before = this.#pools.get(name);
    if (adaptive === undefined) return this.remove(name);
    const next = new Map<EndpointId, Followed>();
    for (const { id, slot } of endpoints) {
      const known = before?.get(id);
      next.set(id, known?.slot === slot ? known : this.#follow(slot, adaptive));
      next.get(id)!.config = adaptive;
      this.#write(next.get(id)!);
    }
    this.#pools.set(name, next);
    if (this.#timer === undefined) this.#arm();
  }

  remove(name: string): void {
    for (const { slot } of this.#pools.get(name)?.values() ?? []) Atomics.store(this.#load.limit, slot, 0);
    this.#pools.delete(name);
    if (this.#pools.size === 0) this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #follow(slot: number, config: AdaptiveConfig): Followed {
    const { samples, latency } = this.#load;
    return {
      slot,
      config,
      state: initialGradient(config),
      samples: Atomics.load(samples, slot),
      latency: Atomics.load(latency, slot),
    };
  }

  #arm(): void {
    this.#timer = this.#clock.after(STEP_MS, () => {
      for (const pool of this.#pools.values()) for (const followed of pool.values()) this.#step(followed);
      this.#arm();
    });
  }

  #step(followed: Followed): void {
    const { slot, config, state } = followed;
    const load = this.#load;
    const samples = Atomics.load(load.samples, slot);
    const latency = Atomics.load(load.latency, slot);
    const peak = Atomics.exchange(load.peak, slot, Math.max(0, Atomics.load(load.inFlight, slot)));
    // Counters may wrap; their 32-bit difference does not mind.
    const answers = (samples - followed.samples) | 0;
    const tookMs = ((latency - followed.latency) | 0) / LATENCY_UNITS_PER_MS;
    // Too few for a step are kept for the next one.
    const next = stepGradient(state, { answers, meanMs: answers === 0 ? 0 : tookMs / answers, peak }, config);
    if (next === state) return;
    Object.assign(followed, { state: next, samples, latency });
    this.#write(followed);
  }

  #write({ slot, state, config }: Followed): void {
    const limit = Math.min(config.max, Math.max(config.min, Math.floor(state.limit)));
    Atomics.store(this.#load.limit, slot, limit);
  }
}
