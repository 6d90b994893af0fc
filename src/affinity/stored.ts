// Owns what all kinds with a table have in common: a key is looked up here, asked for in a shared store when it is not known
// here, and remembered where it went. The shared store never holds a request up for long, and what is known here serves
// without it; every now and then it is asked whether another balancer has moved the session.

import { type AffinityParts, type AffinityRequest, GONE, type HttpAffinity, NOBODY, type Pin } from './affinity.ts';

/** A session in use is made known to the store, and asked for, at most this often. */
const REFRESH_MS = 5000;
/** Keys whose refresh is remembered: two generations of so many. */
const GENERATION = 4096;
const MOST_KEY = 512;
const FORM = /^(\d{1,12}) (.{1,512})$/;

export abstract class StoredAffinity implements HttpAffinity {
  readonly strict: boolean;
  readonly #parts: AffinityParts;
  readonly #slots: ReadonlyMap<string, number>;
  /** Monotonic ms of the last word with the store. */
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor(parts: AffinityParts) {
    this.#parts = parts;
    this.strict = parts.config.onDown === 'fail';
    this.#slots = new Map(parts.endpoints.map(({ id, slot }) => [id, slot]));
  }

  /** '' when the request has none. */
  protected abstract keyOf(request: AffinityRequest): string;

  find(request: AffinityRequest, pin: Pin): void {
    const key = this.keyOf(request);
    if (key === '') return;
    if (key.length > MOST_KEY) {
      pin.refused = 'oversized';
      return;
    }
    this.look(key, pin);
  }

  protected look(key: string, pin: Pin): void {
    const { pins, clock, store, serves } = this.#parts;
    pin.key = key;
    pin.slot = pins.find(key, clock.now());
    if (store !== undefined) pin.asks = pin.slot < 0 || !serves(pin.slot);
  }

  chosen(pin: Pin, endpointId: string): void {
    if (pin.key !== '') this.keep(pin.key, endpointId, pin.slot !== NOBODY && !this.#is(pin.slot, endpointId));
  }

  /** `moved`: the session was elsewhere before. */
  protected keep(key: string, endpointId: string, moved: boolean): void {
    const { pins, clock, store, config } = this.#parts;
    const now = clock.now();
    pins.remember(key, endpointId, now);
    if (store === undefined) return;
    const adopt = (held: string | undefined): void => this.#adopt(key, endpointId, held);
    const last = this.#lastWord(key);
    if (moved || last === undefined) {
      this.#spoke(key, now);
      const value = `${this.#createdAt(key)} ${endpointId}`;
      store.put(key, value, config.ttlMs, moved, adopt);
    } else if (now - last >= Math.min(REFRESH_MS, config.ttlMs / 10)) {
      this.#spoke(key, now);
      store.touch(key, config.ttlMs, (held) => {
        // It forgot (a restart): what is known here is told again.
        if (held === undefined) this.#forgetWord(key);
        else adopt(held);
      });
    }
  }

  lookup(pin: Pin, done: (found: string | undefined) => void): void {
    this.#parts.store!.lookup(pin.key, done);
  }

  told(pin: Pin, found: string | undefined): void {
    const told = this.#read(found);
    if (told === undefined) return;
    pin.slot = told.slot;
    if (told.slot < 0) return;
    const { pins, clock } = this.#parts;
    pins.remember(pin.key, told.id, clock.now(), this.#monotonic(told.created));
    this.#spoke(pin.key, clock.now());
  }

  #is(slot: number, endpointId: string): boolean {
    return this.#slots.get(endpointId) === slot;
  }

  /** Another balancer was first, or has moved the session: from the next request on it goes there. */
  #adopt(key: string, endpointId: string, held: string | undefined): void {
    const told = this.#read(held);
    if (told === undefined || told.slot < 0 || told.id === endpointId) return;
    const { pins, clock, serves } = this.#parts;
    if (serves(told.slot)) pins.remember(key, told.id, clock.now(), this.#monotonic(told.created));
  }

  /** What the store holds was perhaps written by somebody else: it is believed only where it makes sense. */
  #read(value: string | undefined): { slot: number; id: string; created: number } | undefined {
    const match = value === undefined ? null : FORM.exec(value);
    if (match === null) return undefined;
    const created = Number(match[1]);
    const { config, clock } = this.#parts;
    const age = clock.epoch() - created * 1000;
    if (config.maxAgeMs > 0 && age > config.maxAgeMs) return undefined;
    return { slot: this.#slots.get(match[2]) ?? GONE, id: match[2], created };
  }

  /** Wall-clock second at which the session came to its endpoint. */
  #createdAt(key: string): number {
    const { pins, clock } = this.#parts;
    const now = clock.now();
    pins.find(key, now);
    return Math.floor((clock.epoch() - (now - pins.since * 1000)) / 1000);
  }

  #monotonic(created: number): number {
    const { clock } = this.#parts;
    return Math.max(0, Math.floor((clock.now() - (clock.epoch() - created * 1000)) / 1000));
  }

  #lastWord(key: string): number | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  #forgetWord(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #spoke(key: string, now: number): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, now);
  }
}
