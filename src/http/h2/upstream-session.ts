// Owns one connection to an endpoint of HTTP/2: its streams within what both sides allow, and whether it may be used for
// more. It never picks endpoints and never talks to clients.
//
//   connecting ──▶ connected ──GOAWAY, too old──▶ leaving (streams finish) ──▶ closed
//        └── error, deadline: everybody who waits is told

import { type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionRequestOptions, connect } from 'node:http2';
import type { UpstreamConnectionConfig } from '../../config/types.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import type { ErrorCode } from '../../core/error.ts';
import type { Conn, ConnOwner } from '../../net/conn.ts';
import { dialErrorCode } from '../../net/dial-error.ts';
import type { Expiring, NetLoop } from '../../net/loop.ts';
import { type ClientTerms, dialWith } from '../../tls/client.ts';
import { socketOf } from './node-socket.ts';
import type { StreamEnds } from './stream-conn.ts';
import { UpstreamStream } from './upstream-stream.ts';

/** Of response bodies on their way, by stream: a slow client must not hold up the others on its connection. */
const STREAM_WINDOW = 256 * 1024;
const SESSION_MEMORY_MB = 64;

export interface UpstreamSessionHome {
  /** It takes no more streams. */
  left(session: UpstreamSession): void;
  closed(session: UpstreamSession): void;
}

export class UpstreamSession implements ConnOwner, Expiring {
  readonly endpoint: Endpoint;
  readonly loop: NetLoop;
  readonly conn: Conn;
  readonly scheme: 'http' | 'https';
  readonly createdAt: number;
  readonly #config: UpstreamConnectionConfig;
  readonly #home: UpstreamSessionHome;
  readonly #streams = new Set<UpstreamStream>();
  connected = false;
  /** Responses completed. */
  served = 0;
  /** No more streams. */
  last = false;
  deadline = 0;
  ends: StreamEnds = { peer: NOWHERE, own: NOWHERE };
  #session: ClientHttp2Session | undefined;

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
    this.conn = dialWith(loop, endpoint.address, tls, this);
    this.conn.expireIn(config.connectTimeoutMs);
  }

  get bodyIdleMs(): number {
    return this.#config.bodyIdleMs;
  }

  get outstanding(): number {
    return this.#streams.size;
  }

  /** The endpoint takes WebSockets over HTTP/2. */
  get tunnels(): boolean {
    return this.#session?.remoteSettings.enableConnectProtocol === true;
  }

  /** Another request may be put on it. */
  get hasRoom(): boolean {
    if (this.last || this.conn.closed !== this.connected) return false;
    const allowed = this.#session?.remoteSettings.maxConcurrentStreams ?? this.#config.streams;
    return this.#streams.size < Math.min(this.#config.streams, allowed);
  }

  stream(): UpstreamStream {
    const stream = new UpstreamStream(this);
    this.#streams.add(stream);
    this.deadline = 0;
    return stream;
  }

  /** Undefined: the connection went away in this moment. */
  open(fields: string[], options: ClientSessionRequestOptions): ClientHttp2Stream | undefined {
    const session = this.#session;
    if (session === undefined || session.closed || session.destroyed) return undefined;
    return session.request(fields as never, options);
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
    this.ends = { peer: conn.peer, own: conn.local };
    const socket = socketOf(conn, undefined);
    const session = connect(`${this.scheme}://upstream`, {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY_MB,
      peerMaxConcurrentStreams: this.#config.streams,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    this.#session = session;
    this.connected = true;
    this.loop.watch(this);
    session.on('error', () => undefined);
    session.on('goaway', () => this.#leaving());
    session.on('close', () => this.#closed());
    session.setLocalWindowSize(Math.min(STREAM_WINDOW * this.#config.streams, 2 ** 31 - 1));
    // A connection whose purpose is gone (all gave up waiting) is kept like an idle one.
    if (this.#streams.size === 0) this.deadline = this.loop.now + this.#config.idleMs;
    for (const stream of [...this.#streams]) stream.ready();
  }

  #leaving(): void {
    if (this.last) return;
    this.last = true;
    this.#home.left(this);
  }

  #closed(): void {
    this.loop.unwatch(this);
    this.#leaving();
    this.#fail('upstream-reset');
    this.#home.closed(this);
  }

  /** Everybody who waits for something. */
  #fail(code: ErrorCode): void {
    for (const stream of [...this.#streams]) stream.fail(code, false);
  }

  /** Takes no more streams; closes when the last one is over. */
  leave(): void {
    this.#leaving();
    if (this.#session === undefined) {
      if (this.#streams.size === 0) this.conn.destroy();
    } else if (!this.#session.destroyed) this.#session.close();
  }

  expire(): void {
    if (this.#streams.size === 0) this.leave();
  }

  // Before the connection is Node's:
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}

  onDeadline(): void {
    this.#fail('connect-timeout');
    this.conn.destroy();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#leaving();
    this.#fail(dialErrorCode(error));
    this.#home.closed(this);
  }
}

const NOWHERE = { host: '', port: 0 };
