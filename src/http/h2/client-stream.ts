// Owns one request of a client of HTTP/2, from its head to the end of its stream: puts the head before the parser, the body
// before the exchange, and takes the deadlines of each phase. Reused by its connection for a later stream.

import { L } from '../../core/counters.ts';
import { ERRORS, type ErrorCode } from '../../core/error.ts';
import { refusedRecord } from '../account.ts';
import { requestParser } from '../client-conn.ts';
import type { ClientPort } from '../client-port.ts';
import { F } from '../codec/fields.ts';
import { UNTIL_CLOSE } from '../codec/response-parser.ts';
import { Exchange } from '../exchange.ts';
import { deadlineOf, isGrpc } from '../grpc.ts';
import type { HttpListener } from '../listener.ts';
import type { RequestAdditions } from '../request-head.ts';
import type { ClientSession } from './client-session.ts';
import { linesOf } from './field-lines.ts';
import { REASON } from './frame.ts';
import { requestText } from './request-text.ts';
import { StreamResponse } from './response-sink.ts';
import type { H2Stream, StreamOwner } from './stream.ts';

/** Bytes of a head before it is parsed; larger ones are refused by the connection's own limit. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

export class ClientStream implements StreamOwner, ClientPort {
  readonly session: ClientSession;
  readonly sink: StreamResponse;
  readonly plainBodies = true;
  grpc = false;
  deadlineMs = 0;
  conn!: H2Stream;
  readonly #exchange: Exchange;
  #busy = false;
  #trailers = '';
  /** What content-length promised; -1 when it said nothing. */
  #expected = -1;
  #received = 0;

  constructor(session: ClientSession) {
    this.session = session;
    this.sink = new StreamResponse(this);
    this.#exchange = new Exchange(this);
  }

  get listener(): HttpListener {
    return this.session.listener;
  }

  /** GOAWAY ends connections; a request never has to. */
  get isLast(): boolean {
    return false;
  }

  additions(): RequestAdditions {
    return this.session.additions();
  }

  /** `fields` is undefined when there are too many, or too large ones. */
  begin(stream: H2Stream, fields: readonly string[] | undefined, endsWithHead: boolean): void {
    const { listener } = this.session;
    this.conn = stream;
    stream.owner = this;
    this.#trailers = '';
    this.#expected = -1;
    this.#received = 0;
    this.sink.reset();
    listener.ctx.counters.listener(listener.slot, L.h2Requests);
    this.grpc = false;
    if (fields === undefined) return this.#refuse('head-too-large');
    this.grpc = isGrpc(fieldOf(fields, 'content-type'));
    this.deadlineMs = this.grpc ? deadlineOf(fieldOf(fields, 'grpc-timeout')) : 0;
    const text = requestText(fields, endsWithHead);
    if (text === undefined) return this.#refuse('bad-request');
    if (text.length > scratch.length) scratch = Buffer.allocUnsafeSlow(text.length);
    const length = scratch.write(text, 'latin1');
    const after = requestParser.parse(scratch, 0, length, listener.handler.limits);
    if (after <= 0) return this.#refuse(after === 0 ? 'bad-request' : requestParser.error);
    if (requestParser.upgrade !== '') stream.pause();
    else if (endsWithHead) {
      if (requestParser.bodyLength > 0) return this.#refuse('bad-framing');
    } else if (requestParser.fields.has(F.contentLength)) this.#expected = requestParser.bodyLength;
    else requestParser.bodyLength = UNTIL_CLOSE;
    this.#busy = true;
    this.#exchange.begin(requestParser, scratch, length, length);
  }

  #refuse(code: ErrorCode): void {
    const { ctx, slot, handler } = this.listener;
    ctx.counters.error(slot, code);
    ctx.counters.listener(slot, L.status4xx + (ERRORS[code].status >= 500 ? 1 : 0));
    ctx.log?.(refusedRecord(handler.config.name, this.session.peer, code));
    const terms = { minor: 1, close: false, date: ctx.date(), hsts: handler.hsts, edits: undefined };
    this.sink.local({ status: ERRORS[code].status, code }, '', false, terms);
    ctx.counters.listener(slot, L.bytesOut, this.sink.bytesOut);
    if (!this.conn.remoteEnded) this.conn.resetWith(REASON.none);
  }

  requestRead(): void {}

  /** A request that is not read to its end is not wanted any more (RFC 9113 §8.1). */
  responded(_close: boolean, readAll: boolean): void {
    this.#busy = false;
    const { conn } = this;
    if (conn.closed) return;
    // Nobody will read the rest of the question; what waits for the client's window is still to be sent.
    if (!readAll && conn.pending === 0) return conn.resetWith(REASON.none);
    if (!readAll) conn.resume();
    conn.expireIn(conn.pending > 0 ? this.listener.handler.config.timeouts.sendIdleMs : 0);
  }

  abort(): void {
    this.#busy = false;
    this.conn.reset();
  }

  /** A stream carries one request. */
  unread(): void {
    this.conn.resume();
  }

  release(): undefined {
    this.#busy = false;
    return undefined;
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    this.listener.ctx.counters.listener(this.listener.slot, L.bytesIn, length);
    this.#received += length;
    if (this.#expected >= 0 && this.#received > this.#expected) return this.conn.resetWith(REASON.protocol);
    if (this.#busy) this.#exchange.requestBody(buffer, 0, length);
    // The answer is on its way already, and nobody reads the rest.
    else if (this.conn.pending === 0) this.conn.resetWith(REASON.none);
  }

  onFields(fields: string[]): void {
    this.#trailers = linesOf(fields);
  }

  onEnd(): void {
    if (this.#expected >= 0 && this.#received !== this.#expected) return this.conn.resetWith(REASON.protocol);
    if (this.#busy) this.#exchange.requestEnd(this.#trailers);
  }

  onDrain(): void {
    if (this.#busy) this.#exchange.onClientDrain();
    else if (this.conn.remoteEnded) this.conn.expireIn(0);
    else this.conn.resetWith(REASON.none);
  }

  onDeadline(): void {
    if (this.#busy) this.#exchange.onClientDeadline();
    else this.conn.reset();
  }

  onClose(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#exchange.onClientGone();
  }
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}
