// Owns the ticks of slow start: while an endpoint of a pool is warming up, its growing weight must reach the views.
// It marks when an endpoint began (`upSince`) and raises the pool's version from time to time; the weights themselves are
// computed by pool/slow-start.ts.

import type { Clock, Timer } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { PoolHealth } from './entry.ts';

/** Each step changes a weight by about 5 %. */
const STEPS = 20;
const MIN_STEP_MS = 250;

export class SlowStartTimers {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #onStep: (pool: PoolHealth) => void;
  /** By pool name: the slots that are warming, and the timer. */
  readonly #warming = new Map<string, { pool: PoolHealth; slots: Set<number>; timer: Timer }>();

  constructor(load: LoadTable, clock: Clock, onStep: (pool: PoolHealth) => void) {
    this.#load = load;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  begin(pool: PoolHealth, slot: number): void {
    if (pool.slowStart === undefined) return;
    // 0 means "needs none" in the load table.
    this.#load.upSince[slot] = this.#clock.now() || Number.MIN_VALUE;
    const known = this.#warming.get(pool.name);
    if (known) {
      known.slots.add(slot);
      known.pool = pool;
    } else {
      this.#warming.set(pool.name, { pool, slots: new Set([slot]), timer: this.#arm(pool) });
    }
  }

  stop(): void {
    for (const { timer } of this.#warming.values()) timer.cancel();
    this.#warming.clear();
  }

  #arm(pool: PoolHealth): Timer {
    const windowMs = pool.slowStart?.windowMs ?? 0;
    return this.#clock.after(Math.max(MIN_STEP_MS, windowMs / STEPS), () => this.#step(pool.name));
  }

  #step(name: string): void {
    const warming = this.#warming.get(name);
    if (warming === undefined) return;
    const windowMs = warming.pool.slowStart?.windowMs ?? 0;
    const now = this.#clock.now();
    for (const slot of warming.slots) {
      const since = this.#load.upSince[slot];
      if (since !== 0 && now - since < windowMs) continue;
      warming.slots.delete(slot);
      this.#load.upSince[slot] = 0;
    }
    this.#onStep(warming.pool);
    if (warming.slots.size === 0) this.#warming.delete(name);
    else warming.timer = this.#arm(warming.pool);
  }
}
