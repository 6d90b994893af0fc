// Owns one connection to an endpoint: sends requests on it, reads the responses in order, and knows whether it may be
// used again. It never picks endpoints and never talks to clients; the exchange at the head of its queue does.
//
//   connecting ──connected──▶ ready ──assign──▶ awaiting head ──head──▶ in body ──end──▶ ready …
//        └──── error, deadline, malformed, early close: every user fails, connection closed ────┘

import type { Endpoint } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/error.ts';
import type { Conn, ConnOwner } from '../net/conn.ts';
import { dialErrorCode } from '../net/dial-error.ts';
import type { NetLoop } from '../net/loop.ts';
import { type ClientTerms, dialWith } from '../tls/client.ts';
import { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import { ResponseParser } from './codec/response-parser.ts';
import { Line } from './line.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

export interface UpstreamHome {
  /** May take the connection back; called when a response is complete. */
  free(upstream: UpstreamConn): void;
  closed(upstream: UpstreamConn, byPeer: boolean): void;
}

export interface UpstreamConnTerms {
  readonly config: { readonly connectTimeoutMs: number; readonly bodyIdleMs: number };
  /** Undefined: in the clear. */
  readonly tls: ClientTerms | undefined;
}

const parser = new ResponseParser();

export class UpstreamConn implements ConnOwner, Upstream {
  readonly endpoint: Endpoint;
  readonly conn: Conn;
  readonly createdAt: number;
  readonly #home: UpstreamHome;
  readonly #timeouts: UpstreamConnTerms['config'];
  readonly #users = new Line<UpstreamUser>();
  readonly #reader = new BodyReader();
  connected = false;
  /** Unused: chunks hold them. */
  trailers = '';
  /** Monotonic ms since when nothing runs on it. */
  idleSince = 0;
  /** Responses completed. */
  served = 0;
  /** The peer said or did something after which no further request may be sent. */
  last = false;
  /** From the peer's `Keep-Alive: timeout=N`, in ms; 0 when it said nothing. */
  peerIdleMs = 0;
  #inBody = false;
  /** Some of the response at the head of the queue has come, if only a part of its head. */
  #heard = false;
  #held: Buffer | undefined;
  #out = '';
  #bodyLong = false;
  #detached = false;

  constructor(loop: NetLoop, endpoint: Endpoint, { config, tls }: UpstreamConnTerms, home: UpstreamHome) {
    this.endpoint = endpoint;
    this.#home = home;
    this.#timeouts = config;
    this.createdAt = loop.now;
    this.conn = dialWith(loop, endpoint.address, tls, this);
    this.conn.expireIn(config.connectTimeoutMs);
  }

  /** Requests sent or about to be sent whose response is not complete. */
  get outstanding(): number {
    return this.#users.size;
  }

  /** The user's response comes after those of earlier users. A connected upstream calls back at once. */
  assign(user: UpstreamUser): void {
    this.#users.push(user);
    if (this.connected) user.onUpstreamReady(this);
  }

  /** Sends a whole request (or its beginning) and starts waiting for the response. */
  send(text: string): boolean {
    this.#await();
    return this.conn.sendText(text);
  }

  sendWithBody(text: string, body: Buffer): boolean {
    this.#await();
    return this.conn.sendTextAndBytes(text, body, 0, body.length);
  }

  /** Like `send`, but everything that is sent within one turn of the event loop goes out in one system call. */
  sendBatched(text: string): void {
    this.#await();
    if (this.#out === '') batch(this);
    this.#out += text;
  }

  flush(): void {
    const text = this.#out;
    this.#out = '';
    if (text !== '' && !this.conn.closed) this.conn.sendText(text);
  }

  /** The first byte is due so long after the whole request was sent; a request that still comes is not late. */
  #await(): void {
    const first = this.#users.first!;
    if (this.#inBody || (this.#users.size > 1 && this.conn.deadline !== 0)) return;
    this.conn.expireIn(first.requestDone ? first.firstByteMs : 0);
  }

  /** The request body's end moves the deadline for the first byte. */
  requestSent(): void {
    this.#await();
  }

  /** The user's client went away. Its response is of no use; the connection is, if others wait on it. */
  abandon(user: UpstreamUser): void {
    const users = this.#users;
    const isFirst = users.first === user;
    // What was sent will be answered, so somebody must stand in line for it.
    if (!users.replace(user, this.connected ? new Discard(user.isHead) : undefined)) return;
    if (users.all().every((left) => left instanceof Discard)) {
      users.clear();
      this.conn.destroy();
    } else if (isFirst) this.unhold();
  }

  /** The client takes no more: stop reading. What then takes long is not the endpoint's fault. */
  hold(): void {
    this.conn.pause();
    this.conn.expireIn(0);
  }

  unhold(): void {
    if (!this.conn.paused) return;
    this.conn.resume();
    if (this.#inBody) this.conn.expireIn(this.#timeouts.bodyIdleMs);
  }

  onConnect(): void {
    this.connected = true;
    this.conn.expireIn(0);
    for (const user of this.#users.all()) if (!this.conn.closed) user.onUpstreamReady(this);
  }

  onData(data: Buffer, length: number): void {
    let buffer = data;
    let end = length;
    if (this.#held !== undefined) {
      buffer = Buffer.concat([this.#held, data.subarray(0, length)]);
      end = buffer.length;
      this.#held = undefined;
    }
    let start = 0;
    while (start < end && !this.conn.closed && !this.#detached) {
      const user = this.#users.first;
      // Bytes that nobody asked for: the peer is confused, or somebody talks out of turn on purpose.
      if (user === undefined) return this.conn.destroy();
      const next = this.#inBody ? this.#body(user, buffer, start, end) : this.#head(user, buffer, start, end);
      if (next < 0) return this.#fail('upstream-malformed');
      if (next === start && !this.#inBody && this.#held !== undefined) return;
      start = next;
    }
  }

  #head(user: UpstreamUser, buffer: Buffer, start: number, end: number): number {
    this.#heard = true;
    const after = parser.parse(buffer, start, end, user.isHead);
    if (after < 0) return -1;
    if (after === 0) {
      this.#held = Buffer.from(buffer.subarray(start, end));
      return start;
    }
    if (parser.status < 200) return this.#informational(user, buffer, after, end);
    this.#learnIdleLimit();
    if (!parser.keepAlive) this.last = true;
    const reader = this.#reader;
    reader.start(parser.bodyLength, user.wantsPlainBody);
    const bodyEnd = reader.done ? after : reader.consume(buffer, after, end);
    if (bodyEnd < 0) return -1;
    if (!reader.delimited) this.last = true;
    this.#inBody = !reader.done;
    this.conn.expireIn(this.#inBody ? this.#timeouts.bodyIdleMs : 0);
    user.onResponse(parser, reader, buffer, after);
    if (reader.done) this.#finish(user, bodyEnd < end);
    return reader.done ? bodyEnd : end;
  }

  #informational(user: UpstreamUser, buffer: Buffer, after: number, end: number): number {
    if (parser.status !== 101) {
      user.onInformational(parser);
      return after;
    }
    if (!user.wantsUpgrade) return -1;
    this.conn.expireIn(0);
    this.#detached = true;
    this.#users.clear();
    this.#home.closed(this, false);
    user.onUpgraded(parser, buffer, after, end);
    return end;
  }

  #body(user: UpstreamUser, buffer: Buffer, start: number, end: number): number {
    const reader = this.#reader;
    const next = reader.consume(buffer, start, end);
    if (next < 0) return -1;
    this.#inBody = !reader.done;
    this.conn.expireIn(this.#timeouts.bodyIdleMs);
    user.onResponseBody(reader, buffer, start);
    if (this.conn.closed) return end;
    if (reader.done) this.#finish(user, next < end);
    else if (!this.#bodyLong) {
      this.#bodyLong = true;
      this.conn.beginBody();
    }
    return next;
  }

  /** `more`: bytes follow. With nobody left to answer they are no response, and must not become the next one's. */
  #finish(user: UpstreamUser, more: boolean): void {
    if (this.conn.closed) return;
    this.#users.shift();
    this.served++;
    this.#heard = false;
    if (more && this.#users.size === 0) this.last = true;
    // The rest of the request will never be read as what it is.
    if (!user.requestDone) this.last = true;
    if (this.#bodyLong) {
      this.#bodyLong = false;
      // A pending write may still read from the private buffer; a paused source is the sign of it.
      this.conn.endBody(this.conn.paused);
    }
    this.conn.resume();
    this.conn.expireIn(0);
    if (this.#users.size > 0) this.conn.expireIn(this.#users.first!.firstByteMs);
    else this.idleSince = this.conn.loop.now;
    this.#home.free(this);
    user.onResponseEnd();
    // The peer announced that it will not answer the others.
    if (this.last && this.#users.size > 0) this.#fail('upstream-reset');
  }

  #learnIdleLimit(): void {
    const index = parser.fields.first[F.keepAlive];
    if (index < 0) return;
    const match = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(parser.fields.value(index));
    if (match !== null) this.peerIdleMs = Number(match[1]) * 1000;
  }

  onEnd(): void {
    const user = this.#users.first;
    if (user !== undefined && this.#inBody && !this.#reader.delimited) {
      this.#reader.done = true;
      this.#reader.verbatimEnd = 0;
      this.#inBody = false;
      user.onResponseBody(this.#reader, EMPTY, 0);
      this.#finish(user, false);
    }
    this.last = true;
    this.conn.destroy();
  }

  onDrain(): void {
    this.#users.all().at(-1)?.onUpstreamDrain();
  }

  onDeadline(): void {
    if (this.#users.size === 0) return this.conn.destroy();
    if (this.connected) this.#fail(this.#inBody ? 'upstream-stalled' : 'upstream-timeout');
    else this.#fail('connect-timeout');
  }

  #fail(code: ErrorCode): void {
    const answered = this.#inBody || this.#heard;
    const users = this.#users.all();
    this.#users.clear();
    this.conn.destroy();
    users.forEach((user, i) => {
      user.onUpstreamFailed(i === 0 ? code : 'upstream-reset', i === 0 && answered, this.served > 0 || i > 0);
    });
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#home.closed(this, error === undefined || error.code === 'ECONNRESET' || error.code === 'EPIPE');
    if (this.#users.size === 0) return;
    if (!this.connected) this.#fail(dialErrorCode(error));
    else this.#fail(this.#inBody ? 'upstream-truncated' : 'upstream-reset');
  }
}

const EMPTY = Buffer.alloc(0);

/** Stands in for a user that went away, on a connection that others wait on. */
class Discard implements UpstreamUser {
  readonly isHead: boolean;
  readonly wantsUpgrade = false;
  readonly requestDone = true;
  readonly wantsPlainBody = false;
  readonly firstByteMs = 30_000;
  readonly idleMs = 0;

  constructor(isHead: boolean) {
    this.isHead = isHead;
  }
  onUpstreamReady(): void {}
  onInformational(): void {}
  onUpgraded(): void {}
  onResponse(): void {}
  onResponseBody(): void {}
  onResponseEnd(): void {}
  onUpstreamDrain(): void {}
  onUpstreamFailed(): void {}
}

let waiting: UpstreamConn[] = [];
function flushAll(): void {
  const batchOf = waiting;
  waiting = [];
  for (const upstream of batchOf) upstream.flush();
}
function batch(upstream: UpstreamConn): void {
  if (waiting.length === 0) setImmediate(flushAll);
  waiting.push(upstream);
}
