// Owns finding a server for one connection: a lease from the pool (or the wait for one), a dial, and another endpoint when
// the dial fails, which is always safe because nothing was sent. It settles each lease that led to nothing; the one that
// led to a server goes with it.
//
//   idle ──begin──▶ acquiring ──lease──▶ dialling ──connected──▶ done: onServer
//                      │    └ saturated ─▶ waiting ─┘    └ failed ─▶ pausing ─▶ acquiring | no more: onNoServer
//                      └ refused: onNoServer                 any: release() ─▶ idle

import { E, P } from '../core/counters.ts';
import type { Timer } from '../core/env.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED } from '../core/outcome.ts';
import type { Conn, ConnOwner } from '../net/conn.ts';
import { dialErrorCode } from '../net/dial-error.ts';
import type { Lease } from '../pool/lease.ts';
import type { Refusal } from '../pool/refusal.ts';
import type { WaitTicket } from '../pool/waiting-room.ts';
import { dialWith } from '../tls/client.ts';
import type { TcpContext, TcpPool } from './context.ts';

const NONE: readonly number[] = [];

export interface DialUser {
  /** The server is connected; its connection and the lease are the user's now. */
  onServer(server: Conn, lease: Lease): void;
  onNoServer(code: ErrorCode): void;
}

export class Dialler implements ConnOwner {
  readonly #ctx: TcpContext;
  readonly #user: DialUser;
  readonly #pool: TcpPool;
  readonly #client: string;
  /** Hash key, slots already tried and the pinned slot: what the pool asks. */
  readonly key: string;
  tried: readonly number[] = NONE;
  pinned = -1;
  attempts = 0;
  /** Endpoint tried last; '' before the first. */
  endpointId = '';
  #startedAt = 0;
  #lease: Lease | undefined;
  #conn: Conn | undefined;
  #failure: ErrorCode | undefined;
  #ticket: WaitTicket | undefined;
  #pause: Timer | undefined;

  constructor(ctx: TcpContext, pool: TcpPool, key: string, client: string, user: DialUser) {
    this.#ctx = ctx;
    this.#pool = pool;
    this.#client = client;
    this.#user = user;
    this.key = key;
  }

  begin(): void {
    const { affinity, pool, slot } = this.#pool;
    const now = this.#ctx.env.clock.now();
    this.#ctx.counters.pool(slot, P.requests);
    pool.retryBudget.onRequest(now);
    if (affinity !== undefined) this.pinned = affinity.find(this.#client, now);
    this.#acquire();
  }

  #acquire(): void {
    const { pool, slot } = this.#pool;
    const answer = pool.acquire(this);
    if (!answer.refused) return this.#dial(answer);
    if (answer.code !== 'pool-saturated') return this.#refused(answer);
    this.#ctx.counters.pool(slot, P.queued);
    this.#ticket = pool.wait(this, Number.POSITIVE_INFINITY, (later) => {
      this.#ticket = undefined;
      if (later.refused) this.#refused(later);
      else this.#dial(later);
    });
  }

  /** A retry that finds nobody else tells what went wrong first. */
  #refused({ code }: Refusal): void {
    this.#user.onNoServer(code === 'tried-all' && this.#failure !== undefined ? this.#failure : code);
  }

  #dial(lease: Lease): void {
    const { env, loop, counters } = this.#ctx;
    const { endpoint } = lease;
    this.#lease = lease;
    this.endpointId = endpoint.id;
    this.attempts++;
    this.#startedAt = env.clock.now();
    counters.endpoint(endpoint.slot, E.requests);
    counters.endpoint(endpoint.slot, E.connects);
    this.#conn = dialWith(loop, endpoint.address, this.#pool.tls, this);
    this.#conn.expireIn(this.#pool.config.connection.connectTimeoutMs);
  }

  onConnect(): void {
    const lease = this.#lease!;
    const conn = this.#conn!;
    this.#lease = undefined;
    this.#conn = undefined;
    conn.expireIn(0);
    const tookMs = this.#ctx.env.clock.now() - this.#startedAt;
    lease.answered(0, tookMs);
    this.#ctx.counters.duration(this.#pool.slot, tookMs);
    this.#ctx.counters.firstByte(lease.endpoint.slot, tookMs);
    this.#user.onServer(conn, lease);
  }

  onDeadline(): void {
    this.#failed('connect-timeout');
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    if (this.#lease !== undefined) this.#failed(dialErrorCode(error));
  }

  #failed(code: ErrorCode): void {
    const { counters, env } = this.#ctx;
    const { config, pool, slot } = this.#pool;
    const lease = this.#lease!;
    this.#failure = code;
    this.#abandon();
    if (code !== 'out-of-sockets') counters.endpoint(lease.endpoint.slot, E.connectFailed);
    lease.settle({ kind: 'failed', error: proxyError(code) });
    const safe = code === 'connect-failed' || code === 'connect-timeout';
    if (!safe || this.attempts > config.retries.attempts) return this.#user.onNoServer(code);
    if (!pool.retryBudget.tryRetry(env.clock.now())) {
      counters.pool(slot, P.retriesDenied);
      return this.#user.onNoServer(code);
    }
    counters.pool(slot, P.retries);
    this.tried = [...this.tried, lease.endpoint.slot];
    this.#pause = env.clock.after(config.retries.backoffMs * (0.5 + env.random.unit()), () => {
      this.#pause = undefined;
      this.#acquire();
    });
  }

  /** Closes the dial without being told of it. */
  #abandon(): void {
    const conn = this.#conn;
    this.#conn = undefined;
    this.#lease = undefined;
    conn?.destroy();
  }

  /** The client is gone: lets go of whatever is under way. */
  release(): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#pause?.cancel();
    this.#pause = undefined;
    const lease = this.#lease;
    this.#abandon();
    if (lease === undefined) return;
    this.#ctx.counters.endpoint(lease.endpoint.slot, E.cancelled);
    lease.settle(CANCELLED);
  }

  /** A server that speaks before the splice stands is impossible: both happen in the same turn. */
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
}
