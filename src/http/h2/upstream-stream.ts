// Owns one request to an endpoint of HTTP/2 and its response: a stream, told to the request's user in the words of HTTP/1. It
// never picks endpoints and never talks to clients.
//
//   waiting (for the connection, or room on it) ──▶ sent ──head──▶ in body ──end, trailers──▶ done
//        └────────── error, deadline, refused, reset: the user is told, the stream is over ──────┘

import type { Endpoint } from '../../core/endpoint.ts';
import type { ErrorCode } from '../../core/error.ts';
import type { Conn } from '../../net/conn.ts';
import { BodyReader } from '../codec/body.ts';
import { ResponseParser, UNTIL_CLOSE } from '../codec/response-parser.ts';
import type { Upstream, UpstreamUser } from '../upstream.ts';
import { fieldsOf, linesOf } from './field-lines.ts';
import { REASON } from './frame.ts';
import { streamRequest } from './request-fields.ts';
import { responseText, upgradeText } from './response-text.ts';
import type { H2Stream, StreamOwner } from './stream.ts';
import type { UpstreamSession } from './upstream-session.ts';

const parser = new ResponseParser();
const EMPTY = Buffer.alloc(0);

export class UpstreamStream implements Upstream, StreamOwner {
  trailers = '';
  /** Nothing can be put on it before there is a stream. */
  conn: Conn;
  readonly #session: UpstreamSession;
  readonly #reader = new BodyReader();
  #user: UpstreamUser | undefined;
  #stream: H2Stream | undefined;
  #answered = false;
  #webSocketKey = '';
  /** A handshake that waits until it is known whether the endpoint takes one. */
  #unsettled: string | undefined;
  #late = '';
  /** What content-length promised; -1 when it said nothing. */
  #expected = -1;
  #received = 0;
  /** Monotonic ms. */
  #sentAt = 0;

  constructor(session: UpstreamSession) {
    this.#session = session;
    this.conn = session.nothing;
  }

  get endpoint(): Endpoint {
    return this.#session.endpoint;
  }

  get connected(): boolean {
    return this.#session.connected;
  }

  get served(): number {
    return this.#session.served;
  }

  assign(user: UpstreamUser): void {
    this.#user = user;
    if (this.#session.connected) user.onUpstreamReady(this);
  }

  get #bodyIdleMs(): number {
    const idleMs = this.#user?.idleMs ?? 0;
    return idleMs === 0 ? this.#session.bodyIdleMs : idleMs;
  }

  /** The connection is there. */
  ready(): void {
    this.#user?.onUpstreamReady(this);
  }

  send(text: string): boolean {
    return this.#begin(text, undefined);
  }

  sendWithBody(text: string, body: Buffer): boolean {
    return this.#begin(text, body);
  }

  sendBatched(text: string): void {
    this.#begin(text, undefined);
  }

  #begin(text: string, first: Buffer | undefined): boolean {
    const session = this.#session;
    const user = this.#user!;
    const { fields, body, webSocketKey } = streamRequest(text, session.scheme);
    this.#webSocketKey = webSocketKey;
    if (webSocketKey !== '' && !session.settled) {
      this.#unsettled = text;
      return true;
    }
    const stream = webSocketKey === '' || session.tunnels ? session.open(this) : undefined;
    if (stream === undefined) {
      // The caller is in the middle of sending; what more there is waits where it is.
      setImmediate(() => this.fail(webSocketKey === '' ? 'upstream-reset' : 'upstream-protocol', webSocketKey === ''));
      return false;
    }
    this.#stream = stream;
    this.#sentAt = session.loop.clock.now();
    this.conn = stream;
    const isWhole = user.requestDone && webSocketKey === '' && this.trailers === '';
    if (isWhole && body === '' && first === undefined) {
      stream.sendHead(fields, true);
      stream.expireIn(user.firstByteMs);
      return true;
    }
    stream.sendHead(fields, false);
    let accepted = true;
    if (isWhole) {
      const bytes = first ?? Buffer.from(body, 'latin1');
      accepted = stream.sendLast(bytes, 0, bytes.length);
    } else if (body !== '') accepted = stream.sendText(body);
    if (!isWhole && first !== undefined) accepted = stream.sendBytes(stream, first, 0, first.length) && accepted;
    if (user.requestDone) this.requestSent();
    return accepted;
  }

  settled(): void {
    const text = this.#unsettled;
    this.#unsettled = undefined;
    if (text !== undefined && this.#user !== undefined) this.#begin(text, undefined);
  }

  requestSent(): void {
    const { conn } = this;
    if (conn.closed || this.#stream === undefined) return;
    if (this.#webSocketKey === '') {
      if (this.trailers === '') conn.end();
      else this.#stream?.sendTrailers(fieldsOf(this.trailers));
    }
    if (!this.#answered) conn.expireIn(this.#user?.firstByteMs ?? 0);
  }

  onFields(fields: string[], ends: boolean): void {
    if (this.#user === undefined || this.conn.closed) return;
    const status = statusOf(fields);
    // There is no such thing on a stream (RFC 9113 §8.6).
    if (status === '101') return this.#malformed();
    if (this.#answered) this.#late = linesOf(fields);
    else if (status.startsWith('1') && !ends) this.#informational(fields);
    else this.#head(fields, ends);
  }

  #head(fields: readonly string[], isBare: boolean): void {
    const user = this.#user!;
    this.#answered = true;
    if (this.#webSocketKey !== '' && statusOf(fields) === '200') return this.#upgraded(user, fields);
    if (!this.#parse(responseText(fields, isBare, user.isHead), user.isHead)) return this.#malformed();
    const reader = this.#reader;
    // Trailers may follow whatever length was announced, so only the stream's end is the end.
    const empty = isBare || user.isHead || parser.bodyLength === 0;
    reader.start(empty ? 0 : UNTIL_CLOSE);
    reader.verbatimEnd = 0;
    this.conn.expireIn(reader.done ? 0 : this.#bodyIdleMs);
    if (!empty && parser.bodyLength > 0) this.#expected = parser.bodyLength;
    if (isBare && parser.bodyLength > 0) return this.#malformed();
    if (empty) parser.bodyLength = 0;
    user.onResponse(parser, reader, EMPTY, 0);
    if (reader.done) this.#finish();
  }

  #informational(fields: readonly string[]): void {
    if (this.#parse(responseText(fields, true, true), true)) this.#user?.onInformational(parser);
  }

  #upgraded(user: UpstreamUser, fields: readonly string[]): void {
    if (!this.#parse(upgradeText(fields, this.#webSocketKey), true)) return this.#malformed();
    this.#user = undefined;
    this.conn.expireIn(0);
    user.onUpgraded(parser, EMPTY, 0, 0);
  }

  #parse(text: string | undefined, toHead: boolean): boolean {
    if (text === undefined) return false;
    const bytes = Buffer.from(text, 'latin1');
    return parser.parse(bytes, 0, bytes.length, toHead) === bytes.length;
  }

  #malformed(): void {
    this.fail('upstream-malformed', false);
  }

  /** The response is complete. */
  #finish(): void {
    const user = this.#user;
    if (user === undefined) return;
    this.#user = undefined;
    this.#session.served++;
    // What is left of the request will never be read.
    if (!user.requestDone) this.#stream?.resetWith(REASON.cancel);
    this.conn.expireIn(0);
    this.conn.resume();
    user.onResponseEnd();
  }

  /** The connection went before it had a stream on it; streams are told by themselves. */
  lost(code: ErrorCode): void {
    if (this.#stream === undefined) this.fail(code, false);
  }

  /** `stale`: the connection was at fault, and nothing was done with the request. */
  fail(code: ErrorCode, stale: boolean): void {
    const user = this.#user;
    if (user === undefined) return;
    this.#user = undefined;
    if (this.#stream === undefined) this.#session.over(this);
    else this.conn.destroy();
    user.onUpstreamFailed(code, this.#answered, stale);
  }

  abandon(user: UpstreamUser): void {
    if (this.#user !== user) return;
    this.#user = undefined;
    if (this.#stream === undefined) this.#session.over(this);
    else this.conn.destroy();
  }

  hold(): void {
    this.conn.pause();
    this.conn.expireIn(0);
  }

  unhold(): void {
    if (!this.conn.paused) return;
    this.conn.resume();
    if (this.#user !== undefined) this.conn.expireIn(this.#bodyIdleMs);
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    const user = this.#user;
    // Behind what was said to be the end.
    if (user === undefined) return this.#stream?.resetWith(REASON.protocol);
    this.#received += length;
    if (this.#reader.done || (this.#expected >= 0 && this.#received > this.#expected)) return this.#malformed();
    this.conn.expireIn(this.#bodyIdleMs);
    this.#reader.consume(buffer, 0, length);
    user.onResponseBody(this.#reader, buffer, 0);
  }

  onEnd(): void {
    const user = this.#user;
    if (user === undefined || !this.#answered || this.#reader.done) return;
    // Cut, though it ends like a whole one.
    if (this.#expected >= 0 && this.#received !== this.#expected) return this.fail('upstream-truncated', false);
    this.#reader.finish(this.#late);
    user.onResponseBody(this.#reader, EMPTY, 0);
    this.#finish();
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onDeadline(): void {
    // Not a word on the whole connection since: it may be dead, and nobody else should wait on it.
    if (!this.#session.heardSince(this.#sentAt)) this.#session.retire();
    this.fail(this.#answered ? 'upstream-stalled' : 'upstream-timeout', false);
  }

  onClose(): void {
    if (this.#answered) return this.fail('upstream-truncated', false);
    const session = this.#session;
    if (this.#stream?.rstCode !== REASON.refused) return this.fail('upstream-reset', false);
    // A connection that served well and is leaving was only the wrong one; the endpoint may be fine.
    if (session.last && session.served > 0) this.fail('upstream-reset', true);
    else this.fail('upstream-refused', false);
  }
}

function statusOf(fields: readonly string[]): string {
  const at = fields.indexOf(':status');
  return at < 0 ? '' : fields[at + 1];
}
