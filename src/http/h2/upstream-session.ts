// Owns one connection to an endpoint of HTTP/2: its streams within what both sides allow, and whether it may be used for
// more. It never picks endpoints and never talks to clients.
//
//   connecting ──▶ connected ──GOAWAY, too old──▶ leaving (streams finish) ──▶ closed
//        └── error, deadline: everybody who waits is told

import type { UpstreamConnectionConfig } from '../../config/types.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import type { ErrorCode } from '../../core/error.ts';
import type { Conn, ConnOwner } from '../../net/conn.ts';
import { dialErrorCode } from '../../net/dial-error.ts';
import type { Expiring, NetLoop } from '../../net/loop.ts';
import { type ClientTerms, dialWith } from '../../tls/client.ts';
import { H2Connection, type H2User } from './connection.ts';
import { MOST_WINDOW } from './frame.ts';
import { NoConn } from './no-conn.ts';
import type { H2Stream } from './stream.ts';
import { UpstreamStream } from './upstream-stream.ts';

/** Of response bodies on their way, by stream: a slow client must not hold up the others on its connection. */
const STREAM_WINDOW = 256 * 1024;
const HEAD_BYTES = 64 * 1024;
const MOST_FIELDS = 1000;
/** Of an endpoint, which is trusted more than a client, and pings more. */
const CONTROL_FRAMES = 10_000;

export interface UpstreamSessionHome {
  /** It takes no more streams. */
  left(session: UpstreamSession): void;
  closed(session: UpstreamSession): void;
}

export class UpstreamSession implements ConnOwner, Expiring, H2User {
  readonly endpoint: Endpoint;
  readonly loop: NetLoop;
  readonly conn: Conn;
  readonly scheme: 'http' | 'https';
  readonly createdAt: number;
  readonly #config: UpstreamConnectionConfig;
  readonly #home: UpstreamSessionHome;
  readonly #streams = new Set<UpstreamStream>();
  /** Whose stream it is, whoever owns it by now. */
  readonly #placed = new Map<H2Stream, UpstreamStream>();
  /** For requests without a stream. */
  readonly nothing: NoConn;
  /** Responses completed. */
  served = 0;
  /** No more streams. */
  last = false;
  deadline = 0;
  /** What the endpoint can do is known. */
  settled = false;
  #h2: H2Connection | undefined;
  #closed = false;

  constructor(
    loop: NetLoop,
    endpoint: Endpoint,
    config: UpstreamConnectionConfig,
    tls: ClientTerms | undefined,
    home: UpstreamSessionHome,
  ) {
    this.loop = loop;
    this.endpoint = endpoint;
    this.#config = config;
    this.#home = home;
    this.scheme = tls === undefined ? 'http' : 'https';
    this.createdAt = loop.now;
    this.nothing = new NoConn(loop);
    this.conn = dialWith(loop, endpoint.address, tls, this);
    this.conn.expireIn(config.connectTimeoutMs);
  }

  get connected(): boolean {
    return this.#h2 !== undefined;
  }

  get bodyIdleMs(): number {
    return this.#config.bodyIdleMs;
  }

  /** The endpoint takes WebSockets over HTTP/2 (RFC 8441). */
  get tunnels(): boolean {
    return this.#h2?.peer.tunnels === true;
  }

  /** Another request may be put on it. */
  get hasRoom(): boolean {
    if (this.last || this.conn.closed || this.#h2?.isSpent === true) return false;
    if (this.loop.now - this.createdAt >= this.#config.maxAgeMs) {
      this.retire();
      return false;
    }
    return this.#streams.size < Math.min(this.#config.streams, this.#h2?.peer.streams ?? this.#config.streams);
  }

  stream(): UpstreamStream {
    const stream = new UpstreamStream(this);
    this.#streams.add(stream);
    this.deadline = 0;
    return stream;
  }

  /** Undefined: the connection went away in this moment. */
  open(owner: UpstreamStream): H2Stream | undefined {
    const h2 = this.#h2;
    if (h2 === undefined || h2.closed || this.last) return undefined;
    const stream = h2.open(owner);
    this.#placed.set(stream, owner);
    return stream;
  }

  /** The endpoint said something on this connection after that moment (monotonic ms). */
  heardSince(moment: number): boolean {
    return (this.#h2?.heardAt ?? 0) > moment;
  }

  /** Takes no more streams, and goes when those that it has are over. */
  retire(): void {
    if (this.#streams.size === 0) this.leave();
    else this.#leaving();
  }

  over(stream: UpstreamStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    if (this.last || this.loop.now - this.createdAt >= this.#config.maxAgeMs) this.leave();
    else this.deadline = this.loop.now + this.#config.idleMs;
  }

  onConnect(): void {
    const { conn } = this;
    if (conn.tls !== undefined && conn.tls.alpn !== 'h2') {
      this.#fail('upstream-protocol');
      return conn.destroy();
    }
    const { streams } = this.#config;
    this.#h2 = new H2Connection(
      conn,
      {
        isServer: false,
        streams: 0,
        windowBytes: STREAM_WINDOW,
        connectionWindowBytes: Math.min(STREAM_WINDOW * streams, MOST_WINDOW),
        headBytes: HEAD_BYTES,
        fields: MOST_FIELDS,
        controlFrames: CONTROL_FRAMES,
        resets: CONTROL_FRAMES,
        sendIdleMs: this.#config.bodyIdleMs,
      },
      this,
    );
    this.loop.watch(this);
    // A connection whose purpose is gone (all gave up waiting) is kept like an idle one.
    if (this.#streams.size === 0) this.deadline = this.loop.now + this.#config.idleMs;
    for (const stream of Array.from(this.#streams)) stream.ready();
  }

  onStream(): void {}
  onStreamOver(stream: H2Stream): void {
    const owner = this.#placed.get(stream);
    this.#placed.delete(stream);
    if (owner !== undefined) this.over(owner);
  }

  onSettings(): void {
    this.settled = true;
    this.conn.expireIn(0);
    for (const stream of Array.from(this.#streams)) stream.settled();
  }

  onGoaway(): void {
    this.#leaving();
    if (this.#streams.size === 0) this.leave();
  }

  onOver(fault: ErrorCode | undefined): void {
    this.loop.unwatch(this);
    this.#leaving();
    // Streams that were sent have been told; others wait for a connection that will not be.
    this.#fail(fault === undefined ? 'upstream-reset' : 'upstream-malformed');
  }

  onClosed(): void {
    this.#end();
  }

  #leaving(): void {
    if (this.last) return;
    this.last = true;
    this.#home.left(this);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#home.closed(this);
  }

  /** Everybody who waits for something. */
  #fail(code: ErrorCode): void {
    for (const stream of Array.from(this.#streams)) stream.lost(code);
  }

  /** Takes no more streams; closes when the last one is over. */
  leave(): void {
    this.#leaving();
    if (this.#h2 !== undefined) this.#h2.leave();
    else if (this.#streams.size === 0) this.conn.destroy();
  }

  expire(): void {
    if (this.#streams.size === 0) this.leave();
  }

  // Before there is a protocol on it:
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}

  onDeadline(): void {
    this.#leaving();
    this.#fail('connect-timeout');
    this.conn.destroy();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#leaving();
    this.#fail(dialErrorCode(error));
    this.#end();
  }
}
