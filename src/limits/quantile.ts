// Owns an estimate of a quantile of times, such as the one that 95 % of answers stay below: counts in buckets of growing width
// (each 10 % wider than the one before), of which the older half fades. Constant memory and time; no clock.

const BUCKETS = 128;
const WIDTH = Math.log(1.1);
/** Upper end of the first bucket, in ms. */
const FIRST_MS = 0.2;
/** So many samples halve what was known before them. */
const FADE = 2000;
/** Fewer say nothing. */
const ENOUGH = 100;

export class QuantileEstimate {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / WIDTH));
    this.#counts[bucket]++;
    if (++this.#total < FADE) return;
    this.#total = 0;
    for (let i = 0; i < BUCKETS; i++) {
      this.#counts[i] /= 2;
      this.#total += this.#counts[i];
    }
  }

  /** The time that `share` (0-1) of the samples stay below, at most 10 % too high; undefined while too few are known. */
  at(share: number): number | undefined {
    if (this.#total < ENOUGH) return undefined;
    let left = this.#total * share;
    let bucket = 0;
    while (bucket < BUCKETS - 1) {
      left -= this.#counts[bucket];
      if (left <= 0) break;
      bucket++;
    }
    return FIRST_MS * Math.exp(bucket * WIDTH);
  }
}
