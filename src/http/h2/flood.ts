// Owns how much of what costs us and carries nothing a peer may send: so many within ten seconds. Pure.

const WINDOW_MS = 10_000;

export class FloodGauge {
  readonly #most: number;
  #since = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** One more; false when that is one too many. */
  take(now: number): boolean {
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#most;
  }
}
