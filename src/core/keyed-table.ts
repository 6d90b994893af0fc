// Owns a bounded table from keys to a few numbers, shared by the workers of a node without locks: each worker writes its own
// region only, and reads those of the others. Full means that something else is forgotten or nothing is kept; it never
// grows. What the numbers mean, and what may be forgotten, is the caller's. Keys are kept as 64 bits of hash.

import { hash32 } from './hash.ts';

export interface KeyedTableShape {
  /** Entries a worker; a power of two. */
  readonly entries: number;
  readonly workers: number;
}

/** Entries that a key may lie in: a bucket is scanned whole. */
const WAYS = 8;
/** Two words of key, then the caller's. */
const WORDS = 8;
const VALUES = 2;
/** Numbers an entry holds. */
export const KEYED_VALUES = WORDS - VALUES;
const LO_SEED = 0x51ed270b;
const HI_SEED = 0x2545f491;

export class KeyedTable {
  readonly #words: Int32Array;
  readonly #shape: KeyedTableShape;
  readonly #worker: number;
  #lo = 0;
  #hi = 0;

  constructor(buffer: ArrayBufferLike, shape: KeyedTableShape, worker: number) {
    this.#words = new Int32Array(buffer, 0, shape.entries * shape.workers * WORDS);
    this.#shape = shape;
    this.#worker = worker;
  }

  static byteLength({ entries, workers }: KeyedTableShape): number {
    return entries * workers * WORDS * 4;
  }

  static local(entries = 1024): KeyedTable {
    const shape = { entries, workers: 1 };
    return new KeyedTable(new ArrayBuffer(KeyedTable.byteLength(shape)), shape, 0);
  }

  get workers(): number {
    return this.#shape.workers;
  }

  /** Entries of a worker. */
  get size(): number {
    return this.#shape.entries;
  }

  /** The key that the calls which follow are about. `space` keeps the keys of different uses apart. */
  select(space: number, key: string): void {
    // 0 marks a free entry.
    this.#lo = hash32(key, LO_SEED ^ space) | 1;
    this.#hi = hash32(key, HI_SEED ^ space) | 0;
  }

  /** The key of an entry. */
  selectAs(entry: number): void {
    this.#lo = this.#words[entry];
    this.#hi = this.#words[entry + 1];
  }

  /** Every entry of every worker that is taken; of each `share` buckets only one is looked at. */
  visit(share: number, look: (entry: number) => void): void {
    const words = this.#words;
    const step = WAYS * WORDS;
    for (let bucket = 0; bucket < words.length; bucket += step * share) {
      for (let at = bucket; at < bucket + step; at += WORDS) if (words[at] !== 0) look(at);
    }
  }

  /** Where the selected key lies in a worker's region; -1 when it does not. */
  find(worker: number): number {
    const words = this.#words;
    for (let at = this.#bucket(worker), end = at + WAYS * WORDS; at < end; at += WORDS) {
      if (words[at] === this.#lo && words[at + 1] === this.#hi) return at;
    }
    return -1;
  }

  findOwn(): number {
    return this.find(this.#worker);
  }

  /**
   * Where the selected key lies in this worker's region, taken for it if need be; -1 when nothing in the bucket may be
   * forgotten. `staleness` says how dispensable an entry is: below 0 means not at all.
   */
  claim(staleness: (entry: number) => number): number {
    const found = this.find(this.#worker);
    if (found >= 0) return found;
    const words = this.#words;
    let best = -1;
    let most = -1;
    for (let at = this.#bucket(this.#worker), end = at + WAYS * WORDS; at < end; at += WORDS) {
      const rank = words[at] === 0 ? Number.POSITIVE_INFINITY : staleness(at);
      if (rank > most) {
        most = rank;
        best = at;
      }
    }
    if (best < 0) return -1;
    words.fill(0, best, best + WORDS);
    words[best] = this.#lo;
    words[best + 1] = this.#hi;
    return best;
  }

  /** `value` is 0 … KEYED_VALUES − 1. */
  get(entry: number, value: number): number {
    return Atomics.load(this.#words, entry + VALUES + value);
  }

  set(entry: number, value: number, to: number): void {
    Atomics.store(this.#words, entry + VALUES + value, to);
  }

  /** Returns the new value. */
  add(entry: number, value: number, by: number): number {
    return Atomics.add(this.#words, entry + VALUES + value, by) + by;
  }

  /** A worker that died has nothing any more. Call with a table built for that worker. */
  clear(): void {
    const { entries } = this.#shape;
    this.#words.fill(0, this.#worker * entries * WORDS, (this.#worker + 1) * entries * WORDS);
  }

  /** One value of every entry of this worker. */
  setAll(value: number, to: number): void {
    const { entries } = this.#shape;
    for (let i = 0; i < entries; i++) this.set((this.#worker * entries + i) * WORDS, value, to);
  }

  #bucket(worker: number): number {
    const { entries } = this.#shape;
    const buckets = entries / WAYS;
    return (worker * entries + ((this.#lo >>> 1) & (buckets - 1)) * WAYS) * WORDS;
  }
}
