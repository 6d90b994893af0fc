// Owns one client connection of HTTP/2: a request for each stream, its idle and head deadlines, and a drain that loses no
// request (RFC 9113 §6.8).
//
//   open ──stream──▶ busy ──last stream over──▶ idle (keep-alive deadline) ─▶ GOAWAY ─▶ closed
//     └ no stream in time ─▶ closed             flood, broken framing ─▶ GOAWAY with the reason, closed

import { formatAddress } from '../../core/address.ts';
import { L } from '../../core/counters.ts';
import type { ErrorCode } from '../../core/error.ts';
import type { AdmissionTicket } from '../../limits/admission.ts';
import type { Conn, TlsFacts } from '../../net/conn.ts';
import type { Expiring, NetLoop } from '../../net/loop.ts';
import type { FreshOwner } from '../../net/tcp-listener.ts';
import type { HttpListener, OpenClient } from '../listener.ts';
import { type AddedTo, additionsFor, type RequestAdditions } from '../request-head.ts';
import { ClientStream } from './client-stream.ts';
import { H2Connection, type H2User } from './connection.ts';
import type { H2Stream } from './stream.ts';

const PSEUDO_FIELDS = 5;
const SPARE_STREAMS = 32;

export class ClientSession implements FreshOwner, OpenClient, Expiring, AddedTo, H2User {
  readonly listener: HttpListener;
  readonly loop: NetLoop;
  readonly #early: Buffer | undefined;
  peer = '';
  deadline = 0;
  #served = 0;
  #tls: TlsFacts | undefined;
  #h2: H2Connection | undefined;
  #additions: RequestAdditions | undefined;
  #additionsFor: unknown;
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
    this.peer = conn.remote.host;
    this.#tls = conn.tls;
    if (config.http2 === undefined) return conn.reset();
    // One that spoke first was let in before.
    if (this.#early === undefined) {
      const ticket = conn.ticket as AdmissionTicket;
      const fault = ticket.ofClient(listener.slot, this.peer, limits, listener.ctx.env.clock.now());
      if (fault !== undefined) {
        listener.refused(fault, this.peer);
        return conn.reset();
      }
    }
    const { streams, windowBytes, connectionWindowBytes, controlFrames, resets } = config.http2;
    conn.expireIn(0);
    listener.open.add(this);
    listener.ctx.counters.listener(listener.slot, L.open);
    this.loop.watch(this);
    this.#expireIn(config.timeouts.headMs);
    const h2 = new H2Connection(
      conn,
      {
        isServer: true,
        streams,
        windowBytes,
        connectionWindowBytes,
        headBytes: limits.headBytes,
        fields: limits.fields + PSEUDO_FIELDS,
        controlFrames,
        resets,
        sendIdleMs: config.timeouts.sendIdleMs,
      },
      this,
    );
    this.#h2 = h2;
    if (this.#early !== undefined) h2.onData(this.#early, this.#early.length);
    // It was let in before the drain, and may say what it came for.
    if (listener.draining) h2.leave();
  }

  onStream(stream: H2Stream, fields: string[] | undefined, ends: boolean): void {
    const request = this.#spare.pop() ?? new ClientStream(this);
    this.deadline = 0;
    const { requestsPerConnection } = this.listener.handler.limits;
    if (++this.#served === requestsPerConnection) this.#h2?.leave();
    request.begin(stream, fields, ends);
  }

  onStreamOver(stream: H2Stream, left: number): void {
    const { owner } = stream;
    if (owner instanceof ClientStream && this.#spare.length < SPARE_STREAMS) this.#spare.push(owner);
    if (left === 0) this.#expireIn(this.listener.handler.config.timeouts.keepAliveMs);
  }

  /** What every request of this connection gets added; rebuilt when a reload changed the listener. */
  additions(): RequestAdditions {
    const { handler } = this.listener;
    if (this.#additions === undefined || this.#additionsFor !== handler) {
      this.#additions = additionsFor(handler, this.peer, this.#tls, this);
      this.#additionsFor = handler;
    }
    return this.#additions;
  }

  localAuthority(): string {
    return formatAddress(this.#h2!.ends.own);
  }

  #expireIn(ms: number): void {
    this.deadline = this.loop.now + ms;
  }

  /** Nothing runs and nothing began: a connection that is not needed. */
  expire(): void {
    if (this.#h2?.streams.size === 0) this.#h2.leave();
  }

  /** Tunnels are no requests: they may go on for long. */
  get unfinished(): boolean {
    const h2 = this.#h2;
    return h2 !== undefined && (this.#requests().length > 0 || h2.conn.pending > 0 || h2.saysGoodbye);
  }

  #requests(): H2Stream[] {
    return [...(this.#h2?.streams.values() ?? [])].filter(({ owner }) => owner instanceof ClientStream);
  }

  drain(): void {
    this.#h2?.leave();
  }

  /** The connection ends with its tunnels. */
  cut(): void {
    const h2 = this.#h2;
    if (h2 === undefined) return;
    for (const stream of this.#requests()) stream.reset();
    if (h2.streams.size === 0) h2.cut();
    else h2.leaveNow();
  }

  onSettings(): void {}
  onGoaway(): void {}

  onOver(fault: ErrorCode | undefined): void {
    const { listener } = this;
    this.loop.unwatch(this);
    if (fault !== undefined) listener.refused(fault, this.peer);
  }

  onClosed(): void {
    const { listener } = this;
    if (listener.open.delete(this)) listener.ctx.counters.listener(listener.slot, L.open, -1);
  }

  // The connection belongs to its protocol from the start.
  onConnect(): void {}
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onClose(): void {}
  onDeadline(): void {}
}
