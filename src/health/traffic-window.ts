// Owns sums of what traffic did within the last so many milliseconds, in tenths of that time. Pure and of constant size.

import type { Traffic } from './breaker.ts';

const BUCKETS = 10;

export class TrafficWindow {
  readonly #bucketMs: number;
  readonly #cells = new Float64Array(BUCKETS * 3);
  #newest = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  add({ total, errors, slow }: Traffic, now: number): void {
    const at = this.#turn(now) * 3;
    this.#cells[at] += total;
    this.#cells[at + 1] += errors;
    this.#cells[at + 2] += slow;
  }

  sums(now: number): Traffic {
    this.#turn(now);
    let total = 0;
    let errors = 0;
    let slow = 0;
    for (let at = 0; at < this.#cells.length; at += 3) {
      total += this.#cells[at];
      errors += this.#cells[at + 1];
      slow += this.#cells[at + 2];
    }
    return { total, errors, slow };
  }

  clear(): void {
    this.#cells.fill(0);
  }

  #turn(now: number): number {
    const bucket = Math.floor(now / this.#bucketMs);
    if (bucket > this.#newest) {
      const gone = Math.min(BUCKETS, bucket - this.#newest);
      for (let i = 0; i < gone; i++) {
        const at = ((bucket - i) % BUCKETS) * 3;
        this.#cells.fill(0, at, at + 3);
      }
      this.#newest = bucket;
    }
    return this.#newest % BUCKETS;
  }
}
