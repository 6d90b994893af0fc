// Owns a small memory of what was worked out lately, bounded whatever strangers ask: two generations, of which the older one
// goes when the newer one is full.

export class Recent<V> {
  readonly #most: number;
  #fresh = new Map<string, V>();
  #older = new Map<string, V>();

  /** `most` in each generation. */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): V | undefined {
    const fresh = this.#fresh.get(key);
    if (fresh !== undefined) return fresh;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: V): void {
    if (this.#fresh.size >= this.#most) {
      this.#older = this.#fresh;
      this.#fresh = new Map();
    }
    this.#fresh.set(key, value);
  }

  get size(): number {
    return this.#fresh.size + this.#older.size;
  }
}
