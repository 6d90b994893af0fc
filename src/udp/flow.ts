// Owns one flow: a client, the endpoint it is on (a lease, and a socket to it), and what became of both. It decides when to
// move to another endpoint; when it ends is `flows.ts`. Every lease is settled exactly once.
//
//                                   endpoint refuses (ICMP): settled as failed
//                  ┌────────────────────────────────────────────────────────┐
//                  │   ┌─ resent there, when the datagram is at hand ─┐     ▼
//   placed ◀───────┴───┴──────────────────────────────────────────────┴── homeless
//     │                          the client's next datagram                 │
//     ├─ its endpoint left the view: the client's next datagram finds another
//     └──────────────── end(): settled, socket given back or closed ◀────────┘

import { E, L, P } from '../core/counters.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { STATE } from '../core/load-table.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import { isOurs } from '../net/dial-error.ts';
import type { Lease } from '../pool/lease.ts';
import type { UdpContext, UdpHandler } from './context.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

/** What a flow asks of its listener. */
export interface FlowHost {
  readonly ctx: UdpContext;
  readonly slot: number;
  readonly handler: UdpHandler;
  /** A connected socket to the lease's endpoint, or the error that there is none. */
  openUpstream(lease: Lease, user: UpstreamUser): Upstream | ErrorCode;
  giveBack(upstream: Upstream): void;
  reply(data: Buffer, flow: Flow): void;
  /** The flow cannot go on. */
  close(flow: Flow): void;
  /** A datagram was lost. */
  lost(code: ErrorCode): void;
}

const NONE: readonly number[] = [];
/** A larger datagram is not kept for sending it again. */
const MOST_KEPT_BYTES = 4096;

export class Flow implements UpstreamUser {
  /** Number in the flow table. */
  readonly id: number;
  /** Who the client is: the sender, or whom a PROXY header named. */
  readonly clientHost: string;
  readonly clientPort: number;
  /** Where answers go: to whoever sent last. */
  peerHost = '';
  peerPort = 0;
  readonly begun: number;
  /** Endpoint of the newest lease; '' before the first. */
  endpointId = '';
  attempts = 0;
  firstByteMs = 0;
  bytesIn = 0;
  bytesOut = 0;
  datagramsIn = 0;
  datagramsOut = 0;
  error: ErrorCode | '' = '';
  readonly #host: FlowHost;
  /** Configuration and pool version under which the endpoint was looked at last. */
  #handler: UdpHandler;
  #version = 0;
  #lease: Lease | undefined;
  #upstream: Upstream | undefined;
  /** PROXY header in front of every datagram, if any. */
  readonly #header: Buffer | undefined;
  #tried: readonly number[] = NONE;
  /** Monotonic ms of the first datagram on this lease; 0 before. */
  #sentAt = 0;
  #answered = false;
  /** The newest datagram that nothing has answered. */
  #last: Buffer | undefined;

  constructor(host: FlowHost, id: number, clientHost: string, clientPort: number, header: Buffer | undefined) {
    this.#host = host;
    this.#handler = host.handler;
    this.id = id;
    this.clientHost = clientHost;
    this.clientPort = clientPort;
    this.#header = header;
    this.begun = host.ctx.env.clock.now();
  }

  /** Slot of the endpoint it is on; -1 while homeless. */
  get slot(): number {
    return this.#lease?.endpoint.slot ?? -1;
  }

  /** False when no endpoint is to be had; `error` says why. */
  place(): boolean {
    const { handler, ctx } = this.#host;
    const { pool } = handler;
    const { affinity } = pool;
    this.#handler = handler;
    this.#version = Atomics.load(ctx.env.load.poolVersion, pool.slot);
    const now = ctx.loop.now;
    const answer = pool.pool.acquire({
      key: pool.keyed ? this.clientHost : '',
      tried: this.#tried,
      ...(affinity && { pinned: affinity.find(this.clientHost, now) }),
    });
    if (answer.refused) {
      // Nobody else is left: what the last one did is the reason.
      if (answer.code !== 'tried-all' || this.error === '') this.error = answer.code;
      return false;
    }
    const upstream = this.#host.openUpstream(answer, this);
    const { id, slot } = answer.endpoint;
    if (typeof upstream === 'string') {
      this.error = upstream;
      const ours = upstream === 'out-of-sockets';
      answer.settle(ours ? CANCELLED : { kind: 'failed', error: proxyError(upstream) });
      if (ours) return false;
      this.#tried = [...this.#tried, slot];
      return this.#mayResend() && this.place();
    }
    affinity?.begin(this.clientHost, id, now);
    this.#lease = answer;
    this.#upstream = upstream;
    this.#sentAt = 0;
    this.#answered = false;
    this.endpointId = id;
    this.attempts++;
    ctx.counters.endpoint(slot, E.requests);
    return true;
  }

  /** A datagram of the client. */
  onClient(data: Buffer): void {
    this.datagramsIn++;
    this.bytesIn += data.length;
    if (this.#lease !== undefined && this.#mustMove()) {
      this.#leave(this.#answered ? this.#ok() : CANCELLED);
      this.#tried = NONE;
    }
    if (this.#lease === undefined && !this.place()) {
      this.#host.lost(this.error as ErrorCode);
      return this.#host.close(this);
    }
    this.#send(data);
  }

  /** Its endpoint takes no traffic any more, or is none of the pool's. Looks only when something changed. */
  #mustMove(): boolean {
    const { handler, ctx } = this.#host;
    const { load } = ctx.env;
    const { endpoint } = this.#lease!;
    const version = Atomics.load(load.poolVersion, handler.pool.slot);
    if (version === this.#version && handler === this.#handler) return false;
    const stays =
      handler === this.#handler || handler.pool.pool.endpoints.some((candidate) => candidate.id === endpoint.id);
    this.#handler = handler;
    this.#version = version;
    const state = Atomics.load(load.state, endpoint.slot);
    // One that drains keeps what it has.
    return !stays || (state & (STATE.up | STATE.checking)) === 0 || (state & STATE.maintenance) !== 0;
  }

  #send(data: Buffer): void {
    const { ctx } = this.#host;
    const { slot } = this.#lease!.endpoint;
    if (this.#sentAt === 0) this.#sentAt = ctx.env.clock.now();
    this.#last = data.length <= MOST_KEPT_BYTES ? data : undefined;
    ctx.counters.endpoint(slot, E.datagramsSent);
    ctx.counters.endpoint(slot, E.bytesSent, data.length);
    this.#upstream!.send(this.#header === undefined ? [data] : [this.#header, data]);
  }

  onReply(data: Buffer): void {
    const { ctx, slot } = this.#host;
    const lease = this.#lease!;
    if (!this.#answered) {
      this.#answered = true;
      this.#tried = NONE;
      this.error = '';
      this.firstByteMs = ctx.env.clock.now() - this.#sentAt;
      lease.answered(0, this.firstByteMs);
      ctx.counters.duration(this.#handler.pool.slot, this.firstByteMs);
    }
    this.#last = undefined;
    this.datagramsOut++;
    this.bytesOut += data.length;
    ctx.counters.endpoint(lease.endpoint.slot, E.datagramsReceived);
    ctx.counters.endpoint(lease.endpoint.slot, E.bytesReceived, data.length);
    ctx.counters.listener(slot, L.bytesOut, data.length);
    this.#host.reply(data, this);
  }

  onUpstreamError(code: string): void {
    // Only this datagram is lost: it is too large for the path, or the kernel has no room for it.
    if (LOST_ONLY.has(code)) return this.#host.lost('datagram-unsent');
    this.#failed();
  }

  onUnopened(code: string): void {
    if (!isOurs(code)) return this.#failed();
    this.error = 'out-of-sockets';
    this.#host.lost(this.error);
    this.#host.close(this);
  }

  onUnsent(count: number): void {
    for (let i = 0; i < count; i++) this.#host.lost('datagram-unsent');
  }

  /** The endpoint is to blame. */
  #failed(): void {
    const { ctx } = this.#host;
    const { slot } = this.#lease!.endpoint;
    this.error = 'connect-failed';
    ctx.counters.endpoint(slot, E.connectFailed);
    this.#tried = [...this.#tried, slot];
    const last = this.#last;
    this.#leave({ kind: 'failed', error: proxyError('connect-failed') });
    if (last === undefined) return;
    if (!this.#mayResend()) return this.#host.lost('connect-failed');
    if (this.place()) return this.#send(last);
    this.#host.lost(this.error);
    this.#host.close(this);
  }

  #mayResend(): boolean {
    const { ctx, handler } = this.#host;
    const { pool } = handler;
    if (this.#tried.length > pool.config.retries.attempts) return false;
    const allowed = pool.pool.retryBudget.tryRetry(ctx.env.clock.now());
    ctx.counters.pool(pool.slot, allowed ? P.retries : P.retriesDenied);
    return allowed;
  }

  /** Ends the flow. `complete`: it got all the responses that it expected. */
  end(complete: boolean, silence: boolean): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    // Of several answers one may have come twice and another not yet, so only one question with its one answer leaves a
    // socket on which nothing is due.
    const spare = complete && this.datagramsIn === 1 && this.datagramsOut === 1;
    if (this.#answered) return this.#leave(this.#ok(), spare);
    if (!silence || this.#host.handler.config.flow.responses === 0) return this.#leave(CANCELLED);
    this.error = 'upstream-timeout';
    this.#host.ctx.counters.endpoint(lease.endpoint.slot, E.timeout);
    this.#leave({ kind: 'failed', error: proxyError('upstream-timeout') });
  }

  #ok(): Outcome {
    return { kind: 'ok', status: 0, firstByteMs: this.firstByteMs };
  }

  #leave(outcome: Outcome, spare = false): void {
    const lease = this.#lease!;
    const upstream = this.#upstream!;
    this.#lease = undefined;
    this.#upstream = undefined;
    this.#last = undefined;
    if (spare) this.#host.giveBack(upstream);
    else upstream.close();
    if (outcome.kind === 'cancelled') this.#host.ctx.counters.endpoint(lease.endpoint.slot, E.cancelled);
    const { loop } = this.#host.ctx;
    this.#handler.pool.affinity?.end(this.clientHost, lease.endpoint.id, loop.now);
    lease.settle(outcome);
  }
}

/** Whatever else can be wrong with a connected socket is about its endpoint: refused, no route, no such name. */
const LOST_ONLY = new Set(['EMSGSIZE', 'ENOBUFS', 'EAGAIN', 'ENOMEM', 'EINVAL', 'EPERM']);
