// Owns how much of what costs us and carries nothing a peer may send: so many within ten seconds, beyond those that came
// along with something useful. Pure.

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

  /** Something useful came. */
  earn(): void {
    if (this.#count > 0) this.#count--;
  }
}
