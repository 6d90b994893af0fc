// Owns what is inside a cookie of ours: which endpoint, since when, when it was last seen, and which session, sealed so that
// nobody else can read or make one. What was opened once is kept for a while, because opening costs microseconds.

import { hash32 } from '../core/hash.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import { GONE, type Pin, type Seal } from './affinity.ts';

/** Endpoint (64 bits of hash), created, seen, id. */
const PAYLOAD_BYTES = 20;
/** With 16 bytes of proof, in base64url without padding. */
export const TOKEN_LENGTH = 48;
/** Kept tokens of one worker and pool: two generations of so many. */
const GENERATION = 4096;
/** So far the clocks of balancers may be apart. */
const CLOCK_SKEW_SECONDS = 300;
const LO_SEED = 0x3c6ef372;
const HI_SEED = 0x1b873593;

interface Opened {
  readonly slot: number;
  readonly created: number;
  readonly seen: number;
  readonly id: number;
}

export class Tokens {
  readonly #seal: Seal;
  readonly #ttlSeconds: number;
  readonly #maxAgeSeconds: number;
  readonly #slots = new Map<number, { readonly hi: number; readonly slot: number }>();
  readonly #payload = new Uint8Array(PAYLOAD_BYTES);
  readonly #view = new DataView(this.#payload.buffer);
  #young = new Map<string, Opened>();
  #old = new Map<string, Opened>();

  /** 0 means no bound. */
  constructor(seal: Seal, ttlMs: number, maxAgeMs: number, endpoints: readonly PoolEndpoint[]) {
    this.#seal = seal;
    this.#ttlSeconds = ttlMs === 0 ? Number.POSITIVE_INFINITY : ttlMs / 1000;
    this.#maxAgeSeconds = maxAgeMs === 0 ? Number.POSITIVE_INFINITY : maxAgeMs / 1000;
    for (const { id, slot } of endpoints) this.#slots.set(hash32(id, LO_SEED), { hi: hash32(id, HI_SEED), slot });
  }

  /** What the token says, put into the pin; false when it is to be ignored, and `pin.refused` says why. `second`: wall clock. */
  read(token: string, second: number, pin: Pin): boolean {
    if (token.length !== TOKEN_LENGTH) {
      pin.refused = token.length > TOKEN_LENGTH ? 'oversized' : 'forged';
      return false;
    }
    const opened = this.#young.get(token) ?? this.#open(token);
    if (opened === undefined) {
      pin.refused = 'forged';
      return false;
    }
    const { created, seen } = opened;
    const isOver = second - seen > this.#ttlSeconds || second - created > this.#maxAgeSeconds;
    if (isOver || seen > second + CLOCK_SKEW_SECONDS) {
      pin.refused = 'expired';
      return false;
    }
    pin.slot = opened.slot;
    pin.created = created;
    pin.seen = seen;
    pin.id = opened.id;
    pin.refused = '';
    return true;
  }

  write(endpointId: string, created: number, seen: number, id: number): string {
    const view = this.#view;
    view.setUint32(0, hash32(endpointId, LO_SEED));
    view.setUint32(4, hash32(endpointId, HI_SEED));
    view.setUint32(8, created);
    view.setUint32(12, seen);
    view.setUint32(16, id);
    return this.#seal.seal(this.#payload);
  }

  #open(token: string): Opened | undefined {
    const opened = this.#old.get(token) ?? this.#opened(token);
    if (opened === undefined) return undefined;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(token, opened);
    return opened;
  }

  #opened(token: string): Opened | undefined {
    const payload = this.#seal.open(token);
    if (payload?.length !== PAYLOAD_BYTES) return undefined;
    const view = new DataView(payload.buffer, payload.byteOffset, PAYLOAD_BYTES);
    const named = this.#slots.get(view.getUint32(0));
    const slot = named !== undefined && named.hi === view.getUint32(4) ? named.slot : GONE;
    return { slot, created: view.getUint32(8), seen: view.getUint32(12), id: view.getUint32(16) };
  }
}
