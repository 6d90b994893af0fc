// Owns a kinetic tournament (Basch, Guibas, Hershberger 1997): which of n lines base + slope · t is the largest at integer
// times that only grow. Ties go to the lowest index. It reads the arrays it was given and never writes them.

/** A binary tree in arrays: node k has children 2k and 2k + 1, line i is leaf size + i, the root is node 1. */
export class Tournament {
  readonly #base: Float64Array;
  readonly #slope: Float64Array;
  readonly #size: number;
  /** Line that wins below a node; −1 where there is none. */
  readonly #winner: Int32Array;
  /** First time at which some comparison below a node may come out differently. */
  readonly #expires: Float64Array;

  constructor(base: Float64Array, slope: Float64Array) {
    this.#base = base;
    this.#slope = slope;
    let size = 1;
    while (size < base.length) size *= 2;
    this.#size = size;
    this.#winner = new Int32Array(2 * size).fill(-1);
    this.#expires = new Float64Array(2 * size).fill(Infinity);
    for (let i = 0; i < base.length; i++) this.#winner[size + i] = i;
  }

  /** Recomputes every comparison for time t. */
  rebuild(t: number): void {
    for (let k = this.#size - 1; k >= 1; k--) this.#compare(k, t);
  }

  /** Recomputes the comparisons of one line whose base changed, for time t. */
  changed(line: number, t: number): void {
    for (let k = (this.#size + line) >> 1; k >= 1; k >>= 1) this.#compare(k, t);
  }

  /** The largest line at time t, which must not be before the time of any earlier call. */
  largest(t: number): number {
    if (this.#expires[1] <= t) this.#refresh(1, t);
    return this.#winner[1];
  }

  #refresh(node: number, t: number): void {
    const left = 2 * node;
    if (this.#expires[left] <= t) this.#refresh(left, t);
    if (this.#expires[left + 1] <= t) this.#refresh(left + 1, t);
    this.#compare(node, t);
  }

  #compare(node: number, t: number): void {
    const expires = this.#expires;
    const left = 2 * node;
    const a = this.#winner[left];
    const b = this.#winner[left + 1];
    let until = Math.min(expires[left], expires[left + 1]);
    if (b < 0) {
      this.#winner[node] = a;
      expires[node] = until;
      return;
    }
    const slopes = this.#slope;
    const lead = this.#base[a] + slopes[a] * t - (this.#base[b] + slopes[b] * t);
    const gain = slopes[b] - slopes[a];
    this.#winner[node] = lead >= 0 ? a : b;
    // Rounded down, so a comparison is looked at too early rather than too late.
    if (lead >= 0 ? gain > 0 : gain < 0) until = Math.min(until, Math.max(t + 1, Math.floor(t + lead / gain)));
    expires[node] = until;
  }
}
