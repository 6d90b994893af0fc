// Owns the attempts of one request: a lease from the pool (or the wait for one), a connection for it, and what follows a
// failure: the same request again on a fresh connection, another endpoint after a pause, or no more. It sends nothing
// itself, and settles every lease exactly once.
//
//   idle ──begin──▶ acquiring ──lease──▶ attempting ──failed()──▶ resending (stale connection) | pausing ─▶ acquiring
//                      │    └─ saturated ─▶ waiting ─┘  │ repeat()      └ no more: the exchange answers
//                      └ refused: the exchange answers  └ silent for long: a hedge runs beside it (hedge.ts)

import { type AffinityRequest, type AnswerFields, type HttpAffinity, NOBODY, Pin } from '../affinity/affinity.ts';
import type { RetryPolicy } from '../config/types.ts';
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
import type { HttpContext, HttpPool, HttpRoute } from './context.ts';
import { Hedge, type HedgeDelay, type HedgedRequest, type HedgeOwner } from './hedge.ts';
import {
  allowsRetry,
  backoffMs,
  countFailure,
  inBudget,
  isIdempotent,
  isRetriableStatus,
  retryAfterMs,
} from './retry.ts';
import type { RequestTrace } from './trace.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

const NONE: readonly number[] = [];

/** The request that is attempted, as far as attempts depend on it. */
export interface AttemptedRequest extends HedgedRequest {
  readonly method: string;
  /** The whole request is at hand and can be sent (again) at once. */
  readonly whole: boolean;
  /** It is whole and has no body: it may share a connection with others. */
  readonly bare: boolean;
  /** No endpoint: `code` says why. */
  onRefused(code: ErrorCode): void;
  /** A hedge is the request's attempt from now on; it was sent then, or is yet to be (0). */
  onHedgeTaken(sentAt: number): void;
}

/** What a route says of attempts. */
export type AttemptTerms = Pick<HttpRoute, 'retries' | 'timeouts' | 'hedge'>;

export class Attempts implements HedgeOwner {
  readonly #ctx: HttpContext;
  readonly #request: AttemptedRequest;
  #pool!: HttpPool;
  #policy!: RetryPolicy;
  /** The client says that the request may be repeated. */
  #keyed = false;
  #attemptMs = 0;
  #hedging: HedgeDelay | undefined;
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
  /** Undefined: not traced. */
  trace: RequestTrace | undefined;
  /** What the last attempt failed with. */
  #failure: ErrorCode | undefined;
  #ticket: WaitTicket | undefined;
  #pause: Timer | undefined;
  /** Until the attempt has taken too long. */
  #limit: Timer | undefined;
  /** Until the attempt is hedged. */
  #patience: Timer | undefined;
  /** Runs beside the attempt. */
  #hedge: Hedge | undefined;
  /** Whoever the upstream speaks to: the request, or the hedge that was taken. */
  #user: UpstreamUser;
  /** The client speaks TLS, with us or with a proxy of ours. */
  #secure = false;
  /** What an answer asked to wait. */
  #waitMs = 0;
  /** Raised when nobody wants to know any more what a store was asked. */
  #turn = 0;

  constructor(ctx: HttpContext, request: AttemptedRequest) {
    this.#ctx = ctx;
    this.#request = request;
    this.#user = request;
  }

  /** Forgets the request before. */
  reset(): void {
    this.tried = NONE;
    this.count = 0;
    this.endpointId = '';
    this.sent = false;
    this.trace = undefined;
    this.#failure = undefined;
  }

  /** Where the request is to go, and what is known of its session. `head` is not looked at any more when this returns. */
  find(route: AttemptTerms, pool: HttpPool, head: AffinityRequest, secure: boolean): void {
    this.#pool = pool;
    this.#policy = route.retries ?? pool.config.retries;
    this.#keyed = this.#policy.idempotencyKey && head.header('idempotency-key') !== undefined;
    this.#attemptMs = route.timeouts.attemptMs;
    this.#hedging = route.hedge;
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
    const { counters, env } = this.#ctx;
    const since = env.clock.now();
    counters.pool(slot, P.queued);
    this.#ticket = pool.wait(this, Number.POSITIVE_INFINITY, (later) => {
      this.#ticket = undefined;
      counters.pool(slot, P.queueMsSum, env.clock.now() - since);
      if (later.refused) this.#refused(later);
      else this.#attempt(later, false);
    });
  }

  /** A retry that finds nobody else tells the client what went wrong first. */
  #refused({ code }: Refusal): void {
    const tellsFirst = code === 'tried-all' || code === 'breaker-open';
    this.#request.onRefused(tellsFirst && this.#failure !== undefined ? this.#failure : code);
  }

  #attempt(lease: Lease, fresh: boolean): void {
    this.lease = lease;
    this.count++;
    this.sent = false;
    const { endpoint } = lease;
    this.endpointId = endpoint.id;
    this.trace?.spans?.attempt(lease, false);
    if (this.#pool.affinity !== undefined && !fresh) this.#placed(endpoint);
    const { counters } = this.#ctx;
    const request = this.#request;
    const upstream = this.#take(endpoint, fresh);
    counters.endpoint(endpoint.slot, E.requests);
    counters.endpoint(endpoint.slot, upstream.connected ? E.reuses : E.connects);
    this.upstream = upstream;
    this.#user = request;
    if (this.#attemptMs > 0 && request.whole) this.#beginLimit();
    if (this.#hedging !== undefined && this.count === 1) this.#beginPatience(this.#hedging);
    upstream.assign(request);
  }

  #beginLimit(): void {
    this.#limit = this.#ctx.env.clock.after(this.#attemptMs, () => this.#late());
  }

  /** The attempt is taking too long. */
  #late(): void {
    this.#limit = undefined;
    const { upstream } = this;
    if (upstream === undefined) return;
    const code = upstream.connected ? 'upstream-timeout' : 'connect-timeout';
    this.upstream = undefined;
    upstream.abandon(this.#user);
    this.#request.onUpstreamFailed(code, false, false);
  }

  /** Only what has no body, may be done twice and belongs to no session is sent to somebody else as well. */
  #beginPatience(hedging: HedgeDelay): void {
    const { bare } = this.#request;
    const { ms } = hedging;
    if (ms === undefined || !bare || !this.#repeatable || this.#pool.affinity !== undefined) return;
    this.#patience = this.#ctx.env.clock.after(ms, () => {
      this.#patience = undefined;
      this.#beginHedge();
    });
  }

  #beginHedge(): void {
    const { counters, env } = this.#ctx;
    const { pool, slot } = this.#pool;
    const tried = [this.lease!.endpoint.slot];
    if (!pool.offers(tried) || !inBudget(this.#pool, env.clock.now(), counters)) return;
    const lease = pool.acquire({ key: this.key, tried });
    if (lease.refused) return;
    counters.pool(slot, P.hedges);
    counters.endpoint(lease.endpoint.slot, E.requests);
    const hedge = new Hedge(lease, this.#request, this, env.clock, counters);
    this.#hedge = hedge;
    this.trace?.spans?.attempt(lease, true);
    const upstream = this.#take(lease.endpoint, false);
    counters.endpoint(lease.endpoint.slot, upstream.connected ? E.reuses : E.connects);
    hedge.begin(upstream);
  }

  /** Its head came first. */
  won(hedge: Hedge): void {
    const { counters } = this.#ctx;
    const upstream = this.upstream!;
    const { slot } = this.lease!.endpoint;
    this.upstream = undefined;
    upstream.abandon(this.#user);
    counters.endpoint(slot, E.cancelled);
    counters.pool(this.#pool.slot, P.hedgesWon);
    this.settle(CANCELLED);
    this.#takeHedge(hedge, slot);
  }

  lost(): void {
    this.#hedge = undefined;
  }

  ended({ lease }: Hedge, outcome: Outcome): void {
    this.trace?.spans?.settled(lease, outcome);
  }

  /** `slot`: of the endpoint whose attempt it takes the place of, which is settled. */
  #takeHedge(hedge: Hedge, slot: number): void {
    this.#hedge = undefined;
    this.calm();
    this.tried = [...this.tried, slot];
    this.upstream = hedge.upstream;
    this.lease = hedge.lease;
    this.#user = hedge;
    this.count++;
    this.endpointId = hedge.lease.endpoint.id;
    hedge.take();
    this.#request.onHedgeTaken(hedge.sentAt);
  }

  /** Nothing of the attempt is late any more, and nothing runs beside it. */
  calm(): void {
    if (this.#limit !== undefined) this.#limit.cancel();
    this.#limit = undefined;
    if (this.#patience !== undefined) this.#patience.cancel();
    this.#patience = undefined;
    if (this.#hedge !== undefined) this.#hedge.cancel();
    this.#hedge = undefined;
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
    const hedge = this.#hedge;
    this.#hedge = undefined;
    this.calm();
    if (hedge !== undefined) {
      this.settle(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
      this.#takeHedge(hedge, lease.endpoint.slot);
      if (this.#attemptMs > 0) this.#beginLimit();
      return true;
    }
    if (stale && this.#mayResend()) {
      // Same endpoint, same place in its count: only the connection was at fault.
      this.count--;
      this.#attempt(lease, true);
      return true;
    }
    this.settle(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
    const { counters, env } = this.#ctx;
    const policy = this.#policy;
    if (!this.#mayResend() || this.count > policy.attempts) return false;
    if (!allowsRetry(policy, code, this.#repeatable)) return false;
    if (!inBudget(this.#pool, env.clock.now(), counters)) return false;
    this.#again(lease.endpoint.slot, 0);
    return true;
  }

  /** The same request elsewhere, after a pause. */
  #again(slot: number, atLeastMs: number): void {
    const { counters, env } = this.#ctx;
    this.tried = [...this.tried, slot];
    counters.pool(this.#pool.slot, P.retries);
    const delay = Math.max(atLeastMs, backoffMs(this.#policy, this.count, env.random.unit()));
    this.#pause = env.clock.after(delay, () => {
      this.#pause = undefined;
      this.#acquire();
    });
  }

  /** An answer that began is to be left aside, because somebody else may give a better one. */
  repeats({ status, fields }: ResponseParser): boolean {
    const { lease } = this;
    const policy = this.#policy;
    if (lease === undefined || policy.on.status.length === 0 || !isRetriableStatus(policy, status)) return false;
    if (!this.#request.whole || this.#request.wantsUpgrade || !this.#repeatable) return false;
    if (this.#hedge !== undefined) return true;
    if (this.count > policy.attempts || !this.#pool.pool.offers([...this.tried, lease.endpoint.slot])) return false;
    const { env, counters } = this.#ctx;
    this.#waitMs = retryAfterMs(fields.get('retry-after'), env.clock.epoch());
    return this.#waitMs <= policy.maxRetryAfterMs && inBudget(this.#pool, env.clock.now(), counters);
  }

  /** After `repeats` said so, and the lease was settled. `slot`: whose answer it was. */
  repeat(slot: number, over: boolean): void {
    const { upstream } = this;
    this.upstream = undefined;
    if (!over) upstream?.abandon(this.#user);
    const hedge = this.#hedge;
    this.#hedge = undefined;
    this.calm();
    if (hedge !== undefined) this.#takeHedge(hedge, slot);
    else this.#again(slot, this.#waitMs);
  }

  /** It may be done twice. */
  get #repeatable(): boolean {
    return this.#keyed || this.#policy.methods.includes(this.#request.method);
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
    this.calm();
    const { upstream } = this;
    this.upstream = undefined;
    upstream?.abandon(this.#user);
  }

  settle(outcome: Outcome): void {
    const { lease } = this;
    this.lease = undefined;
    if (lease === undefined) return;
    this.trace?.spans?.settled(lease, outcome);
    lease.settle(outcome);
  }
}
