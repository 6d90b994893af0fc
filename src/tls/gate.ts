// Owns the beginning of an encrypted connection: whom the client asks for, the handshake within its deadline and rate, and
// handing the connection over to whoever speaks what both sides agreed on. A handshake that fails ends the connection,
// counted, and nobody else notices. The name is read before OpenSSL is asked, because a context that it is given later
// answers with one certificate only, where there may be two with different kinds of keys.
//
//   attach ──hello──▶ shaking hands ──done──▶ handed over        no TLS, unknown name ─▶ told in the clear, closed, counted
//                                                                failed, deadline, too many, client gone ─▶ closed, counted

import { type Counters, L } from '../core/counters.ts';
import type { Clock } from '../core/env.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { Conn, ConnOwner, TlsFacts } from '../net/conn.ts';
import type { FreshOwner } from '../net/tcp-listener.ts';
import { ACME_TLS, type KnownChallenges } from './challenges.ts';
import { type ClientHello, parseClientHello } from './hello.ts';
import { Peeked } from './peeked.ts';
import { secureServer, type TlsFault, type TlsTerms, type TlsUser } from './secure.ts';

/** What a listener is to connections that are not encrypted yet. */
export interface TlsHost {
  readonly counters: Counters;
  readonly counts: KeyedCounts;
  /** What certificate authorities may ask. */
  readonly challenges: KnownChallenges;
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
const LOOKS_LIKE_HTTP = /^[A-Z]{3,16} /;

/** RFC 8446 §6: a fatal alert as a record of its own, before anything is encrypted. */
const alert = (description: number): string => String.fromCharCode(21, 3, 3, 0, 2, 2, description);
const DECODE_ERROR = alert(50);
const UNRECOGNIZED_NAME = alert(112);

/** For the last word to arrive before the connection goes. */
const FAREWELL_MS = 1000;

const PROVING = [ACME_TLS];

export class TlsGate implements FreshOwner, TlsUser {
  readonly #entrance: TlsEntrance;
  readonly #terms: TlsTerms;
  #conn!: Conn;
  /** Of a hello that came in pieces. */
  #peeked: Peeked | undefined;

  constructor(entrance: TlsEntrance, terms: TlsTerms) {
    this.#entrance = entrance;
    this.#terms = terms;
  }

  attach(conn: Conn): void {
    this.#conn = conn;
    this.#entrance.waiting.add(this);
    conn.expireIn(this.#terms.handshakeMs);
  }

  /** Only what comes before there is TLS. */
  onData(buffer: Buffer, length: number): void {
    if (!this.#entrance.waiting.has(this)) return;
    const bytes = this.#peeked === undefined ? buffer.subarray(0, length) : this.#peeked.add(buffer, length);
    if (bytes === undefined) return;
    const hello = parseClientHello(bytes, 0, bytes.length);
    if (hello === 'absent') return this.#noTls(bytes);
    if (hello === 'invalid') return this.#dismiss('tls-failed', DECODE_ERROR);
    if (typeof hello === 'object') return this.#greet(hello, bytes);
    if (this.#peeked === undefined) {
      this.#peeked = new Peeked();
      this.#peeked.add(buffer, length);
    }
    this.#peeked.wanted = hello;
  }

  #noTls(bytes: Buffer): void {
    if (LOOKS_LIKE_HTTP.test(bytes.toString('latin1', 0, 20)))
      this.#dismiss('tls-plain-http', PLAIN_REPLY(ERRORS['tls-plain-http'].reason));
    else this.refuse('tls-failed');
  }

  #greet({ sni, alpn }: ClientHello, bytes: Buffer): void {
    const proof = this.#entrance.host.challenges.proofFor(sni, alpn);
    const terms = proof === undefined ? this.#terms : { ...this.#terms, alpn: PROVING, clients: undefined };
    if (!this.#entrance.admits(terms.handshakeRate)) return this.refuse('tls-rate-limited');
    const named = proof ?? (sni === '' ? terms.contexts.fallback : terms.contexts.find(sni));
    if (named === undefined) return this.#dismiss('tls-no-certificate', UNRECOGNIZED_NAME);
    this.#peeked = undefined;
    // A copy: what is decrypted is read into the buffer in which this stands.
    secureServer(this.#conn, terms, { bytes: Buffer.from(bytes), serverName: sni, named }, this);
  }

  onSecured(facts: TlsFacts): void {
    const { host, waiting } = this.#entrance;
    if (!waiting.delete(this)) return;
    const conn = this.#conn;
    host.counters.listener(host.slot, L.tlsHandshakes);
    if (facts.resumed) host.counters.listener(host.slot, L.tlsResumed);
    // RFC 8737 §4: the handshake was all of it.
    if (facts.alpn === ACME_TLS) return void setImmediate(() => this.#farewell());
    conn.expireIn(0);
    conn.tls = facts;
    const owner = host.open(facts);
    conn.owner = owner;
    owner.attach(conn);
  }

  onTlsFault(fault: TlsFault): void {
    if (this.#entrance.waiting.has(this)) this.refuse(fault);
    // After the handshake: what came was not what was sent, so nothing more of this connection can be believed.
    else setImmediate(() => this.#conn.reset());
  }

  /** A word in the clear to say why, and the end. */
  #dismiss(code: ErrorCode, text: string): void {
    if (!this.#leave(code)) return;
    this.#conn.sendText(text);
    this.#farewell();
  }

  #farewell(): void {
    const conn = this.#conn;
    conn.owner = new Farewell(conn);
    conn.expireIn(FAREWELL_MS);
    conn.end();
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

/** Reads what still comes, because closing before would destroy the last word on its way. */
class Farewell implements ConnOwner {
  readonly #conn: Conn;

  constructor(conn: Conn) {
    this.#conn = conn;
  }

  onConnect(): void {}
  onData(): void {}
  onDrain(): void {}
  onClose(): void {}

  onEnd(): void {
    this.#conn.destroy();
  }

  onDeadline(): void {
    this.#conn.destroy();
  }
}
