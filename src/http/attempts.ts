// Owns the attempts of one request: a lease from the pool (or the wait for one), a connection for it, and what follows a
// failure: the same request again on a fresh connection, another endpoint after a pause, or no more. It sends nothing
// itself, and settles every lease exactly once.
//
//   idle ──begin──▶ acquiring ──lease──▶ attempting ──failed()──▶ resending (stale connection) | pausing ─▶ acquiring
//                      │    └─ saturated ─▶ waiting ─┘                  └ no more: the exchange answers
//                      └ refused: the exchange answers

import { type AffinityRequest, type AnswerFields, type HttpAffinity, NOBODY, Pin } from '../affinity/affinity.ts';
import { E, P } from '../core/counters.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Timer } from '../core/env.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import type { Lease } from '../pool/lease.ts';
import type { Refusal } from '../pool/refusal.ts';
import type { WaitTicket } from '../pool/waiting-room.ts';
import { setCookiesIn } from './affinity-fields.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpPool } from './context.ts';
import { countFailure, isIdempotent, mayRetry } from './retry.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

const NONE: readonly number[] = [];

/** The request that is attempted, as far as attempts depend on it. */
export interface AttemptedRequest extends UpstreamUser {
  readonly method: string;
  /** The whole request is at hand and can be sent (again) at once. */
  readonly whole: boolean;
  /** It is whole and has no body: it may share a connection with others. */
  readonly bare: boolean;
  /** No endpoint: `code` says why. */
  onRefused(code: ErrorCode): void;
}

export class Attempts {
  readonly #ctx: HttpContext;
  readonly #request: AttemptedRequest;
  #pool!: HttpPool;
  /** Hash key and slots already tried: what the pool asks of a request. */
  key = '';
  lasting = false;
  tried: readonly number[] = NONE;
  /** What is known of the client's session, if the pool keeps sessions together. */
  readonly pin = new Pin();
  /** Slot of the endpoint that the client is pinned to; below 0 for none. */
  pinned: number = NOBODY;
  strict = false;
  count = 0;
  /** Endpoint tried last; '' before the first. */
  endpointId = '';
  upstream: Upstream | undefined;
  lease: Lease | undefined;
  /** Something of the request has left. */
  sent = false;
  /** What the last attempt failed with. */
  #failure: ErrorCode | undefined;
  #ticket: WaitTicket | undefined;
  #pause: Timer | undefined;
  /** The client speaks TLS, with us or with a proxy of ours. */
  #secure = false;
  /** Raised when nobody wants to know any more what a store was asked. */
  #turn = 0;

  constructor(ctx: HttpContext, request: AttemptedRequest) {
    this.#ctx = ctx;
    this.#request = request;
  }

  /** Forgets the request before. */
  reset(): void {
    this.tried = NONE;
    this.count = 0;
    this.endpointId = '';
    this.sent = false;
    this.#failure = undefined;
  }

  /** Where the request is to go, and what is known of its session. `head` is not looked at any more when this returns. */
  find(pool: HttpPool, head: AffinityRequest, secure: boolean): void {
    this.#pool = pool;
    this.pinned = NOBODY;
    this.strict = false;
    const { affinity } = pool;
    if (affinity === undefined) return;
    const { pin } = this;
    pin.reset();
    this.#secure = secure;
    affinity.find(head, pin);
    this.pinned = pin.slot;
    this.strict = affinity.strict;
    if (pin.refused !== '') this.#ctx.counters.pool(pool.slot, P[pin.refused]);
  }

  /** After `find`. */
  begin(key: string): void {
    this.key = key;
    this.lasting = this.#request.wantsUpgrade;
    const { affinity } = this.#pool;
    if (affinity?.lookup !== undefined && this.pin.asks) this.#lookUp(affinity);
    else this.#acquire();
  }

  /** Another balancer may know the session. */
  #lookUp(affinity: HttpAffinity): void {
    const { pin } = this;
    const turn = ++this.#turn;
    affinity.lookup!(pin, (found) => {
      if (turn !== this.#turn) return;
      affinity.told!(pin, found);
      this.pinned = pin.slot;
      this.#acquire();
    });
  }

  #acquire(): void {
    const { pool, slot } = this.#pool;
    const answer = pool.acquire(this);
    if (!answer.refused) return this.#attempt(answer, false);
    if (answer.code !== 'pool-saturated') return this.#refused(answer);
    this.#ctx.counters.pool(slot, P.queued);
    this.#ticket = pool.wait(this, Number.POSITIVE_INFINITY, (later) => {
      this.#ticket = undefined;
      if (later.refused) this.#refused(later);
      else this.#attempt(later, false);
    });
  }

  /** A retry that finds nobody else tells the client what went wrong first. */
  #refused({ code }: Refusal): void {
    this.#request.onRefused(code === 'tried-all' && this.#failure !== undefined ? this.#failure : code);
  }

  #attempt(lease: Lease, fresh: boolean): void {
    this.lease = lease;
    this.count++;
    this.sent = false;
    const { endpoint } = lease;
    this.endpointId = endpoint.id;
    if (this.#pool.affinity !== undefined && !fresh) this.#placed(endpoint);
    const { counters } = this.#ctx;
    const request = this.#request;
    const upstream = this.#take(endpoint, fresh);
    counters.endpoint(endpoint.slot, E.requests);
    counters.endpoint(endpoint.slot, upstream.connected ? E.reuses : E.connects);
    this.upstream = upstream;
    upstream.assign(request);
  }

  #placed(endpoint: Endpoint): void {
    const { pin } = this;
    const { slot, affinity } = this.#pool;
    affinity!.chosen(pin, endpoint.id);
    const isSession = pin.key !== '' || pin.created !== 0;
    const fresh = isSession ? P.begun : P.unpinned;
    this.#ctx.counters.pool(slot, pin.slot === endpoint.slot ? P.pinned : pin.slot === NOBODY ? fresh : P.moved);
  }

  /** The endpoint's head has come: what is to be learnt from it, and said to the client with it. */
  answered({ fields }: ResponseParser, answer: AnswerFields): void {
    this.#pool.affinity!.answered!(this.pin, this.endpointId, this.#secure, () => setCookiesIn(fields), answer);
  }

  #take(endpoint: Endpoint, fresh: boolean): Upstream {
    const { config, terms } = this.#pool;
    const { upstreams } = this.#ctx;
    if (config.protocol === 'h2') return upstreams.takeStream(endpoint, terms);
    const { bare, method } = this.#request;
    const shares = config.connection.pipelining > 1 && !fresh && bare && isIdempotent(method);
    return shares ? upstreams.takeLine(endpoint, terms) : upstreams.take(endpoint, terms, fresh);
  }

  /** The connection failed before the response began. False when there is nothing more to try. */
  failed(code: ErrorCode, stale: boolean): boolean {
    const lease = this.lease!;
    this.#failure = code;
    if (stale && this.#mayResend()) {
      // Same endpoint, same place in its count: only the connection was at fault.
      this.count--;
      this.#attempt(lease, true);
      return true;
    }
    this.settle(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
    const { counters, env } = this.#ctx;
    const pool = this.#pool;
    if (!this.#mayResend()) return false;
    if (!mayRetry(pool, code, this.#request.method, this.count, env.clock.now(), counters)) return false;
    this.tried = [...this.tried, lease.endpoint.slot];
    counters.pool(pool.slot, P.retries);
    const delay = pool.config.retries.backoffMs * (0.5 + env.random.unit());
    this.#pause = env.clock.after(delay, () => {
      this.#pause = undefined;
      this.#acquire();
    });
    return true;
  }

  /** Counts a failure against the endpoint of the current attempt. */
  countFailure(code: ErrorCode): void {
    if (this.lease !== undefined) countFailure(this.#ctx.counters, this.lease.endpoint.slot, code);
  }

  /** Nothing that left could be missing when the request is sent again. */
  #mayResend(): boolean {
    return this.#request.whole || !this.sent;
  }

  /** Lets go of whatever is under way: the wait, the pause, the upstream connection. The lease is left to settle. */
  release(): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#turn++;
    const { upstream } = this;
    this.upstream = undefined;
    upstream?.abandon(this.#request);
  }

  settle(outcome: Outcome): void {
    const { lease } = this;
    this.lease = undefined;
    lease?.settle(outcome);
  }
}
