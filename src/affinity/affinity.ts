// Owns the contract of session persistence for HTTP: what a kind is asked about a request, what it learns from where the request
// went, and what it says to the client with the answer. A kind decides nothing about health: it names an endpoint, the pool
// says whether that may be used. Hot path: no promise, no closure.

import type { AffinityBy, AffinityConfig } from '../config/types.ts';
import type { Clock, Random } from '../core/env.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import type { PinTable } from './pin-table.ts';

/** What may be asked about the request; valid only while its head is at hand. */
export interface AffinityRequest {
  readonly client: string;
  readonly query: string;
  /** `name` in lower case; repeated fields are joined, those of Cookie by `; `. */
  header(name: string): string | undefined;
}

/** No endpoint is known for the session. */
export const NOBODY = -1;
/** One is known, and is not in the pool any more. */
export const GONE = -2;

/** What is known of the session that one request belongs to. One for each connection of a client, used again and again. */
export class Pin {
  /** Slot of the endpoint, NOBODY or GONE. */
  slot: number = NOBODY;
  /** What the session is known by in tables; '' when it is not. */
  key = '';
  /** Wall-clock seconds: when the session began, and when that was last written into its cookie. */
  created = 0;
  seen = 0;
  /** Tells sessions apart that began in the same second. */
  id = 0;
  /** What was brought as a proof and is none. */
  refused: '' | 'forged' | 'expired' | 'oversized' = '';
  /** Somebody else may know the session: `lookup` before an endpoint is picked. */
  asks = false;

  reset(): void {
    this.slot = NOBODY;
    this.key = '';
    this.created = 0;
    this.seen = 0;
    this.id = 0;
    this.refused = '';
    this.asks = false;
  }
}

/** What is said to the client with the answer: fields of its head. */
export interface AnswerFields {
  append(name: string, value: string): void;
  /** What the endpoint's head has of that name. */
  takeOff(name: string): void;
}

export interface HttpAffinity {
  /** A session whose endpoint cannot serve is refused. */
  readonly strict: boolean;
  /** Fills a pin that was reset. */
  find(request: AffinityRequest, pin: Pin): void;
  /** The endpoint has the request. */
  chosen(pin: Pin, endpointId: string): void;
  /** Asks who else may know the session, when `pin.asks`. `done` is called once. */
  lookup?(pin: Pin, done: (found: string | undefined) => void): void;
  /** What `lookup` found. */
  told?(pin: Pin, found: string | undefined): void;
  /** The endpoint's head has come. `cookies`: its Set-Cookie fields. */
  answered?(
    pin: Pin,
    endpointId: string,
    secure: boolean,
    cookies: () => readonly string[],
    fields: AnswerFields,
  ): void;
  /** The value of Cookie that the endpoint is to see. */
  cookieFor?(value: string): string;
}

/** Signs and hides; with keys, so it is made outside. */
export interface Seal {
  /** Printable text of SEALED_OVERHEAD and the payload, in base64url. */
  seal(payload: Uint8Array): string;
  /** Undefined: not sealed by any of the keys. */
  open(token: string): Uint8Array | undefined;
}

/** A table that several balancers share. Every key is one session's. */
export interface PinStore {
  /** `done` once, soon: with undefined when nothing is known, or nobody can be asked. */
  lookup(key: string, done: (value: string | undefined) => void): void;
  /** Told, not awaited. `replace`: whatever is there; else what is there stays, and is put into `done`. */
  put(key: string, value: string, ttlMs: number, replace: boolean, done: (held: string) => void): void;
  /** Still in use; `done` with what is held. */
  touch(key: string, ttlMs: number, done: (held: string | undefined) => void): void;
}

export interface AffinityParts {
  readonly config: AffinityConfig;
  readonly poolSlot: number;
  readonly endpoints: readonly PoolEndpoint[];
  readonly clock: Clock;
  readonly random: Random;
  /** Shared by all workers of the node. */
  readonly table: KeyedTable;
  readonly pins: PinTable;
  /** Who is pinned to this slot may use it right now. */
  readonly serves: (slot: number) => boolean;
  /** Of kinds that sign. */
  readonly seal: Seal | undefined;
  readonly store: PinStore | undefined;
  /** Expires of a cookie. */
  readonly dateText: (epochMs: number) => string;
}

export interface AffinityKind {
  readonly name: AffinityBy;
  /** What it goes by has a name: of a cookie, a field, a parameter. */
  readonly named: boolean;
  /** What it can be told beside `ttl`, `maxAge` and `onDown`. */
  readonly takes: { readonly cookie?: true; readonly secrets?: true; readonly store?: true };
  build(parts: AffinityParts): HttpAffinity;
}
