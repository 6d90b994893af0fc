// Owns one client connection: frames its bytes into requests, one at a time and in order, with the deadlines of each
// phase, and closes it in a way that the client can tell a whole response from a cut one.
//
//   head ──head parsed──▶ body ──body read──▶ busy ──response sent──▶ head …
//     │                     └────────── response sent early ─────────▶ linger
//     └─bad head──▶ linger ──FIN, deadline or 1 MiB──▶ closed       any: client gone, cut ─▶ closed

import { formatAddress } from '../core/address.ts';
import { L } from '../core/counters.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { AdmissionTicket } from '../limits/admission.ts';
import type { Conn, ConnOwner } from '../net/conn.ts';
import { refusedRecord } from './account.ts';
import type { ClientPort } from './client-port.ts';
import { RequestParser } from './codec/request-parser.ts';
import { Exchange } from './exchange.ts';
import { ClientSession } from './h2/client-session.ts';
import { prefaceAt } from './h2/preface.ts';
import type { HttpListener, OpenClient } from './listener.ts';
import { localBody, localHead } from './reply.ts';
import { type AddedTo, additionsFor, type RequestAdditions } from './request-head.ts';
import { ResponseRelay } from './response-relay.ts';

const LINGER_MS = 2000;
const LINGER_BYTES = 1024 * 1024;

/** One parser a thread: a head is used up before the next one is parsed. */
export const requestParser = new RequestParser();

/** So long a connection without a request stays open when its listener drains. */
const LAST_CHANCE_MS = 1000;

type Phase = 'head' | 'body' | 'busy' | 'linger' | 'closed';

export class ClientConn implements ConnOwner, ClientPort, OpenClient, AddedTo {
  readonly listener: HttpListener;
  conn!: Conn;
  readonly sink = new ResponseRelay(this);
  readonly plainBodies = false;
  readonly grpc = false;
  readonly deadlineMs = 0;
  /** The peer's address as the socket gives it. */
  peer = '';
  requests = 0;
  #phase: Phase = 'head';
  #exchange: Exchange | undefined;
  /** Bytes that wait: the beginning of a head, or requests sent ahead. */
  #held: Buffer | undefined;
  #feeding = false;
  #lingered = 0;
  #additions: RequestAdditions | undefined;
  #additionsFor: unknown;

  constructor(listener: HttpListener) {
    this.listener = listener;
  }

  attach(conn: Conn): void {
    const { listener } = this;
    this.conn = conn;
    listener.open.add(this);
    listener.ctx.counters.listener(listener.slot, L.open);
    if (!this.#isWelcome()) return conn.reset();
    conn.expireIn(listener.draining ? LAST_CHANCE_MS : listener.handler.config.timeouts.headMs);
  }

  /** Within what one client may have. A connection that had to say first who it is for may come too late. */
  #isWelcome(): boolean {
    const { listener, conn } = this;
    const { connectionsPerClient, connectionRatePerClient } = listener.handler.limits;
    if (connectionsPerClient === 0 && connectionRatePerClient === 0) return true;
    this.peer = conn.remote.host;
    const ticket = conn.ticket as AdmissionTicket;
    const fault = ticket.ofClient(listener.slot, this.peer, listener.handler.limits, listener.ctx.env.clock.now());
    if (fault !== undefined) listener.refused(fault, this.peer);
    return fault === undefined;
  }

  /** What every request of this connection gets added; rebuilt when a reload changed the listener. */
  additions(): RequestAdditions {
    const { handler } = this.listener;
    if (this.#additions === undefined || this.#additionsFor !== handler) {
      if (this.peer === '') this.peer = this.conn.remote.host;
      this.#additions = additionsFor(handler, this.peer, this.conn.tls, this);
      this.#additionsFor = handler;
    }
    return this.#additions;
  }

  localAuthority(): string {
    return formatAddress(this.conn.local);
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    this.listener.ctx.counters.listener(this.listener.slot, L.bytesIn, length);
    if (this.#held === undefined) return this.#feed(buffer, 0, length);
    const all = Buffer.concat([this.#held, buffer.subarray(0, length)]);
    this.#held = undefined;
    this.#feed(all, 0, all.length);
  }

  #feed(buffer: Buffer, from: number, end: number): void {
    this.#feeding = true;
    let start = from;
    while (start < end) {
      if (this.#phase === 'head' && !this.conn.blocked) {
        const next = this.#head(buffer, start, end);
        if (next === start) break;
        start = next;
      } else if (this.#phase === 'body') {
        const next = this.#exchange!.requestBody(buffer, start, end);
        if (next === start && this.#phase === 'body') {
          // Nobody takes more for now.
          this.#held = Buffer.from(buffer.subarray(start, end));
          this.conn.pause();
          break;
        }
        start = next;
      } else if (this.#phase === 'linger') {
        this.#linger(end - start);
        break;
      } else {
        // Sent ahead of the response: wait for it, and take no more until then.
        if (this.#phase !== 'closed') {
          this.#held = Buffer.from(buffer.subarray(start, end));
          this.conn.pause();
        }
        break;
      }
    }
    this.#feeding = false;
  }

  /** Returns where the next bytes begin; `start` itself when the head is not complete. */
  #head(buffer: Buffer, start: number, end: number): number {
    const { handler } = this.listener;
    if (this.requests === 0 && buffer[start] === 0x50 && handler.config.http2 !== undefined) {
      const preface = prefaceAt(buffer, start, end);
      if (preface === 'whole') return this.#speakHttp2(buffer, start, end);
      if (preface === 'begun') {
        this.#held = Buffer.from(buffer.subarray(start, end));
        return start;
      }
    }
    const after = requestParser.parse(buffer, start, end, handler.limits);
    if (after === 0) {
      if (this.conn.deadline === 0 || this.requests > 0) this.#armHead();
      this.#held = Buffer.from(buffer.subarray(start, end));
      return start;
    }
    if (after < 0) {
      this.refuse(requestParser.error);
      return end;
    }
    this.conn.expireIn(0);
    // With one answer a connection, nothing is ever sent behind something unacknowledged.
    if (++this.requests === 2) this.conn.noDelay();
    if (this.#exchange === undefined) this.#exchange = new Exchange(this);
    this.#phase = 'body';
    this.#headArmed = false;
    return this.#exchange.begin(requestParser, buffer, after, end);
  }

  /** The client knew beforehand (RFC 9113 §3.3). */
  #speakHttp2(buffer: Buffer, start: number, end: number): number {
    this.#phase = 'closed';
    this.#forget();
    new ClientSession(this.listener, Buffer.from(buffer.subarray(start, end))).attach(this.conn);
    return end;
  }

  #headArmed = false;
  /** The clock for a head starts with its first byte and is not pushed back by further ones. */
  #armHead(): void {
    if (this.#headArmed) return;
    this.#headArmed = true;
    this.conn.expireIn(this.listener.handler.config.timeouts.headMs);
  }

  /** The request has been read to its end. */
  requestRead(): void {
    if (this.#phase === 'body') this.#phase = 'busy';
  }

  /** Answers a head that is no request, and closes. */
  refuse(code: ErrorCode): void {
    const { ctx, slot } = this.listener;
    ctx.counters.error(slot, code);
    ctx.counters.listener(slot, L.status4xx + (ERRORS[code].status >= 500 ? 1 : 0));
    const { config, hsts } = this.listener.handler;
    ctx.log?.(refusedRecord(config.name, this.additions().peer, code));
    const reply = { status: ERRORS[code].status, code };
    const body = localBody(reply, '');
    const terms = { minor: 1, close: true, date: ctx.date(), hsts, edits: undefined };
    this.send(localHead(reply, body.length, terms) + body.toString());
    this.lingerAndClose();
  }

  send(text: string): boolean {
    this.listener.ctx.counters.listener(this.listener.slot, L.bytesOut, text.length);
    return this.conn.sendText(text);
  }

  /** After this request the connection is to be closed, whatever the client wants. */
  get isLast(): boolean {
    const { requestsPerConnection } = this.listener.handler.limits;
    return this.listener.draining || (requestsPerConnection > 0 && this.requests >= requestsPerConnection);
  }

  /** The response is complete. `readAll`: so was the request. */
  responded(close: boolean, readAll: boolean, asked: boolean): void {
    if (this.conn.closed) return;
    if (!readAll) return this.lingerAndClose();
    // A client that asked for the end sends no more, so there is nothing to wait for.
    if (asked && this.#held === undefined && this.conn.pending === 0) return this.conn.destroy();
    if (close || this.listener.draining) return this.#close();
    const { timeouts } = this.listener.handler.config;
    this.#phase = 'head';
    if (this.conn.blocked) {
      // The client has not taken this response yet; the next one must not pile up behind it.
      this.conn.expireIn(timeouts.sendIdleMs);
      return;
    }
    this.conn.expireIn(timeouts.keepAliveMs);
    this.#next();
  }

  #next(): void {
    if (this.#feeding) return;
    const held = this.#held;
    if (held === undefined) return this.conn.resume();
    this.#held = undefined;
    this.#feed(held, 0, held.length);
    // A head may lack its end; and when nothing waits any more, only reading shows a client that goes away.
    if (this.#phase === 'head' || (this.#held === undefined && this.#phase !== 'body')) this.conn.resume();
  }

  /** Sends FIN after what is pending; the client's own FIN or the deadline ends it. */
  #close(): void {
    this.#phase = 'linger';
    this.conn.end();
    this.conn.resume();
    this.#expireLinger();
  }

  /** A client that reads slowly gets the time it would have had in the middle of a response. */
  #expireLinger(): void {
    const { sendIdleMs } = this.listener.handler.config.timeouts;
    this.conn.expireIn(this.conn.pending > 0 ? sendIdleMs : LINGER_MS);
  }

  /** Closing with unread input would send RST and could destroy the response on its way, so input is read and dropped. */
  lingerAndClose(): void {
    this.#held = undefined;
    this.#close();
  }

  #linger(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > LINGER_BYTES) this.conn.destroy();
  }

  unread(bytes: Buffer): void {
    if (this.conn.closed) return;
    if (bytes.length > 0 && this.#phase !== 'linger') this.#held = bytes;
    if (this.#phase === 'head' && !this.conn.blocked) this.#next();
    else if (this.#held === undefined) this.conn.resume();
  }

  /** The rest of this connection belongs to a tunnel. Returns bytes that came ahead. */
  release(): Buffer | undefined {
    const held = this.#held;
    this.#held = undefined;
    this.#phase = 'closed';
    this.#forget();
    return held;
  }

  /** Answers that cannot be finished: the client must see that something is missing. */
  abort(): void {
    this.conn.reset();
  }

  /** True while a request is being read or answered. */
  get busy(): boolean {
    return this.#phase === 'body' || this.#phase === 'busy';
  }

  /** Something would be lost if the connection were closed now. */
  get unfinished(): boolean {
    return this.busy || this.conn.pending > 0 || (this.listener.draining && this.#phase === 'head');
  }

  /** A request may be on its way already: it is still answered, and the connection ends with that answer. */
  drain(): void {
    if (this.#phase === 'head' && !this.conn.blocked) this.conn.expireIn(LAST_CHANCE_MS);
  }

  cut(): void {
    this.conn.destroy();
  }

  onDrain(): void {
    if (this.busy) return this.#exchange!.onClientDrain();
    if (this.#phase === 'linger') return this.#expireLinger();
    if (this.#phase !== 'head') return;
    if (this.listener.draining) return this.#close();
    this.conn.expireIn(this.listener.handler.config.timeouts.keepAliveMs);
    this.#next();
  }

  /** A client that closes its side does not wait for an answer (as nginx and Envoy read it). */
  onEnd(): void {
    if (this.busy || this.conn.pending === 0) return this.conn.destroy();
    // A whole response is still on its way to it.
    this.#held = undefined;
    this.#close();
  }

  onDeadline(): void {
    if (this.busy) return this.#exchange!.onClientDeadline();
    if (this.conn.blocked) return this.conn.reset();
    if (this.#phase === 'head' && this.#held !== undefined) return this.refuse('head-timeout');
    this.conn.destroy();
  }

  onClose(): void {
    const busy = this.busy;
    this.#phase = 'closed';
    this.#held = undefined;
    this.#forget();
    if (busy) this.#exchange!.onClientGone();
  }

  #forget(): void {
    if (this.listener.open.delete(this)) this.listener.ctx.counters.listener(this.listener.slot, L.open, -1);
  }
}
