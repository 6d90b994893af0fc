// Owns the beginning of an encrypted connection: the handshake within its deadline and rate, and handing the connection over
// to whoever speaks what both sides agreed on. A handshake that fails ends the connection, counted, and nobody else notices.
//
//   attach ──▶ shaking hands ──done──▶ handed over        failed, deadline, too many, client gone ─▶ closed, counted

import { type Counters, L } from '../core/counters.ts';
import type { Clock } from '../core/env.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { Conn, TlsFacts } from '../net/conn.ts';
import { HandleConn } from '../net/handle-conn.ts';
import type { FreshOwner } from '../net/tcp-listener.ts';
import { below } from './handle.ts';
import { type Receive, secureServer, type TlsFault, type TlsTerms, type TlsUser } from './secure.ts';

/** What a listener is to connections that are not encrypted yet. */
export interface TlsHost {
  readonly counters: Counters;
  readonly counts: KeyedCounts;
  readonly clock: Clock;
  readonly slot: number;
  refused(code: ErrorCode, peer: string): void;
  /** Who speaks the protocol that both sides agreed on. */
  open(facts: TlsFacts): FreshOwner;
}

/** Listeners count connections in this table too: in the spaces beside this one. */
const HANDSHAKES = 3;

export class TlsEntrance {
  /** Those in the middle of a handshake. */
  readonly waiting = new Set<TlsGate>();
  readonly host: TlsHost;

  constructor(host: TlsHost) {
    this.host = host;
  }

  /** Without `terms` connections are in the clear: `plain` is the one to speak to. */
  open(terms: TlsTerms | undefined, plain: () => FreshOwner): FreshOwner {
    return terms === undefined ? plain() : new TlsGate(this, terms);
  }

  /** One more handshake may begin now. */
  admits(rate: number): boolean {
    if (rate === 0) return true;
    const { counts, clock, slot } = this.host;
    const ticket = counts.begin(HANDSHAKES + 4 * slot, '', 0, rate, clock.now());
    if (ticket < 0) return false;
    counts.end(ticket);
    return true;
  }

  cut(): void {
    for (const gate of this.waiting) gate.refuse('draining');
  }
}

const PLAIN_REPLY = (reason: string): string => {
  const body = `400 Bad Request\n${reason}\n`;
  return `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
};

/** For the answer to somebody who speaks no TLS to arrive before the connection goes. */
const FAREWELL_MS = 1000;

export class TlsGate implements FreshOwner, TlsUser {
  readonly #entrance: TlsEntrance;
  readonly #terms: TlsTerms;
  #conn!: Conn;
  #receive: Receive | undefined;

  constructor(entrance: TlsEntrance, terms: TlsTerms) {
    this.#entrance = entrance;
    this.#terms = terms;
  }

  attach(conn: Conn): void {
    this.#conn = conn;
    this.#entrance.waiting.add(this);
    if (!this.#entrance.admits(this.#terms.handshakeRate)) return this.refuse('tls-rate-limited');
    conn.expireIn(this.#terms.handshakeMs);
    this.#receive = secureServer(conn, this.#terms, this);
  }

  /** Only what came with a PROXY protocol header. */
  onData(buffer: Buffer, length: number): void {
    this.#receive?.(Buffer.from(buffer.subarray(0, length)));
  }

  onSecured(facts: TlsFacts): void {
    const { host, waiting } = this.#entrance;
    if (!waiting.delete(this)) return;
    const conn = this.#conn;
    host.counters.listener(host.slot, L.tlsHandshakes);
    if (facts.resumed) host.counters.listener(host.slot, L.tlsResumed);
    conn.expireIn(0);
    conn.tls = facts;
    const owner = host.open(facts);
    conn.owner = owner;
    owner.attach(conn);
  }

  onTlsFault(fault: TlsFault): void {
    if (fault === 'tls-plain-http') this.#answerInTheClear();
    else if (this.#entrance.waiting.has(this)) this.refuse(fault);
    // After the handshake: what came was not what was sent, so nothing more of this connection can be believed.
    else setImmediate(() => this.#conn.reset());
  }

  #answerInTheClear(): void {
    const conn = this.#conn;
    if (!this.#leave('tls-plain-http')) return;
    if (!(conn instanceof HandleConn)) return conn.destroy();
    conn.uncover(below);
    conn.owner = FAREWELL;
    conn.sendText(PLAIN_REPLY(ERRORS['tls-plain-http'].reason));
    conn.end();
    conn.expireIn(FAREWELL_MS);
    conn.loop.clock.after(FAREWELL_MS, () => conn.destroy());
  }

  refuse(code: ErrorCode): void {
    if (!this.#leave(code)) return;
    const conn = this.#conn;
    // Within OpenSSL's own calls nothing may be closed under it, and an alert may be on its way.
    setImmediate(() => conn.destroy());
  }

  #leave(code: ErrorCode): boolean {
    if (!this.#entrance.waiting.delete(this)) return false;
    this.#entrance.host.refused(code, this.#conn.remote.host);
    return true;
  }

  onEnd(): void {
    this.refuse('client-gone');
  }

  onDeadline(): void {
    this.refuse('tls-timeout');
  }

  onConnect(): void {}
  onDrain(): void {}

  onClose(): void {
    this.#leave('client-gone');
  }
}

const FAREWELL = {
  onConnect(): void {},
  onData(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClose(): void {},
  onDeadline(): void {},
};
