// Owns one client connection of HTTP/2: its streams within their limits, what it may do that carries nothing, its idle and
// head deadlines, and a drain that loses no request (RFC 9113 §6.8).
//
//   open ──stream──▶ busy ──last stream over──▶ idle (keep-alive deadline) ─▶ GOAWAY ─▶ closed
//     └ no stream in time ─▶ closed             flood, broken framing ─▶ GOAWAY with the reason, closed

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { formatAddress } from '../../core/address.ts';
import { L } from '../../core/counters.ts';
import type { ErrorCode } from '../../core/error.ts';
import type { AdmissionTicket } from '../../limits/admission.ts';
import type { Conn, Ticket } from '../../net/conn.ts';
import type { Expiring, NetLoop } from '../../net/loop.ts';
import type { FreshOwner } from '../../net/tcp-listener.ts';
import type { HttpListener, OpenClient } from '../listener.ts';
import { type AddedTo, additionsFor, type RequestAdditions } from '../request-head.ts';
import { ClientStream } from './client-stream.ts';
import { FloodGauge } from './flood.ts';
import { socketOf } from './node-socket.ts';
import type { StreamEnds } from './stream-conn.ts';

/** So long a client has to hear that no new streams are wanted before those it sent meanwhile are the last. */
const GOODBYE_MS = 1000;
const MOST_STREAM_ID = 2 ** 31 - 1;
/** Frames and streams that wait in memory, in MB: a bound for the worst client, not a wish. */
const SESSION_MEMORY_MB = 64;
const PSEUDO_FIELDS = 5;

export class ClientSession implements FreshOwner, OpenClient, Expiring, AddedTo {
  readonly listener: HttpListener;
  readonly loop: NetLoop;
  readonly #early: Buffer | undefined;
  peer = '';
  ends!: StreamEnds;
  deadline = 0;
  #secure = false;
  #session!: ServerHttp2Session;
  #ticket: Ticket | undefined;
  #additions: RequestAdditions | undefined;
  #additionsFor: unknown;
  #open = 0;
  #draining = false;
  #resets!: FloodGauge;
  #frames!: FloodGauge;
  readonly #spare: ClientStream[] = [];

  /** `early`: what was read of it already. */
  constructor(listener: HttpListener, early?: Buffer) {
    this.listener = listener;
    this.loop = listener.ctx.loop;
    this.#early = early;
  }

  attach(conn: Conn): void {
    const { listener } = this;
    const { config, limits } = listener.handler;
    this.ends = { peer: conn.remote, own: conn.local };
    this.peer = conn.remote.host;
    this.#secure = conn.tls !== undefined;
    if (listener.draining || config.http2 === undefined) return conn.reset();
    if (this.#early === undefined) {
      const ticket = conn.ticket as AdmissionTicket;
      const fault = ticket.ofClient(listener.slot, this.peer, limits, listener.ctx.env.clock.now());
      if (fault !== undefined) {
        listener.refused(fault, this.peer);
        return conn.reset();
      }
    }
    const { http2, timeouts } = config;
    this.#resets = new FloodGauge(http2.resets);
    this.#frames = new FloodGauge(http2.controlFrames);
    this.#ticket = conn.ticket;
    const session = performServerHandshake(socketOf(conn, this.#early), {
      maxHeaderListPairs: limits.fields + PSEUDO_FIELDS,
      maxSessionMemory: SESSION_MEMORY_MB,
      maxSettings: 32,
      strictSingleValueFields: false,
      settings: {
        maxConcurrentStreams: http2.streams,
        initialWindowSize: http2.windowBytes,
        maxHeaderListSize: limits.headBytes,
        enableConnectProtocol: true,
      },
    });
    this.#session = session;
    listener.open.add(this);
    listener.ctx.counters.listener(listener.slot, L.open);
    session.on('stream', (stream, _headers, flags, fields) => this.#stream(stream, flags, fields));
    session.on('ping', () => this.#controlFrame());
    session.on('remoteSettings', () => this.#controlFrame());
    session.on('error', (error: NodeJS.ErrnoException) => {
      // A client that merely goes away broke no rule.
      if (error.code?.startsWith('ERR_HTTP2') === true) listener.refused('h2-protocol', this.peer);
    });
    session.on('close', () => this.#closed());
    session.setLocalWindowSize(http2.connectionWindowBytes);
    this.loop.watch(this);
    this.#expireIn(timeouts.headMs);
  }

  #stream(stream: ServerHttp2Stream, flags: number, fields: readonly string[]): void {
    const request = this.#spare.pop() ?? new ClientStream(this);
    this.#open++;
    this.deadline = 0;
    stream.on('priority', () => this.#controlFrame());
    request.begin(stream, fields, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    const { conn } = request;
    conn.onGone = () => {
      this.#open--;
      if (stream.aborted && !this.#resets.take(this.loop.now)) return this.#flood();
      if (this.#spare.length < SPARE_STREAMS && !request.lost) this.#spare.push(request);
      if (this.#open === 0) this.#expireIn(this.listener.handler.config.timeouts.keepAliveMs);
    };
  }

  #controlFrame(): void {
    if (!this.#frames.take(this.loop.now)) this.#flood();
  }

  #flood(): void {
    this.#fail('h2-flood', constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #fail(code: ErrorCode, reason: number): void {
    if (this.#session.destroyed) return;
    this.listener.refused(code, this.peer);
    this.#session.destroy(undefined, reason);
  }

  /** What every request of this connection gets added; rebuilt when a reload changed the listener. */
  additions(): RequestAdditions {
    const { handler } = this.listener;
    if (this.#additions === undefined || this.#additionsFor !== handler) {
      this.#additions = additionsFor(handler, this.peer, this.#secure ? 'https' : 'http', this);
      this.#additionsFor = handler;
    }
    return this.#additions;
  }

  localAuthority(): string {
    return formatAddress(this.ends.own);
  }

  #expireIn(ms: number): void {
    this.deadline = this.loop.now + ms;
  }

  /** Nothing runs and nothing began: a connection that is not needed. */
  expire(): void {
    if (this.#open > 0) return;
    this.#session.close();
    // A peer that does not answer the goodbye is not waited for.
    this.loop.clock.after(GOODBYE_MS, () => this.cut());
  }

  get unfinished(): boolean {
    return this.#open > 0;
  }

  drain(): void {
    if (this.#draining || this.#session.destroyed) return;
    this.#draining = true;
    const session = this.#session;
    const close = (): void => {
      if (!session.closed && !session.destroyed) session.close();
    };
    // First a word that there is to be nothing new, then, when the client must have heard it, the last stream that counts.
    session.goaway(constants.NGHTTP2_NO_ERROR, MOST_STREAM_ID);
    const timer = this.loop.clock.after(GOODBYE_MS, close);
    session.ping((error) => {
      timer.cancel();
      if (error === null) close();
    });
  }

  cut(): void {
    if (!this.#session.destroyed) this.#session.destroy();
  }

  #closed(): void {
    this.loop.unwatch(this);
    this.#ticket?.leave();
    this.#ticket = undefined;
    const { listener } = this;
    if (listener.open.delete(this)) listener.ctx.counters.listener(listener.slot, L.open, -1);
  }

  // Before the connection is Node's, there is nobody to tell.
  onConnect(): void {}
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onClose(): void {}
  onDeadline(): void {}
}

const SPARE_STREAMS = 32;
