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
import { normalizePath } from '../routing/normalize.ts';
import { countFinished, logFinished, settleWith } from './account.ts';
import { type AttemptedRequest, Attempts } from './attempts.ts';
import { clientAddress } from './client-identity.ts';
import type { ClientPort, ResponseSink, ResponseTerms } from './client-port.ts';
import type { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpHandler, HttpRoute } from './context.ts';
import { grpcCodeOf, grpcStatusIn, statusOfGrpc } from './grpc.ts';
import { type GrpcWeb, GrpcWebSink, grpcHead, grpcWebOf } from './grpc-web.ts';
import { HeadView } from './head-view.ts';
import { httpsLocation } from './redirect.ts';
import { type LocalReply, replyTo } from './reply.ts';
import { RequestFacts } from './request-facts.ts';
import { buildRequestHead } from './request-head.ts';
import { RequestRelay } from './request-relay.ts';
import { endsWithConnection } from './response-head.ts';
import { openTunnel } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

let headView: HeadView | undefined;
const EMPTY = Buffer.alloc(0);

export class Exchange implements AttemptedRequest {
  readonly #client: ClientPort;
  readonly #ctx: HttpContext;
  readonly #facts = new RequestFacts();
  readonly #attempts: Attempts;
  readonly #request: RequestRelay;
  #response: ResponseSink;
  #handler!: HttpHandler;
  /** Undefined until one matched. */
  #route: HttpRoute | undefined;
  #total: Timer | undefined;
  #startedAt = 0;
  /** When the response ended; 0 while that is not known. */
  #endedAt = 0;
  #sentAt = 0;
  #firstByteMs = 0;
  #status = 0;
  /** -1 when it is not known. */
  #grpcStatus = -1;
  /** The response's head has gone to the client. */
  #responding = false;
  #close = false;
  #error: ErrorCode | undefined;
  #done = true;

  constructor(client: ClientPort) {
    this.#client = client;
    this.#ctx = client.listener.ctx;
    this.#attempts = new Attempts(this.#ctx, this);
    this.#request = new RequestRelay(client);
    this.#response = client.sink;
  }

  get method(): string {
    return this.#facts.method;
  }

  get isHead(): boolean {
    return this.#facts.isHead;
  }

  get firstByteMs(): number {
    return this.#route!.timeouts.firstByteMs;
  }

  /** A client of HTTP/1.0 cannot read chunks. */
  get wantsPlainBody(): boolean {
    return this.#facts.minor === 0 || this.#client.plainBodies;
  }

  get wantsUpgrade(): boolean {
    return this.#facts.wantsUpgrade;
  }

  get whole(): boolean {
    return this.#request.whole;
  }

  get bare(): boolean {
    return this.#request.whole && this.#request.payload === 0 && !this.#facts.wantsUpgrade;
  }

  get requestDone(): boolean {
    return this.#request.done;
  }

  /** Calls that stream may be silent for as long as a tunnel: watching is what many of them are for. */
  get idleMs(): number {
    return this.#client.grpc ? this.#handler.config.timeouts.tunnelIdleMs : 0;
  }

  /** Between reads of the request's body. One who streams and is answered owes nobody the next word. */
  get #bodyIdleMs(): number {
    if (!this.#client.grpc) return this.#handler.config.timeouts.bodyIdleMs;
    return this.#responding ? 0 : this.idleMs;
  }

  /** Returns the offset after what of `buffer` belongs to this request. */
  begin(parser: RequestParser, buffer: Buffer, start: number, end: number): number {
    const { listener } = this.#client;
    const ctx = this.#ctx;
    this.#reset(parser);
    this.#request.start(parser.bodyLength);
    ctx.counters.listener(listener.slot, L.requests);
    const { limits } = this.#handler;
    const path = parser.target.form === 'asterisk' ? '*' : normalizePath(parser.target.path);
    const add = this.#client.additions();
    const forwardedFor = add.trusted ? parser.fields.joined(F.xForwardedFor) : undefined;
    const client = add.trusted ? clientAddress(add.peer, forwardedFor, this.#handler.isTrusted) : add.peer;
    headView ??= new HeadView(parser);
    headView.set(path ?? parser.target.path, client, add.certificate);
    if (ctx.log !== undefined) this.#facts.remember(parser, headView);
    if (path === undefined) return this.#refuseAt('bad-request', end, start);
    if (limits.bodyBytes > 0 && parser.bodyLength > limits.bodyBytes)
      return this.#refuseAt('body-too-large', end, start);
    // Before everything that is configured: without certificates no configuration can be served.
    const answer = ctx.challenges.answerTo(path);
    if (answer !== undefined) {
      this.#respond({ status: 200, body: answer }, this.#mustClose());
      return this.#request.done ? start : end;
    }
    const { redirect } = this.#handler.config;
    if (redirect !== undefined) {
      const location = httpsLocation(headView.host, redirect.port, parser.target.path, parser.target.query);
      if (location === undefined) return this.#refuseAt('bad-host', end, start);
      this.#respond({ status: redirect.status, location }, this.#mustClose());
      return this.#request.done ? start : end;
    }
    const route = this.#handler.match(headView);
    if (route === undefined) return this.#refuseAt('no-route', end, start);
    this.#route = route;
    const web = route.pool.config.protocol === 'h2' ? this.#streams(parser) : undefined;
    const key = route.pool.keyOf === undefined ? '' : route.pool.keyOf(headView);
    const head = buildRequestHead(parser, path, this.#facts.id, add);
    const sent = web === undefined ? head : grpcHead(head, web);
    const after = this.#request.intake(parser, buffer, start, end, sent);
    if (after < 0) return this.#refuseAt('bad-framing', end, start);
    if (limits.bodyBytes > 0 && this.#request.payload > limits.bodyBytes)
      return this.#refuseAt('body-too-large', end, after);
    this.#armTotal(route.timeouts.totalMs);
    ctx.counters.pool(route.pool.slot, P.requests);
    route.pool.pool.retryBudget.onRequest(this.#startedAt);
    if (this.#request.done) this.#client.requestRead();
    this.#attempts.begin(route.pool, key, headView.client);
    return after;
  }

  /** The endpoint speaks HTTP/2: bodies need no framing, and what a browser calls gRPC is translated. */
  #streams(parser: RequestParser): GrpcWeb | undefined {
    const web = this.#client.grpc ? undefined : grpcWebOf(parser.fields.get('content-type'));
    this.#request.start(parser.bodyLength, true, web?.text === true);
    if (web !== undefined) this.#response = new GrpcWebSink(this.#client.sink, web);
    return web;
  }

  /** The route's limit for the whole exchange, or the client's if that is nearer. */
  #armTotal(limitMs: number): void {
    const { deadlineMs } = this.#client;
    const isClients = deadlineMs > 0 && (limitMs === 0 || deadlineMs < limitMs);
    const ms = isClients ? deadlineMs : limitMs;
    if (ms === 0) return;
    const code = isClients ? 'client-deadline' : 'upstream-timeout';
    this.#total = this.#ctx.env.clock.after(ms, () => this.#giveUp(code));
  }

  #reset(parser: RequestParser): void {
    const { handler } = this.#client.listener;
    this.#handler = handler;
    this.#startedAt = this.#ctx.env.clock.now();
    this.#endedAt = 0;
    this.#route = undefined;
    this.#facts.take(parser, handler.config.forwarded.requestId === '' ? '' : this.#ctx.requestId());
    this.#attempts.reset();
    this.#response = this.#client.sink;
    this.#response.reset();
    this.#firstByteMs = 0;
    this.#status = 0;
    this.#grpcStatus = -1;
    this.#responding = false;
    this.#close = false;
    this.#error = undefined;
    this.#done = false;
  }

  #refuseAt(code: ErrorCode, end: number, start: number): number {
    this.#reply(code);
    return this.#request.done ? start : end;
  }

  onRefused(code: ErrorCode): void {
    this.#reply(code);
  }

  onUpstreamReady(upstream: Upstream): void {
    const { connection } = this.#route!.pool.config;
    const first = this.#attempts.count === 1 && upstream.served > 0;
    this.#attempts.sent = true;
    this.#sentAt = first ? this.#startedAt : this.#ctx.env.clock.now();
    const batched = connection.pipelining > 1;
    const accepted = this.#request.send(upstream, batched);
    if (this.#request.done) return;
    const { conn } = this.#client;
    if (accepted) {
      conn.expireIn(this.#bodyIdleMs);
      conn.resume();
    } else upstream.conn.expireIn(connection.bodyIdleMs);
  }

  /** More of the request body. Returns the offset after what belongs to it. */
  requestBody(buffer: Buffer, start: number, end: number): number {
    const request = this.#request;
    return this.#passBody(request.reader.consume(buffer, start, end), buffer, start, end);
  }

  /** The end of a body that only the client's stream delimits. `trailers`: lines of fields. */
  requestEnd(trailers: string): void {
    const { reader } = this.#request;
    if (reader.done) return;
    reader.finish(trailers);
    this.#passBody(0, EMPTY, 0, 0);
  }

  #passBody(after: number, buffer: Buffer, start: number, end: number): number {
    const request = this.#request;
    const { conn } = this.#client;
    if (after < 0) {
      this.#giveUp('bad-framing');
      return end;
    }
    const { bodyBytes } = this.#handler.limits;
    if (bodyBytes > 0 && request.payload > bodyBytes) {
      this.#giveUp('body-too-large');
      return end;
    }
    const { upstream } = this.#attempts;
    if (upstream === undefined || upstream.conn.closed) return after;
    const accepted = request.more(upstream, buffer, start);
    if (!accepted) {
      conn.pause();
      upstream.conn.expireIn(this.#route!.pool.config.connection.bodyIdleMs);
    }
    if (request.done) {
      request.unstream(conn.paused);
      conn.expireIn(0);
      conn.resume();
      upstream.requestSent();
      this.#client.requestRead();
    } else {
      conn.expireIn(accepted ? this.#bodyIdleMs : 0);
      request.stream();
    }
    return after;
  }

  onUpstreamDrain(): void {
    const { upstream } = this.#attempts;
    if (this.#request.done) return upstream?.requestSent();
    upstream?.conn.expireIn(0);
    this.#client.conn.expireIn(this.#bodyIdleMs);
    this.#client.conn.resume();
  }

  onClientDrain(): void {
    this.#attempts.upstream?.unhold();
    this.#client.conn.expireIn(this.#request.done ? 0 : this.#bodyIdleMs);
  }

  /** This response is to be the last on the client's connection. */
  #mustClose(): boolean {
    return !this.#facts.keepAlive || !this.#request.done || this.#client.isLast;
  }

  onInformational(parser: ResponseParser): void {
    const facts = this.#facts;
    if (facts.minor === 0 || (parser.status === 100 && !facts.wantsContinue)) return;
    if (parser.status === 100) facts.wantsContinue = false;
    // Hints may be left out; a flood of them must not pile up behind a client that does not read.
    if (this.#client.conn.blocked) return;
    this.#response.informational(parser);
  }

  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void {
    const now = this.#ctx.env.clock.now();
    this.#firstByteMs = now - this.#sentAt;
    if (reader.done) this.#endedAt = now;
    this.#status = parser.status;
    this.#close = this.#mustClose() || endsWithConnection(parser, this.#facts.minor);
    this.#responding = true;
    if (this.#client.grpc) {
      this.#grpcStatus = grpcStatusIn(parser.fields.text);
      this.#client.conn.expireIn(0);
    }
    if (!reader.done) {
      this.#attempts.lease!.answered(parser.status, this.#firstByteMs);
      this.#client.conn.noDelay();
    }
    const upstream = this.#attempts.upstream!;
    if (!this.#response.begin(parser, reader, upstream, buffer, start, this.#terms(this.#close))) this.#holdUpstream();
  }

  #terms(close: boolean): ResponseTerms {
    return { minor: this.#facts.minor, close, date: this.#ctx.date(), hsts: this.#handler.hsts };
  }

  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void {
    if (reader.done && reader.trailers !== '' && this.#client.grpc) this.#grpcStatus = grpcStatusIn(reader.trailers);
    if (!this.#response.more(reader, this.#attempts.upstream!, buffer, start)) this.#holdUpstream();
  }

  /** The client takes no more for now: stop reading, and cut it off if that lasts. */
  #holdUpstream(): void {
    this.#attempts.upstream!.hold();
    this.#client.conn.expireIn(this.#handler.config.timeouts.sendIdleMs);
  }

  onResponseEnd(): void {
    this.#attempts.upstream = undefined;
    const status = this.#grpcStatus < 0 ? this.#status : statusOfGrpc(this.#grpcStatus);
    this.#finish({ kind: 'ok', status, firstByteMs: this.#firstByteMs });
    this.#client.responded(this.#close, this.#request.done, !this.#facts.keepAlive);
  }

  onUpgraded(parser: ResponseParser, buffer: Buffer, start: number, end: number): void {
    const { upstream, lease } = this.#attempts;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#attempts.upstream = undefined;
    this.#attempts.lease = undefined;
    this.#status = 101;
    this.#firstByteMs = this.#ctx.env.clock.now() - this.#sentAt;
    const { tunnelIdleMs, tunnelLifetimeMs } = this.#handler.config.timeouts;
    const onDone = (bytesOut: number): void => {
      this.#response.bytesOut += bytesOut;
      this.#account();
    };
    const terms = {
      client: this.#client,
      upstream: upstream!,
      lease: lease!,
      firstByteMs: this.#firstByteMs,
      idleMs: tunnelIdleMs,
      lifetimeMs: tunnelLifetimeMs,
      onDone,
    };
    openTunnel(terms, parser, buffer, start, end);
  }

  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void {
    const attempts = this.#attempts;
    attempts.upstream = undefined;
    this.#error = code;
    attempts.countFailure(code);
    if (this.#responding) return this.#cut(code);
    // An idle connection that dies under us proves nothing about its endpoint, and nothing was done with the request.
    const stale = reused && code === 'upstream-reset' && !answered;
    if (!attempts.failed(code, stale)) this.#reply(code);
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
    this.#attempts.release();
    const outcome: Outcome = ERRORS[code].side === 'upstream' ? { kind: 'failed', error: proxyError(code) } : CANCELLED;
    if (this.#responding) {
      this.#ctx.counters.error(this.#client.listener.slot, code);
      this.#finish(outcome);
      return this.#client.abort();
    }
    this.#attempts.settle(outcome);
    this.#reply(code);
  }

  onClientDeadline(): void {
    if (this.#client.conn.blocked) this.#giveUp('client-slow');
    else this.#giveUp('body-timeout');
  }

  onClientGone(): void {
    if (this.#done) return;
    this.#error = 'client-gone';
    const { counters } = this.#ctx;
    const { lease } = this.#attempts;
    this.#attempts.release();
    counters.error(this.#client.listener.slot, 'client-gone');
    if (lease !== undefined) counters.endpoint(lease.endpoint.slot, E.cancelled);
    this.#finish(CANCELLED);
  }

  #reply(code: ErrorCode): void {
    const client = this.#client;
    this.#error = code;
    this.#ctx.counters.error(client.listener.slot, code);
    this.#attempts.settle(CANCELLED);
    if (ERRORS[code].status === 0) {
      this.#finish(CANCELLED);
      return client.abort();
    }
    if (client.grpc) this.#grpcStatus = grpcCodeOf(code, ERRORS[code].status);
    // Who sends what is malformed is not trusted to frame the next request rightly.
    const close = this.#mustClose() || code === 'bad-request';
    this.#respond(replyTo(code, this.#route?.pool.config.allDown), close);
  }

  #respond(reply: LocalReply, close: boolean): void {
    this.#status = reply.status;
    this.#response.local(reply, this.#facts.id, this.isHead, this.#terms(close));
    this.#finish(CANCELLED);
    this.#client.responded(close, this.#request.done, !this.#facts.keepAlive);
  }

  #finish(outcome: Outcome): void {
    if (this.#done) return;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#request.drop();
    this.#request.unstream(true);
    settleWith(outcome, this.#attempts, this.#ctx);
    this.#account();
  }

  #account(): void {
    const ctx = this.#ctx;
    const { listener } = this.#client;
    const durationMs = (this.#endedAt === 0 ? ctx.env.clock.now() : this.#endedAt) - this.#startedAt;
    const { bytesOut } = this.#response;
    if (this.#grpcStatus >= 0) ctx.counters.listener(listener.slot, L.grpcStatus + this.#grpcStatus);
    countFinished(ctx, listener.slot, this.#status, this.#route, durationMs, bytesOut);
    if (ctx.log === undefined) return;
    logFinished(ctx, this.#handler.config.name, {
      facts: this.#facts,
      attempts: this.#attempts,
      route: this.#route,
      status: this.#status,
      error: this.#error,
      durationMs,
      firstByteMs: this.#firstByteMs,
      bytesIn: this.#request.payload,
      bytesOut,
    });
  }
}
