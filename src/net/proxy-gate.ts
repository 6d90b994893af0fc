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

export class ProxyGate implements FreshOwner {
  readonly #trust: ProxyTrust;
  readonly #next: () => FreshOwner;
  readonly #onRefused: (code: ErrorCode, peer: string) => void;
  #conn!: Conn;
  #peer = '';
  #held: Buffer | undefined;

  /** `next` makes the owner that the connection is for. */
  constructor(trust: ProxyTrust, next: () => FreshOwner, onRefused: (code: ErrorCode, peer: string) => void) {
    this.#trust = trust;
    this.#next = next;
    this.#onRefused = onRefused;
  }

  attach(conn: Conn): void {
    this.#conn = conn;
    this.#peer = conn.peer.host;
    if (this.#trust.believes(this.#peer)) conn.expireIn(this.#trust.timeoutMs);
    else this.#handOver();
  }

  onData(buffer: Buffer, length: number): void {
    const bytes = Buffer.concat([this.#held ?? NOTHING, buffer.subarray(0, length)]);
    const header = parseProxyHeader(bytes, 0, bytes.length);
    if (header === 'incomplete') {
      this.#held = bytes;
      return;
    }
    if (typeof header === 'string') return this.#refuse('bad-proxy-header');
    this.#conn.expireIn(0);
    this.#conn.proxied = header;
    const owner = this.#handOver();
    const rest = bytes.subarray(header.length);
    if (rest.length > 0 && !this.#conn.closed) owner.onData(rest, rest.length);
  }

  #handOver(): ConnOwner {
    const owner = this.#next();
    this.#conn.owner = owner;
    owner.attach(this.#conn);
    return this.#conn.owner;
  }

  #refuse(code: ErrorCode): void {
    this.#onRefused(code, this.#peer);
    this.#conn.reset();
  }

  onEnd(): void {
    this.#refuse('bad-proxy-header');
  }

  onDeadline(): void {
    this.#refuse('proxy-header-timeout');
  }

  onConnect(): void {}
  onDrain(): void {}
  onClose(): void {}
}

const NOTHING = Buffer.alloc(0);
