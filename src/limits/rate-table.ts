// Owns rate limits by key, for millions of keys in bounded memory, exact over all workers of a node: each key is a cell of the
// generic cell rate algorithm (ITU-T I.371) in one shared table, changed by compare-and-swap. Full means that whoever was
// quiet longest is forgotten, which can only let more through. Keys are kept as 64 bits of hash.

import { hash32 } from '../core/hash.ts';

/** Cells that a key may lie in. */
const WAYS = 8;
/** Two words of key, the time until which the key has used up its share, and the second in which it was asked for. */
const WORDS = 4;
const LO = 0;
const HI = 1;
const UNTIL = 2;
const SEEN = 3;
const FREE = 0;
const CLAIMED = 1;
const LO_SEED = 0x2c1b3c6d;
const HI_SEED = 0x297a2d39;
/** Another worker fills a cell in within a few instructions; one that died there must not hold us. */
const MOST_SPINS = 1000;
/** Of one limit's unit of time: 32 bits of them have to tell past from future. */
const MOST_AHEAD = 0x7fffffff;

/** `limit` in each `periodMs`, of which `burst` may come at once. */
export interface Rate {
  readonly limit: number;
  readonly periodMs: number;
  readonly burst: number;
}

/** What one question found out. */
export interface RateAnswer {
  allowed: boolean;
  /** So many more may come at once now. */
  remaining: number;
  /** Until everything may come at once again. */
  resetMs: number;
  /** Until one more may come; 0 when it may. */
  retryMs: number;
}

export class RateTable {
  readonly #cells: Int32Array;
  readonly #buckets: number;
  readonly answer: RateAnswer = { allowed: true, remaining: 0, resetMs: 0, retryMs: 0 };

  /** `entries`: a power of two. */
  constructor(buffer: ArrayBufferLike, entries: number) {
    this.#cells = new Int32Array(buffer, 0, entries * WORDS);
    this.#buckets = entries / WAYS;
  }

  static byteLength(entries: number): number {
    return entries * WORDS * 4;
  }

  static local(entries = 1024): RateTable {
    return new RateTable(new ArrayBuffer(RateTable.byteLength(entries)), entries);
  }

  /** Takes `cost` of the key's share, or none if it has not that much. `space` keeps limits apart. `now` is monotonic ms. */
  take(space: number, key: string, rate: Rate, now: number, cost = 1): RateAnswer {
    const { limit, periodMs, burst } = rate;
    const { answer } = this;
    // A hundredth of what one takes: fine enough to be exact, coarse enough for 32 bits.
    const unitMs = periodMs / limit / 100;
    const most = Math.min(burst * 100, MOST_AHEAD / 2);
    const second = Math.floor(now / 1000);
    const nowUnits = Math.floor(now / unitMs) | 0;
    const at = this.#find(space, key, second);
    const cells = this.#cells;
    for (;;) {
      const before = Atomics.load(cells, at + UNTIL);
      const away = (second - Atomics.load(cells, at + SEEN)) * 1000;
      const since = (before - nowUnits) | 0;
      // Away for longer than 32 bits can tell, or simply not ahead: nothing is used up.
      const ahead = since > 0 && since <= most && away < most * unitMs + 2000 ? since : 0;
      const next = ahead + cost * 100;
      const allowed = next <= most;
      if (allowed) {
        // 0 would be a cell that nobody used.
        if (Atomics.compareExchange(cells, at + UNTIL, before, (nowUnits + next) | 0) !== before) continue;
        Atomics.store(cells, at + SEEN, second);
      }
      const used = allowed ? next : ahead;
      answer.allowed = allowed;
      answer.remaining = Math.max(0, Math.floor((most - used) / 100));
      answer.resetMs = used * unitMs;
      answer.retryMs = allowed ? 0 : (next - most) * unitMs;
      return answer;
    }
  }

  /** Offset of the key's cell, taken for it if need be. */
  #find(space: number, key: string, second: number): number {
    const cells = this.#cells;
    const hash = hash32(key, LO_SEED ^ space);
    const lo = hash === FREE || hash === CLAIMED ? 2 : hash | 0;
    const hi = hash32(key, HI_SEED ^ space) | 0;
    const from = ((hash >>> 2) % this.#buckets) * WAYS * WORDS;
    for (;;) {
      let oldest = from;
      let tenant: number = FREE;
      let age = -1;
      for (let at = from, end = from + WAYS * WORDS; at < end; at += WORDS) {
        let found = Atomics.load(cells, at + LO);
        for (let spins = 0; found === CLAIMED && spins < MOST_SPINS; spins++) found = Atomics.load(cells, at + LO);
        if (found === lo && cells[at + HI] === hi) return at;
        const quiet = found === FREE ? Number.POSITIVE_INFINITY : second - cells[at + SEEN];
        if (quiet > age) {
          age = quiet;
          oldest = at;
          tenant = found;
        }
      }
      // Somebody may have taken it since, perhaps for this very key: look again.
      if (Atomics.compareExchange(cells, oldest + LO, tenant, CLAIMED) !== tenant) continue;
      cells[oldest + HI] = hi;
      Atomics.store(cells, oldest + UNTIL, 0);
      Atomics.store(cells, oldest + SEEN, second - 1_000_000);
      Atomics.store(cells, oldest + LO, lo);
      return oldest;
    }
  }
}
