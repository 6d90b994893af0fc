// Owns response rate limiting: how many answers of one kind a client's network gets a second over UDP, where addresses can be
// forged. The table has a fixed size; a newcomer takes over the row it falls on, as in NSD, so that a flood of forged networks
// makes limits looser and never costs memory. Time comes in.

import type { DnsRateLimitConfig } from '../../config/types/dns.ts';
import { CidrSet } from '../../core/cidr.ts';
import { mix32 } from '../../core/hash.ts';
import { readIp } from '../../core/ip.ts';

const ROWS = 1 << 16;
const IPV4_BYTES = 3;
const IPV6_BYTES = 7;
/** Answers that may come at once after a rest, in seconds of the rate. */
const BURST_MS = 1000;

/** What an answer is about: repeated ones of one kind are what a forger wants. */
export type Verdict = 'send' | 'slip' | 'drop';

export class RateLimit {
  readonly #spacingMs: number;
  readonly #slip: number;
  readonly #exempt: CidrSet;
  readonly #seed: number;
  readonly #key = new Uint32Array(ROWS);
  /** When the row's next answer is due by the rate (GCRA). */
  readonly #due = new Float64Array(ROWS);
  readonly #over = new Uint32Array(ROWS);
  readonly #address = new Uint8Array(16);

  constructor({ responses, slip, exempt }: DnsRateLimitConfig, seed: number) {
    this.#spacingMs = 1000 / responses;
    this.#slip = slip;
    this.#exempt = CidrSet.of(exempt);
    this.#seed = seed;
  }

  /** `kind` is the hash of what is answered: the name, or the zone for names that do not exist. */
  check(address: string, kind: number, now: number): Verdict {
    const length = readIp(address, this.#address);
    const bytes = length === 4 ? IPV4_BYTES : IPV6_BYTES;
    let hash = mix32(this.#seed ^ kind);
    for (let i = 0; i < bytes; i++) hash = Math.imul(hash ^ this.#address[i], 0x01000193);
    hash = mix32(hash ^ length);
    const row = hash & (ROWS - 1);
    if (this.#key[row] !== hash) {
      this.#key[row] = hash;
      this.#due[row] = now;
      this.#over[row] = 0;
    }
    const due = Math.max(this.#due[row], now);
    if (due - now < BURST_MS) {
      this.#due[row] = due + this.#spacingMs;
      return 'send';
    }
    // Asked only above the limit: membership costs more than the rest.
    if (this.#exempt.has(address)) return 'send';
    this.#over[row]++;
    return this.#slip > 0 && this.#over[row] % this.#slip === 0 ? 'slip' : 'drop';
  }
}
