// Owns one TCP listener of one worker: accepts connections within its limits, knows the open ones, swaps the handler on
// reload, drains.

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
import type { TcpContext, TcpHandler } from './context.ts';
import { Session } from './session.ts';

export class TcpProxyListener implements Listener<TcpHandler> {
  readonly ctx: TcpContext;
  /** Row of the counters. */
  readonly slot: number;
  readonly open = new Set<Session>();
  handler: TcpHandler;
  draining = false;
  readonly #tcp: TcpListener;
  readonly #entrance: ProxyEntrance;
  readonly #tls: TlsEntrance;

  constructor(ctx: TcpContext, slot: number, handler: TcpHandler) {
    this.ctx = ctx;
    this.slot = slot;
    this.handler = handler;
    this.#entrance = new ProxyEntrance((code, peer) => this.#refused(code, peer));
    this.#tls = new TlsEntrance({
      counters: ctx.counters,
      counts: ctx.counts,
      challenges: ctx.challenges,
      clock: ctx.env.clock,
      slot,
      refused: (code, peer) => this.#refused(code, peer),
      open: () => new Session(this),
    });
    this.#tcp = new TcpListener(ctx.loop, {
      accept: () => {
        const ticket = admit(ctx.counts, slot, this.handler.config.limits, ctx.env.clock.now());
        ctx.counters.listener(slot, ticket === undefined ? L.refused : L.accepted);
        if (ticket === undefined) ctx.counters.error(slot, 'too-many-connections');
        return ticket;
      },
      open: () =>
        this.#entrance.open(this.handler.proxies, () => this.#tls.open(this.handler.tls, () => new Session(this))),
    });
  }

  /** A connection that did not even say who it is for. */
  #refused(error: ErrorCode, client: string): void {
    const { ctx, slot, handler } = this;
    ctx.counters.error(slot, error);
    ctx.log?.({ ...NOTHING, listener: handler.config.name, client, error });
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

  /** Connections have no end that we could wait for as for a request's: all are streams. */
  get requests(): number {
    return 0;
  }

  get streams(): number {
    return this.open.size;
  }

  /** New connections go by this; open ones keep theirs. */
  swap(handler: TcpHandler): void {
    this.handler = handler;
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.#tcp.close();
  }

  cutRequests(): void {
    this.#entrance.cut();
    this.#tls.cut();
  }

  cutStreams(): void {
    for (const session of this.open) session.cut();
  }
}

const NOTHING = {
  protocol: 'tcp',
  route: '',
  pool: '',
  endpoint: '',
  sni: '',
  attempts: 0,
  durationMs: 0,
  firstByteMs: 0,
  bytesIn: 0,
  bytesOut: 0,
  closedBy: '',
} as const;
