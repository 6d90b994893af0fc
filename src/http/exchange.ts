// Owns one request from its head to the end of its response: route, endpoint, attempts, retries, and the lease's one
// settlement. Reused by its connection for the next request. It moves bytes only through the two connections it joins.
//
//   begin ─▶ acquiring ─▶ (queued) ─▶ attempt: connecting ─▶ sent ─▶ responding ─▶ done
//     │          │             ▲            └──── failed ────┘           │
//     └ refused  └ no endpoint └─ retry: another endpoint, in budget     └ cut: client sees an incomplete response

import { E, L, P } from '../core/counters.ts';
import type { Timer } from '../core/env.ts';
import { ERRORS, type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import type { Lease } from '../pool/lease.ts';
import type { Refusal } from '../pool/refusal.ts';
import type { WaitTicket } from '../pool/waiting-room.ts';
import { normalizePath } from '../routing/normalize.ts';
import type { ClientConn } from './client-conn.ts';
import { clientAddress } from './client-identity.ts';
import type { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpHandler, HttpRoute } from './context.ts';
import { HeadView } from './head-view.ts';
import { localReply } from './reply.ts';
import { buildRequestHead } from './request-head.ts';
import { RequestRelay } from './request-relay.ts';
import { buildInformationalHead, endsWithConnection } from './response-head.ts';
import { ResponseRelay } from './response-relay.ts';
import { countFailure, isIdempotent, mayRetry } from './retry.ts';
import { openTunnel } from './upgrade.ts';
import type { UpstreamConn, UpstreamUser } from './upstream-conn.ts';

const NONE: readonly number[] = [];

let headView: HeadView | undefined;

export class Exchange implements UpstreamUser {
  readonly #client: ClientConn;
  readonly #ctx: HttpContext;
  readonly #request: RequestRelay;
  readonly #response: ResponseRelay;
  #handler!: HttpHandler;
  #route!: HttpRoute;
  /** `#route` belongs to this request and not to the one before. */
  #routed = false;
  /** Hash key and slots already tried: what the pool asks of a request. */
  key = '';
  tried: readonly number[] = NONE;
  isHead = false;
  #method = 'GET';
  #minor = 1;
  #keepAlive = true;
  #wantsContinue = false;
  #upgrade = false;
  #requestId = '';
  #lease: Lease | undefined;
  #ticket: WaitTicket | undefined;
  #timer: Timer | undefined;
  #total: Timer | undefined;
  #upstream: UpstreamConn | undefined;
  #sent = false;
  #attempts = 0;
  /** Text of the endpoint tried last. */
  #endpoint = '';
  #startedAt = 0;
  /** When the response ended; 0 while that is not known. */
  #endedAt = 0;
  #sentAt = 0;
  #firstByteMs = 0;
  #status = 0;
  /** The response's head has gone to the client. */
  #responding = false;
  #close = false;
  #error: ErrorCode | undefined;
  #logged:
    | { host: string; path: string; query: string; userAgent: string; referer: string; client: string }
    | undefined;
  #done = true;

  constructor(client: ClientConn) {
    this.#client = client;
    this.#request = new RequestRelay(client);
    this.#response = new ResponseRelay(client);
    this.#ctx = client.listener.ctx;
  }

  get firstByteMs(): number {
    return this.#route.timeouts.firstByteMs;
  }

  /** A client of HTTP/1.0 cannot read chunks. */
  get wantsPlainBody(): boolean {
    return this.#minor === 0;
  }

  get wantsUpgrade(): boolean {
    return this.#upgrade;
  }

  get requestDone(): boolean {
    return this.#request.done;
  }

  /** Returns the offset after what of `buffer` belongs to this request. */
  begin(parser: RequestParser, buffer: Buffer, start: number, end: number): number {
    const { listener } = this.#client;
    const ctx = this.#ctx;
    this.#reset(parser);
    ctx.counters.listener(listener.slot, L.requests);
    const { limits } = this.#handler;
    this.#request.start(parser.bodyLength);
    if (limits.bodyBytes > 0 && parser.bodyLength > limits.bodyBytes)
      return this.#refuseAt('body-too-large', end, start);
    const path = parser.target.form === 'asterisk' ? '*' : normalizePath(parser.target.path);
    if (path === undefined) return this.#refuseAt('bad-request', end, start);
    const add = this.#client.additions();
    const forwardedFor = add.trusted ? parser.fields.joined(F.xForwardedFor) : undefined;
    const client = add.trusted ? clientAddress(add.peer, forwardedFor, this.#handler.isTrusted) : add.peer;
    headView ??= new HeadView(parser);
    headView.set(path, client);
    this.#remember(parser, headView);
    const route = this.#handler.match(headView);
    if (route === undefined) return this.#refuseAt('no-route', end, start);
    this.#route = route;
    this.#routed = true;
    this.key = route.pool.keyOf === undefined ? '' : route.pool.keyOf(headView);
    const head = buildRequestHead(parser, path, this.#requestId, add);
    const after = this.#request.intake(parser, buffer, start, end, head);
    if (after < 0) return this.#refuseAt('bad-framing', end, start);
    if (limits.bodyBytes > 0 && this.#request.payload > limits.bodyBytes)
      return this.#refuseAt('body-too-large', end, after);
    if (route.timeouts.totalMs > 0) {
      this.#total = ctx.env.clock.after(route.timeouts.totalMs, () => this.#giveUp('upstream-timeout'));
    }
    ctx.counters.pool(route.pool.slot, P.requests);
    route.pool.pool.retryBudget.onRequest(this.#startedAt);
    if (this.#request.done) this.#client.requestRead();
    this.#acquire();
    return after;
  }

  #reset(parser: RequestParser): void {
    const { forwarded } = this.#client.listener.handler.config;
    this.#handler = this.#client.listener.handler;
    this.#startedAt = this.#ctx.env.clock.now();
    this.#endedAt = 0;
    this.#routed = false;
    this.tried = NONE;
    this.#method = parser.method;
    this.isHead = parser.method === 'HEAD';
    this.#minor = parser.minor;
    this.#keepAlive = parser.keepAlive;
    this.#wantsContinue = parser.expectContinue;
    this.#upgrade = parser.upgrade !== '';
    this.#requestId = forwarded.requestId === '' ? '' : this.#ctx.requestId();
    this.#sent = false;
    this.#attempts = 0;
    this.#endpoint = '';
    this.#firstByteMs = 0;
    this.#status = 0;
    this.#responding = false;
    this.#close = false;
    this.#response.reset();
    this.#error = undefined;
    this.#done = false;
  }

  #remember(parser: RequestParser, view: HeadView): void {
    if (this.#ctx.log === undefined) return;
    this.#logged = {
      host: view.host,
      path: view.path,
      query: view.query,
      client: view.client,
      userAgent: parser.fields.get('user-agent') ?? '',
      referer: parser.fields.get('referer') ?? '',
    };
  }

  #refuseAt(code: ErrorCode, end: number, start: number): number {
    this.#reply(code);
    return this.#request.done ? start : end;
  }

  #acquire(): void {
    const { pool } = this.#route.pool;
    const answer = pool.acquire(this);
    if (!answer.refused) return this.#attempt(answer);
    if (answer.code !== 'pool-saturated') return this.#refused(answer);
    this.#ctx.counters.pool(this.#route.pool.slot, P.queued);
    this.#ticket = pool.wait(this, Number.POSITIVE_INFINITY, (later) => {
      this.#ticket = undefined;
      if (later.refused) this.#refused(later);
      else this.#attempt(later);
    });
  }

  #refused(refusal: Refusal): void {
    // A retry that finds nobody else tells the client what went wrong first.
    this.#reply(refusal.code === 'tried-all' && this.#error !== undefined ? this.#error : refusal.code);
  }

  #attempt(lease: Lease, fresh = false): void {
    this.#lease = lease;
    this.#attempts++;
    this.#endpoint = lease.endpoint.id;
    this.#sent = false;
    const { config } = this.#route.pool;
    const { connection } = config;
    const { upstreams, counters } = this.#ctx;
    const pipelines = connection.pipelining > 1 && !fresh && this.#canPipeline();
    const upstream = pipelines
      ? upstreams.takeLine(lease.endpoint, connection)
      : upstreams.take(lease.endpoint, connection, fresh);
    counters.endpoint(lease.endpoint.slot, E.requests);
    counters.endpoint(lease.endpoint.slot, upstream.connected ? E.reuses : E.connects);
    this.#upstream = upstream;
    upstream.assign(this);
  }

  #canPipeline(): boolean {
    return this.#request.whole && this.#request.payload === 0 && !this.#upgrade && isIdempotent(this.#method);
  }

  onUpstreamReady(upstream: UpstreamConn): void {
    this.#sent = true;
    this.#sentAt = this.#attempts === 1 && upstream.served > 0 ? this.#startedAt : this.#ctx.env.clock.now();
    const batched = this.#route.pool.config.connection.pipelining > 1;
    const accepted = this.#request.send(upstream, batched);
    if (this.#request.done) return;
    const { conn } = this.#client;
    if (accepted) {
      conn.expireIn(this.#handler.config.timeouts.bodyIdleMs);
      conn.resume();
    } else upstream.conn.expireIn(this.#route.pool.config.connection.bodyIdleMs);
  }

  /** More of the request body. Returns the offset after what belongs to it. */
  requestBody(buffer: Buffer, start: number, end: number): number {
    const request = this.#request;
    const { conn } = this.#client;
    const after = request.reader.consume(buffer, start, end);
    if (after < 0) {
      this.#giveUp('bad-framing');
      return end;
    }
    const { bodyBytes } = this.#handler.limits;
    if (bodyBytes > 0 && request.payload > bodyBytes) {
      this.#giveUp('body-too-large');
      return end;
    }
    const upstream = this.#upstream;
    if (upstream === undefined || upstream.conn.closed) return after;
    const accepted = request.more(upstream, buffer, start);
    if (!accepted) {
      conn.pause();
      upstream.conn.expireIn(this.#route.pool.config.connection.bodyIdleMs);
    }
    if (request.done) {
      request.unstream(conn.paused);
      conn.expireIn(0);
      conn.resume();
      upstream.requestSent();
      this.#client.requestRead();
    } else {
      conn.expireIn(accepted ? this.#handler.config.timeouts.bodyIdleMs : 0);
      request.stream();
    }
    return after;
  }

  onUpstreamDrain(): void {
    if (this.#request.done) return this.#upstream?.requestSent();
    this.#upstream?.conn.expireIn(0);
    this.#client.conn.expireIn(this.#handler.config.timeouts.bodyIdleMs);
    this.#client.conn.resume();
  }

  onClientDrain(): void {
    this.#upstream?.unhold();
    this.#client.conn.expireIn(this.#request.done ? 0 : this.#handler.config.timeouts.bodyIdleMs);
  }

  /** This response is to be the last on the client's connection. */
  #mustClose(): boolean {
    return !this.#keepAlive || !this.#request.done || this.#client.isLast;
  }

  onInformational(parser: ResponseParser): void {
    if (this.#minor === 0 || (parser.status === 100 && !this.#wantsContinue)) return;
    if (parser.status === 100) this.#wantsContinue = false;
    // Hints may be left out; a flood of them must not pile up behind a client that does not read.
    if (this.#client.conn.blocked) return;
    this.#client.conn.noDelay();
    this.#client.send(buildInformationalHead(parser));
  }

  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void {
    const now = this.#ctx.env.clock.now();
    this.#firstByteMs = now - this.#sentAt;
    if (reader.done) this.#endedAt = now;
    this.#status = parser.status;
    this.#close = this.#mustClose() || endsWithConnection(parser, this.#minor);
    this.#responding = true;
    if (!reader.done) {
      this.#lease!.answered(parser.status, this.#firstByteMs);
      this.#client.conn.noDelay();
    }
    const date = this.#ctx.date();
    const upstream = this.#upstream!;
    if (!this.#response.begin(parser, reader, upstream, buffer, start, this.#minor, this.#close, date))
      this.#holdUpstream();
  }

  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void {
    if (!this.#response.more(reader, this.#upstream!, buffer, start)) this.#holdUpstream();
  }

  /** The client takes no more for now: stop reading, and cut it off if that lasts. */
  #holdUpstream(): void {
    this.#upstream!.hold();
    this.#client.conn.expireIn(this.#handler.config.timeouts.sendIdleMs);
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#finish({ kind: 'ok', status: this.#status, firstByteMs: this.#firstByteMs });
    this.#client.responded(this.#close, this.#request.done, !this.#keepAlive);
  }

  onUpgraded(parser: ResponseParser, buffer: Buffer, start: number, end: number): void {
    const upstream = this.#upstream!;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#upstream = undefined;
    this.#status = 101;
    this.#firstByteMs = this.#ctx.env.clock.now() - this.#sentAt;
    const lease = this.#lease!;
    this.#lease = undefined;
    const { tunnelIdleMs } = this.#handler.config.timeouts;
    openTunnel(
      this.#client,
      upstream,
      lease,
      this.#firstByteMs,
      tunnelIdleMs,
      parser,
      buffer,
      start,
      end,
      (bytesOut) => {
        this.#response.bytesOut += bytesOut;
        this.#account();
      },
    );
  }

  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void {
    this.#upstream = undefined;
    // An idle connection that dies under us proves nothing about its endpoint, and nothing was done with the request.
    const stale = reused && code === 'upstream-reset' && !answered;
    const lease = this.#lease!;
    this.#error = code;
    countFailure(this.#ctx.counters, lease.endpoint.slot, code);
    if (this.#responding) return this.#cut(code);
    if (stale && this.#mayResend()) {
      this.#lease = undefined;
      this.#attempts--;
      // Same endpoint, same lease's place: only the connection was at fault.
      this.#attempt(lease, true);
      return;
    }
    this.#settle(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
    const { counters, env } = this.#ctx;
    const { pool } = this.#route;
    if (!this.#mayResend() || !mayRetry(pool, code, this.#method, this.#attempts, env.clock.now(), counters))
      return this.#reply(code);
    this.tried = [...this.tried, lease.endpoint.slot];
    counters.pool(pool.slot, P.retries);
    const delay = pool.config.retries.backoffMs * (0.5 + env.random.unit());
    this.#timer = env.clock.after(delay, () => {
      this.#timer = undefined;
      this.#acquire();
    });
  }

  /** Nothing that left could be missing when the request is sent again. */
  #mayResend(): boolean {
    return this.#request.whole || !this.#sent;
  }

  /** The response broke off after its head went out: the client must notice. */
  #cut(code: ErrorCode): void {
    this.#ctx.counters.error(this.#client.listener.slot, code);
    this.#finish({ kind: 'failed', error: proxyError(code) });
    this.#client.abort();
  }

  /** Ends the exchange from this side, whatever it was doing. */
  #giveUp(code: ErrorCode): void {
    if (this.#done) return;
    this.#error = code;
    this.#release();
    const outcome: Outcome = ERRORS[code].side === 'upstream' ? { kind: 'failed', error: proxyError(code) } : CANCELLED;
    if (this.#responding) {
      this.#ctx.counters.error(this.#client.listener.slot, code);
      this.#finish(outcome);
      return this.#client.abort();
    }
    this.#settle(outcome);
    this.#reply(code);
  }

  /** Lets go of whatever is under way: the wait, the backoff, the upstream connection. */
  #release(): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.abandon(this);
  }

  onClientDeadline(): void {
    if (this.#client.conn.blocked) this.#giveUp('client-slow');
    else this.#giveUp('body-timeout');
  }

  onClientGone(): void {
    if (this.#done) return;
    this.#error = 'client-gone';
    this.#release();
    this.#ctx.counters.error(this.#client.listener.slot, 'client-gone');
    if (this.#lease !== undefined) this.#ctx.counters.endpoint(this.#lease.endpoint.slot, E.cancelled);
    this.#finish(CANCELLED);
  }

  #settle(outcome: Outcome): void {
    const lease = this.#lease;
    this.#lease = undefined;
    lease?.settle(outcome);
  }

  #reply(code: ErrorCode): void {
    const client = this.#client;
    const kind = ERRORS[code];
    this.#error = code;
    this.#ctx.counters.error(client.listener.slot, code);
    this.#settle(CANCELLED);
    if (kind.status === 0) {
      this.#finish(CANCELLED);
      return client.abort();
    }
    const down = code === 'pool-down' || code === 'pool-empty' || code === 'pool-saturated' || code === 'queue-timeout';
    const allDown = down ? this.#route.pool.config.allDown : undefined;
    const close = this.#mustClose();
    this.#status = allDown !== undefined && code === 'pool-down' ? allDown.status : kind.status;
    const retryAfterSeconds = allDown?.retryAfterSeconds;
    const reply = { status: this.#status, code, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    const text = localReply(reply, this.#requestId, close, this.isHead, this.#ctx.date());
    this.#response.bytesOut += text.length;
    client.conn.sendText(text);
    this.#finish(CANCELLED);
    client.responded(close, this.#request.done, !this.#keepAlive);
  }

  #finish(outcome: Outcome): void {
    if (this.#done) return;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#request.drop();
    this.#request.unstream(true);
    const lease = this.#lease;
    if (lease !== undefined) {
      this.#lease = undefined;
      if (outcome.kind === 'ok')
        this.#ctx.counters.endpoint(lease.endpoint.slot, statusColumn(E.status1xx, outcome.status));
      lease.settle(outcome);
    }
    this.#account();
  }

  #account(): void {
    const { counters, env, log } = this.#ctx;
    const { slot, handler } = this.#client.listener;
    const durationMs = (this.#endedAt === 0 ? env.clock.now() : this.#endedAt) - this.#startedAt;
    if (this.#status !== 0) {
      counters.listener(slot, statusColumn(L.status1xx, this.#status));
      if (this.#routed && this.#status !== 101) counters.duration(this.#route.pool.slot, durationMs);
    }
    counters.listener(slot, L.bytesOut, this.#response.bytesOut);
    const seen = this.#logged;
    if (log === undefined || seen === undefined) return;
    this.#logged = undefined;
    log({
      ...seen,
      listener: handler.config.name,
      route: this.#routed ? this.#route.name : '',
      pool: this.#routed ? this.#route.pool.name : '',
      endpoint: this.#endpoint,
      method: this.#method,
      status: this.#status,
      error: this.#error ?? '',
      attempts: this.#attempts,
      durationMs,
      firstByteMs: this.#firstByteMs,
      bytesIn: this.#request.payload,
      bytesOut: this.#response.bytesOut,
      requestId: this.#requestId,
    });
  }
}

function statusColumn(first: number, status: number): number {
  return first + Math.floor(status / 100) - 1;
}
