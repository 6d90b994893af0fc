// Owns the addresses behind the names of endpoints: each is looked up once for all flows that wait for it, and remembered
// shortly, so that a new flow does not ask the resolver anew. What does not resolve is remembered too, for less long.

import { lookup } from 'node:dns';
import { isIP } from 'node:net';

export interface Resolved {
  readonly host: string;
  readonly family: 4 | 6;
}

/** An address, or the system's word that there is none. */
export type Resolution = Resolved | string;

/** The system's resolver; tests bring their own. */
export type LookUp = (host: string, done: (found: Resolution) => void) => void;

const FRESH_MS = 5000;
const FAILED_MS = 500;
/** Endpoints are few; names that no flow asks for any more go when this many are known. */
const MOST = 1024;

interface Name {
  found: Resolution | undefined;
  /** Monotonic ms. */
  until: number;
  readonly waiting: ((found: Resolution) => void)[];
}

const system: LookUp = (host, done) =>
  lookup(host, (error, address, family) =>
    done(error === null ? { host: address, family: family as 4 | 6 } : (error.code ?? 'ENOTFOUND')),
  );

export class Names {
  readonly #now: () => number;
  readonly #lookUp: LookUp;
  readonly #names = new Map<string, Name>();

  constructor(now: () => number, lookUp: LookUp = system) {
    this.#now = now;
    this.#lookUp = lookUp;
  }

  /** What is known now; undefined: `later` is called, once, when it is. Addresses are their own names. */
  resolve(host: string, later: (found: Resolution) => void): Resolution | undefined {
    const family = isIP(host);
    if (family !== 0) return { host, family: family as 4 | 6 };
    const known = this.#names.get(host);
    if (known !== undefined) {
      if (known.found === undefined) {
        known.waiting.push(later);
        return undefined;
      }
      if (this.#now() < known.until) return known.found;
    }
    this.#ask(host, later);
    return undefined;
  }

  #ask(host: string, later: (found: Resolution) => void): void {
    const name: Name = { found: undefined, until: Number.POSITIVE_INFINITY, waiting: [later] };
    if (this.#names.size >= MOST) this.#forgetOld();
    this.#names.set(host, name);
    this.#lookUp(host, (found) => {
      name.found = found;
      name.until = this.#now() + (typeof found === 'string' ? FAILED_MS : FRESH_MS);
      for (const tell of name.waiting.splice(0)) tell(found);
    });
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [host, { until }] of this.#names) if (until <= now) this.#names.delete(host);
  }
}
