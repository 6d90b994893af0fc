// Owns the addresses of names outside the zones, as one worker knows them: what it was told, for as long as that may be used.
// It looks nothing up.

import type { ResolvedNames } from './settings.ts';

/** What a lookup found. Times are monotonic ms, which all threads share. */
export interface ResolvedName {
  /** Lower case, with a dot at its end. */
  readonly name: string;
  readonly family: 4 | 6;
  /** Empty: the name has none of this family. */
  readonly addresses: readonly string[];
  /** The end of their TTL. */
  readonly freshUntil: number;
  /** Not used after this, even if nobody could look again. */
  readonly keptUntil: number;
}

/** Of addresses that could not be looked up again (RFC 8767 §4 has 30 s). */
const MOST_LATE_SECONDS = 30;

export class KnownNames implements ResolvedNames {
  readonly #now: () => number;
  readonly #names = new Map<string, ResolvedName>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#names.size;
  }

  /** Forgets what is too old, too. */
  learn(found: Iterable<ResolvedName>): void {
    const now = this.#now();
    for (const one of found) this.#names.set(`${one.family}${one.name}`, one);
    for (const [key, { keptUntil }] of this.#names) if (now >= keptUntil) this.#names.delete(key);
  }

  find(
    name: string,
    family: 4 | 6,
  ): { readonly addresses: readonly string[]; readonly ttlSeconds: number } | undefined {
    const known = this.#names.get(`${family}${name}`);
    const now = this.#now();
    if (known === undefined || now >= known.keptUntil) return undefined;
    const left = (known.freshUntil - now) / 1000;
    // A lookup is under way when the TTL ends: what comes of it should be seen soon. The longer it fails, the longer it may.
    const ttlSeconds = left >= 1 ? Math.floor(left) : Math.min(MOST_LATE_SECONDS, Math.floor(1 + Math.max(0, -left)));
    return { addresses: known.addresses, ttlSeconds };
  }
}
