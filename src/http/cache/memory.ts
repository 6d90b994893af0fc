// Owns the answers that one worker keeps in memory, within a bound of bytes: whoever was not asked for longest goes first. Knows
// which answers of a key there are, by what they vary, and finds them for those who purge.

import { LRUCache } from 'lru-cache';
import { type Entry, sizeOf } from './entry.ts';
import { variantOf } from './keys.ts';

/** Answers of one key that differ by fields of requests: more are not kept apart. */
const MOST_VARIANTS = 64;

interface Group {
  readonly vary: readonly string[];
  readonly keys: Set<string>;
}

export type Purge =
  | { readonly key: string }
  | { readonly prefix: string }
  | { readonly tag: string }
  | { readonly all: true };

export class MemoryStore {
  readonly #entries: LRUCache<string, Entry>;
  readonly #groups = new Map<string, Group>();

  constructor(bytes: number) {
    this.#entries = new LRUCache({
      maxSize: Math.max(1, bytes),
      sizeCalculation: sizeOf,
      dispose: (_entry, key, reason) => {
        if (reason !== 'set') this.#forget(key);
      },
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** The whole key of this request, by what answers to it vary; undefined while that is not known. */
  keyOf(primary: string, header: (name: string) => string | undefined): string | undefined {
    const group = this.#groups.get(primary);
    if (group === undefined) return undefined;
    const variant = group.vary.length === 0 ? '' : variantOf(group.vary, header);
    return variant === undefined ? undefined : primary + variant;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** `vary`: what the answer says. An answer that varies by something else than those before it is the only one from now on. */
  put(primary: string, vary: readonly string[], entry: Entry): void {
    let group = this.#groups.get(primary);
    if (group !== undefined && group.vary.join() !== vary.join()) {
      for (const key of Array.from(group.keys)) this.#entries.delete(key);
      group = undefined;
    }
    if (group === undefined) {
      group = { vary, keys: new Set() };
      this.#groups.set(primary, group);
    }
    if (group.keys.size >= MOST_VARIANTS && !group.keys.has(entry.key)) {
      const [oldest] = group.keys;
      this.#entries.delete(oldest);
      this.#groups.set(primary, group);
    }
    group.keys.add(entry.key);
    this.#entries.set(entry.key, entry);
    // Larger than everything there is room for.
    if (!this.#entries.has(entry.key)) this.#forget(entry.key);
  }

  #forget(key: string): void {
    const primary = primaryOf(key);
    const group = this.#groups.get(primary);
    if (group === undefined) return;
    group.keys.delete(key);
    if (group.keys.size === 0) this.#groups.delete(primary);
  }

  /** How many went. */
  purge(what: Purge): number {
    const going: string[] = [];
    if ('key' in what) going.push(...(this.#groups.get(what.key)?.keys ?? []));
    else
      for (const [key, { tags }] of this.#entries.entries()) {
        if ('all' in what || ('prefix' in what ? key.startsWith(what.prefix) : tags.includes(what.tag)))
          going.push(key);
      }
    for (const key of going) this.#entries.delete(key);
    return going.length;
  }

  clear(): void {
    this.#entries.clear();
    this.#groups.clear();
  }
}

export function primaryOf(key: string): string {
  const line = key.indexOf('\n');
  return line < 0 ? key : key.slice(0, line);
}
