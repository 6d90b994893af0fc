// Owns one HTTP listener of one worker: accepts connections, knows the open ones, swaps the handler on reload, drains.

import type { Address } from '../core/address.ts';
import { L } from '../core/counters.ts';
import type { ErrorCode } from '../core/error.ts';
import { admit } from '../limits/admission.ts';
import type { SocketFd } from '../net/inherited-sockets.ts';
import type { Listener, ListenOptions } from '../net/listener.ts';
import { ProxyEntrance } from '../net/proxy-gate.ts';
import { TcpListener } from '../net/tcp-listener.ts';
import { TlsEntrance } from '../tls/gate.ts';
import { tlsHandlesWork } from '../tls/handle-check.ts';
import { refusedRecord } from './account.ts';
import { ClientConn } from './client-conn.ts';
import type { HttpContext, HttpHandler } from './context.ts';
import { ClientSession } from './h2/client-session.ts';
import type { Tunnel } from './upgrade.ts';

/** A client connection, whatever version it speaks. */
export interface OpenClient {
  /** Something would be lost if it were closed now. */
  readonly unfinished: boolean;
  /** Closes as soon as nothing is lost by it. */
  drain(): void;
  cut(): void;
}

export class HttpListener implements Listener<HttpHandler> {
  readonly ctx: HttpContext;
  /** Row of the counters. */
  readonly slot: number;
  readonly open = new Set<OpenClient>();
  readonly tunnels = new Set<Tunnel>();
  handler: HttpHandler;
  draining = false;
  readonly #tcp: TcpListener;
  readonly #entrance: ProxyEntrance;
  readonly #tls: TlsEntrance;

  constructor(ctx: HttpContext, slot: number, handler: HttpHandler) {
    this.ctx = ctx;
    this.slot = slot;
    this.handler = handler;
    this.#entrance = new ProxyEntrance((code, peer) => this.refused(code, peer));
    this.#tls = new TlsEntrance({
      counters: ctx.counters,
      counts: ctx.counts,
      challenges: ctx.challenges,
      clock: ctx.env.clock,
      slot,
      refused: (code, peer) => this.refused(code, peer),
      open: ({ alpn }) => (alpn === 'h2' ? new ClientSession(this) : new ClientConn(this)),
    });
    this.#tcp = new TcpListener(ctx.loop, {
      accept: () => {
        const ticket = admit(ctx.counts, slot, this.handler.limits, ctx.env.clock.now());
        ctx.counters.listener(slot, ticket === undefined ? L.refused : L.accepted);
        if (ticket === undefined) ctx.counters.error(slot, 'too-many-connections');
        return ticket;
      },
      open: () =>
        this.#entrance.open(this.handler.proxies, () => this.#tls.open(this.handler.tls, () => new ClientConn(this))),
    });
  }

  async listen(address: Address, options: ListenOptions): Promise<void> {
    const adopt = options.adopt !== false && (this.handler.tls === undefined || (await tlsHandlesWork(this.ctx.loop)));
    return this.#tcp.listen(address, { ...options, adopt });
  }

  get sockets(): readonly SocketFd[] {
    return this.#tcp.sockets;
  }

  get port(): number {
    return this.#tcp.port;
  }

  get adopting(): boolean {
    return this.#tcp.adopting;
  }

  /** A connection that did not get as far as a request. */
  refused(code: ErrorCode, peer: string): void {
    const { ctx, slot, handler } = this;
    ctx.counters.error(slot, code);
    ctx.log?.(refusedRecord(handler.config.name, peer, code));
  }

  /** Connections with a request under way, or an answer that the client has not taken whole. */
  get requests(): number {
    // Who is in the middle of a handshake has been accepted, and wants something.
    let count = this.#entrance.waiting.size + this.#tls.waiting.size;
    for (const client of this.open) if (client.unfinished) count++;
    return count;
  }

  get streams(): number {
    return this.tunnels.size;
  }

  /** New requests are answered by this configuration; running ones keep theirs. */
  swap(handler: HttpHandler): void {
    this.handler = handler;
  }

  /**
   * Stops accepting and lets requests finish (each says `Connection: close`). Connections without a request have a short time left,
   * in case one is on its way.
   */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.#tcp.close();
    for (const client of this.open) client.drain();
  }

  cutRequests(): void {
    this.#entrance.cut();
    this.#tls.cut();
    for (const client of this.open) client.cut();
  }

  cutStreams(): void {
    for (const tunnel of this.tunnels) tunnel.cut();
  }
}
