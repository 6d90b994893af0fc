// Owns the beginning of a connection whose peer is a trusted proxy: reads the PROXY protocol header, notes on the
// connection what it said, and hands the connection over to whoever speaks its protocol. Without a whole and valid header
// in time the connection is closed, because its client would be mistaken for the proxy.
//
//   waiting ──whole header──▶ handed over        malformed, deadline, client gone ─▶ closed, counted

import type { ErrorCode } from '../core/error.ts';
import type { Conn, ConnOwner } from './conn.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import type { FreshOwner } from './tcp-listener.ts';

/** Whose headers are believed: compiled from a listener's `proxyProtocol`. */
export interface ProxyTrust {
  believes(address: string): boolean;
  readonly timeoutMs: number;
}

/** What a listener asks of connections that have to say first for whom they are. */
export class ProxyEntrance {
  /** Those that have not said it yet. */
  readonly waiting = new Set<ProxyGate>();
  readonly #onRefused: (code: ErrorCode, peer: string) => void;

  constructor(onRefused: (code: ErrorCode, peer: string) => void) {
    this.#onRefused = onRefused;
  }

  /** `next` makes the owner that the connection is for. Without `trust` it is the first one. */
  open(trust: ProxyTrust | undefined, next: () => FreshOwner): FreshOwner {
    return trust === undefined ? next() : new ProxyGate(this, trust, next);
  }

  refused(code: ErrorCode, peer: string): void {
    this.#onRefused(code, peer);
  }

  cut(): void {
    for (const gate of this.waiting) gate.refuse('draining');
  }
}

export class ProxyGate implements FreshOwner {
  readonly #entrance: ProxyEntrance;
  readonly #trust: ProxyTrust;
  readonly #next: () => FreshOwner;
  #conn!: Conn;
  #peer = '';
  #held: Buffer | undefined;

  constructor(entrance: ProxyEntrance, trust: ProxyTrust, next: () => FreshOwner) {
    this.#entrance = entrance;
    this.#trust = trust;
    this.#next = next;
  }

  attach(conn: Conn): void {
    this.#conn = conn;
    this.#peer = conn.peer.host;
    if (!this.#trust.believes(this.#peer)) return void this.#handOver();
    this.#entrance.waiting.add(this);
    conn.expireIn(this.#trust.timeoutMs);
  }

  onData(buffer: Buffer, length: number): void {
    const bytes = Buffer.concat([this.#held ?? NOTHING, buffer.subarray(0, length)]);
    const header = parseProxyHeader(bytes, 0, bytes.length);
    if (header === 'incomplete') {
      this.#held = bytes;
      return;
    }
    if (typeof header === 'string') return this.refuse('bad-proxy-header');
    this.#conn.expireIn(0);
    this.#conn.proxied = header;
    const owner = this.#handOver();
    const rest = bytes.subarray(header.length);
    if (rest.length > 0 && !this.#conn.closed) owner.onData(rest, rest.length);
  }

  #handOver(): ConnOwner {
    this.#entrance.waiting.delete(this);
    const owner = this.#next();
    this.#conn.owner = owner;
    owner.attach(this.#conn);
    return this.#conn.owner;
  }

  refuse(code: ErrorCode): void {
    if (!this.#entrance.waiting.delete(this)) return;
    this.#entrance.refused(code, this.#peer);
    this.#conn.reset();
  }

  onEnd(): void {
    this.refuse('bad-proxy-header');
  }

  onDeadline(): void {
    this.refuse('proxy-header-timeout');
  }

  onConnect(): void {}
  onDrain(): void {}

  /** Whoever closed it otherwise was the client. */
  onClose(): void {
    this.refuse('client-gone');
  }
}

const NOTHING = Buffer.alloc(0);
