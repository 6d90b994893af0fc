// Owns the decision whether one more retry may be sent, so that retries cannot turn one failure into a storm.
// A share of the requests of the last ten seconds, and a few a second in any case. One budget per pool and worker;
// constant time, no allocation, no clock of its own: callers hand in monotonic milliseconds.

const BUCKETS = 10;
const BUCKET_MS = 1000;

export class RetryBudget {
  readonly ratio: number;
  readonly minPerSecond: number;
  readonly #requests = new Float64Array(BUCKETS);
  readonly #retries = new Float64Array(BUCKETS);
  #requestSum = 0;
  #retrySum = 0;
  /** Number of the second that the newest bucket stands for. */
  #second = Number.NEGATIVE_INFINITY;

  /** `ratio` 0.2 lets retries be 20 % of the requests; `minPerSecond` are allowed whatever the share. */
  constructor(ratio: number, minPerSecond: number) {
    this.ratio = ratio;
    this.minPerSecond = minPerSecond;
  }

  /** Call once for each request, not for its retries. */
  onRequest(now: number): void {
    const at = this.#turn(now);
    this.#requests[at]++;
    this.#requestSum++;
  }

  /** True takes the retry out of the budget; false means give up now. */
  tryRetry(now: number): boolean {
    const at = this.#turn(now);
    const inShare = this.#retrySum + 1 <= this.#requestSum * this.ratio;
    if (!inShare && this.#retries[at] + 1 > this.minPerSecond) return false;
    this.#retries[at]++;
    this.#retrySum++;
    return true;
  }

  /** Forgets the seconds that left the window; returns the index of the newest bucket. */
  #turn(now: number): number {
    const second = Math.floor(now / BUCKET_MS);
    if (second > this.#second) {
      const gone = Math.min(BUCKETS, second - this.#second);
      for (let i = 0; i < gone; i++) {
        const at = (second - i + BUCKETS) % BUCKETS;
        this.#requestSum -= this.#requests[at];
        this.#retrySum -= this.#retries[at];
        this.#requests[at] = 0;
        this.#retries[at] = 0;
      }
      this.#second = second;
    }
    // A clock that stood still or went back by a little keeps counting into the newest second.
    return this.#second % BUCKETS;
  }
}
