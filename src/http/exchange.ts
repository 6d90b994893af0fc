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
import { normalizePath } from '../routing/normalize.ts';
import { countFinished, countVariant, logFinished, settleWith } from './account.ts';
import { withOwnCookies } from './affinity-fields.ts';
import { type AttemptedRequest, Attempts } from './attempts.ts';
import { clientAddress } from './client-identity.ts';
import type { ClientPort, ResponseSink, ResponseTerms } from './client-port.ts';
import type { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpHandler, HttpPool, HttpRoute, LookedUp } from './context.ts';
import type { Verdict } from './filter.ts';
import type { FilterChain } from './filter-chain.ts';
import { FILTER_FAILED, FilterRun, type RunSource } from './filter-run.ts';
import { FilterSink, type SinkOwner } from './filter-sink.ts';
import { grpcCodeOf, grpcStatusIn, statusOfGrpc } from './grpc.ts';
import { type GrpcWeb, GrpcWebSink, grpcHead, grpcWebOf } from './grpc-web.ts';
import { HeadEdits, type RequestEdits } from './head-edits.ts';
import { HeadView } from './head-view.ts';
import { type BodySource, LocalUpstream } from './local-upstream.ts';
import { httpsLocation } from './redirect.ts';
import { type LocalReply, localFields, reasonOf, replyTo } from './reply.ts';
import { RequestFacts } from './request-facts.ts';
import { buildRequestHead, isSecure } from './request-head.ts';
import { RequestRelay } from './request-relay.ts';
import { endsWithConnection } from './response-head.ts';
import { type SideAnswer, SideRequest } from './side-request.ts';
import { Suspension } from './suspension.ts';
import { beginTrace } from './trace.ts';
import { openTunnel } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

let headView: HeadView | undefined;
/** Filters that are not ready after so long have failed. */
const FILTER_MS = 30_000;
type Stage = 'enter' | 'routed' | 'pooled';
const EMPTY = Buffer.alloc(0);
/** Fields that say that something follows. */
const OF_BODY = /^(?:content-length|transfer-encoding|trailer|expect|upgrade|connection):[^\r\n]*\r\n/gim;
const CONTINUE = new ResponseParser();
const CONTINUE_HEAD = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
CONTINUE.parse(CONTINUE_HEAD, 0, CONTINUE_HEAD.length, false);

export class Exchange implements AttemptedRequest, RunSource, SinkOwner {
  readonly #client: ClientPort;
  readonly #ctx: HttpContext;
  readonly #facts = new RequestFacts();
  readonly #attempts: Attempts;
  readonly #request: RequestRelay;
  #response: ResponseSink;
  #handler!: HttpHandler;
  /** Undefined until one matched. */
  #route: HttpRoute | undefined;
  /** Undefined until one was chosen. */
  #pool: HttpPool | undefined;
  /** What filters do to this request; made for the first one that meets any. */
  #run: FilterRun | undefined;
  #sink: FilterSink | undefined;
  #isFiltered = false;
  /** A filter is not ready. */
  #held: Suspension | undefined;
  #wasHeld = false;
  /** It must be, by then. */
  #late: Timer | undefined;
  #wanted: { readonly limit: number; readonly resolve: (bytes: Promise<Buffer> | Buffer) => void } | undefined;
  #answer: HeadEdits | undefined;
  /** While the head is at hand. */
  #parser: RequestParser | undefined;
  /** The endpoint has said everything, and filters still work on it. */
  #waitsForSink = false;
  /** An answer that is left aside is not over yet. */
  #leavesAside = false;
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
    return this.#facts.minor === 0 || this.#client.plainBodies || this.#isFiltered;
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

  /** Bytes of body that are taken; 0: any number. */
  get #mostBody(): number {
    const { bodyBytes } = this.#handler.limits;
    const most = this.#isFiltered ? this.#run!.mostBody : 0;
    return most > 0 && (bodyBytes === 0 || most < bodyBytes) ? most : bodyBytes;
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
    headView.set(path ?? parser.target.path, client, add.tls, add.certificate);
    if (ctx.log !== undefined) this.#facts.remember(parser, headView);
    if (ctx.tracer !== undefined)
      this.#attempts.trace = beginTrace(ctx.tracer, ctx.env.clock, this.#client, parser, headView);
    if (path === undefined) return this.#refuseAt('bad-request', end, start);
    if (limits.bodyBytes > 0 && parser.bodyLength > limits.bodyBytes)
      return this.#refuseAt('body-too-large', end, start);
    // Before everything that is configured: without certificates no configuration can be served.
    const answer = ctx.challenges.answerTo(path);
    if (answer !== undefined) return this.#answerAt({ status: 200, body: answer }, end, start);
    const { redirect } = this.#handler.config;
    if (redirect !== undefined) {
      const location = httpsLocation(headView.host, redirect.port, parser.target.path, parser.target.query);
      if (location === undefined) return this.#refuseAt('bad-host', end, start);
      return this.#answerAt({ status: redirect.status, location }, end, start);
    }
    return this.#advance('enter', false, parser, headView, buffer, start, end);
  }

  /** Through the filters of the listener, the route and the pool, as far as it goes at once. */
  #advance(
    from: Stage,
    resumed: boolean,
    parser: RequestParser,
    view: HeadView,
    buffer: Buffer,
    start: number,
    end: number,
  ): number {
    let stage = from;
    let again = resumed;
    this.#parser = parser;
    for (;;) {
      if (!again) {
        if (stage === 'routed') {
          const route = this.#handler.match(view);
          if (route === undefined) this.#parser = undefined;
          if (route === undefined) return this.#refuseAt(view.ambiguous ? 'bad-request' : 'no-route', end, start);
          this.#route = route;
        } else if (stage === 'pooled') {
          this.#pool = this.#route!.poolFor(view);
          if (view.setCookie !== '') this.answer.append('Set-Cookie', view.setCookie);
        }
      }
      const chain = this.#chainAt(stage);
      if (chain !== undefined) {
        const verdict = this.#filtered(parser, view).pass(chain, again);
        if (verdict instanceof Promise) {
          this.#hold(verdict, stage, parser, view, buffer.subarray(start, end));
          return end;
        }
        if (verdict !== undefined) {
          this.#parser = undefined;
          return this.#answerAt(verdict, end, start);
        }
      }
      again = false;
      if (stage === 'pooled') break;
      stage = stage === 'enter' ? 'routed' : 'pooled';
    }
    const pool = this.#pool;
    this.#parser = undefined;
    return pool === undefined
      ? this.#refuseAt('no-route', end, start)
      : this.#dispatch(this.#route!, pool, parser, view, buffer, start, end);
  }

  #chainAt(stage: Stage): FilterChain | undefined {
    if (stage === 'enter') return this.#handler.filters;
    return stage === 'routed' ? this.#route!.filters : this.#pool?.filters;
  }

  /** The request is shown to filters from now on, and so is its answer. */
  #filtered(parser: RequestParser, view: HeadView): FilterRun {
    this.#run ??= new FilterRun(this);
    if (this.#isFiltered) return this.#run;
    this.#isFiltered = true;
    this.#run.begin(view, parser.bodyLength);
    this.#sink ??= new FilterSink(this.#client.sink, this.#run, this);
    this.#sink.start(this.#facts.id);
    this.#response = this.#sink;
    return this.#run;
  }

  /** Until a filter has made up its mind. What comes of this request meanwhile is kept. */
  #hold(verdict: Promise<Verdict>, stage: Stage, parser: RequestParser, view: HeadView, rest: Buffer): void {
    const kept = parser.copy();
    const held = new Suspension(kept, view.copy(kept), Buffer.from(rest));
    this.#run!.see(held.view);
    this.#parser = kept;
    this.#held = held;
    this.#wasHeld = true;
    this.#client.conn.pause();
    if (this.#wanted !== undefined) this.#gather(held);
    this.#late = this.#ctx.env.clock.after(FILTER_MS, () => this.#resume(held, stage, FILTER_FAILED));
    verdict.then(
      (reply) => this.#resume(held, stage, reply),
      () => this.#resume(held, stage, FILTER_FAILED),
    );
  }

  #resume(held: Suspension, stage: Stage, verdict: Verdict): void {
    if (this.#done || this.#held !== held) return verdict?.stream?.close();
    this.#letGo();
    if (verdict !== undefined) this.#parser = undefined;
    if (held.delimit()) this.#request.start(held.parser.bodyLength);
    const bytes = held.held;
    const after =
      verdict === undefined
        ? this.#advance(stage, true, held.parser, held.view, bytes, 0, bytes.length)
        : this.#answerAt(verdict, bytes.length, 0);
    if (this.#held !== undefined) return;
    if (this.#request.done) this.#client.unread(bytes.subarray(after));
  }

  #letGo(): void {
    this.#held = undefined;
    this.#late?.cancel();
    this.#late = undefined;
  }

  /** For a filter that wants to see the beginning of the body. */
  gather(limit: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#wanted = { limit, resolve };
      if (this.#held !== undefined) this.#gather(this.#held);
    });
  }

  #gather(held: Suspension): void {
    const { limit, resolve } = this.#wanted!;
    this.#wanted = undefined;
    void held.gather(limit).then(resolve);
    if (!held.wantsMore) return;
    if (held.parser.expectContinue) this.#continue();
    this.#client.conn.expireIn(this.#bodyIdleMs);
    this.#client.conn.resume();
  }

  /** More of the body of a request that is held. */
  #keep(held: Suspension, bytes: Buffer): void {
    held.hold(bytes);
    const { conn } = this.#client;
    if (held.wantsMore) return conn.expireIn(this.#bodyIdleMs);
    conn.expireIn(0);
    conn.pause();
  }

  #continue(): void {
    if (!this.#facts.wantsContinue) return;
    this.#facts.wantsContinue = false;
    this.#response.informational(CONTINUE);
  }

  #dispatch(
    route: HttpRoute,
    pool: HttpPool,
    parser: RequestParser,
    view: HeadView,
    buffer: Buffer,
    start: number,
    end: number,
  ): number {
    const { counters } = this.#ctx;
    const bodyBytes = this.#mostBody;
    const web = pool.config.protocol === 'h2' ? this.#streams(parser) : undefined;
    const key = pool.keyOf === undefined ? '' : pool.keyOf(view);
    const edits = this.#isFiltered ? this.#run!.edits : undefined;
    const add = this.#client.additions();
    const built = buildRequestHead(parser, view.path, this.#facts.id, add, edits, this.#attempts.trace);
    const head = pool.affinity === undefined ? built : withOwnCookies(built, pool.affinity);
    const sent = web === undefined ? head : grpcHead(head, web);
    const after = this.#request.intake(parser, buffer, start, end, sent);
    if (after < 0) return this.#refuseAt('bad-framing', end, start);
    if (bodyBytes > 0 && this.#request.payload > bodyBytes) return this.#refuseAt('body-too-large', end, after);
    this.#armTotal(route.timeouts.totalMs);
    counters.pool(pool.slot, P.requests);
    pool.pool.retryBudget.onRequest(this.#startedAt);
    if (this.#request.done) this.#client.requestRead();
    const secure = pool.affinity !== undefined && isSecure(parser, add);
    // What affinity asks of the head it asks now.
    this.#attempts.find(route, pool, view, secure);
    if (this.#isFiltered) {
      this.#run!.forward(this.#request.text);
      this.#run!.headEnds(parser);
    }
    this.#attempts.begin(key);
    return after;
  }

  /** The endpoint speaks HTTP/2: bodies need no framing, and what a browser calls gRPC is translated. */
  #streams(parser: RequestParser): GrpcWeb | undefined {
    const web = this.#client.grpc ? undefined : grpcWebOf(parser.fields.get('content-type'));
    this.#request.start(parser.bodyLength, true, web?.text === true);
    if (web !== undefined) this.#response = new GrpcWebSink(this.#response, web);
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
    this.#pool = undefined;
    this.#isFiltered = false;
    this.#held = undefined;
    this.#wanted = undefined;
    if (this.#answer?.isEmpty === false) this.#answer.clear();
    this.#facts.take(parser, handler.config.forwarded.requestId === '' ? '' : this.#ctx.requestId());
    this.#attempts.reset();
    this.#leavesAside = false;
    this.#response = this.#client.sink;
    this.#response.reset();
    this.#waitsForSink = false;
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

  #answerAt(reply: LocalReply, end: number, start: number): number {
    if (reply.code !== undefined) {
      this.#error = reply.code;
      this.#ctx.counters.error(this.#client.listener.slot, reply.code);
    }
    this.#respond(reply, this.#mustClose());
    return this.#request.done ? start : end;
  }

  onRefused(code: ErrorCode): void {
    this.#reply(code);
  }

  onUpstreamReady(upstream: Upstream): void {
    const { connection } = this.#pool!.config;
    this.#leavesAside = false;
    const first = this.#attempts.count === 1 && upstream.served > 0;
    this.#attempts.sent = true;
    this.#sentAt = first ? this.#startedAt : this.#ctx.env.clock.now();
    const batched = connection.pipelining > 1;
    this.#attempts.trace?.spans?.stamp(this.#request, this.#attempts.lease);
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
    if (this.#held !== undefined) {
      this.#keep(this.#held, buffer.subarray(start, end));
      return end;
    }
    const request = this.#request;
    return this.#passBody(request.reader.consume(buffer, start, end), buffer, start, end);
  }

  /** The end of a body that only the client's stream delimits. `trailers`: lines of fields. */
  requestEnd(trailers: string): void {
    if (this.#held !== undefined) return this.#held.end();
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
    const bodyBytes = this.#mostBody;
    if (bodyBytes > 0 && request.payload > bodyBytes) {
      this.#giveUp('body-too-large');
      return end;
    }
    const { upstream } = this.#attempts;
    if (upstream === undefined || upstream.conn.closed) {
      if (request.done) this.#client.requestRead();
      return after;
    }
    const accepted = request.more(upstream, buffer, start);
    if (!accepted) {
      conn.pause();
      upstream.conn.expireIn(this.#pool!.config.connection.bodyIdleMs);
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
    if (this.#isFiltered) {
      this.#sink!.clientDrained();
      if (this.#sink!.isFull) return;
    }
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
    const attempts = this.#attempts;
    this.#firstByteMs = now - this.#sentAt;
    if (parser.status >= 400 && attempts.repeats(parser)) return this.#leaveAside(parser.status, reader.done);
    attempts.calm();
    if (attempts.lease !== undefined) this.#route?.hedge?.learn(this.#firstByteMs);
    if (reader.done) this.#endedAt = now;
    this.#status = parser.status;
    this.#close = this.#mustClose() || endsWithConnection(parser, this.#facts.minor);
    this.#responding = true;
    if (this.#client.grpc) {
      this.#grpcStatus = grpcStatusIn(parser.fields.text);
      this.#client.conn.expireIn(0);
    }
    if (!reader.done) {
      attempts.lease?.answered(parser.status, this.#firstByteMs);
      this.#client.conn.noDelay();
    }
    if (attempts.lease !== undefined && this.#pool!.affinity?.answered !== undefined)
      attempts.answered(parser, this.answer);
    const upstream = attempts.upstream!;
    if (!this.#response.begin(parser, reader, upstream, buffer, start, this.#terms(this.#close))) this.#holdUpstream();
    if (this.#response.endsWithConnection === true) this.#close = true;
    if (this.#isFiltered && this.#sink!.isReplaced) this.#leaveRest(reader.done);
  }

  /** Something else was said: the endpoint has proven what it could, and the rest of its answer is nobody's. */
  #leaveRest(over: boolean): void {
    settleWith({ kind: 'ok', status: this.#status, firstByteMs: this.#firstByteMs }, this.#attempts, this.#ctx);
    this.#status = this.#sink!.status;
    if (over) return;
    const exchange = this.#startedAt;
    queueMicrotask(() => {
      if (this.#done || this.#startedAt !== exchange || this.#attempts.upstream === undefined) return;
      this.#attempts.release();
      if (this.#response.unfinished === true) this.#waitsForSink = true;
      else this.#complete(CANCELLED);
    });
  }

  /** Nothing of this answer goes to the client: the request is sent again, elsewhere. */
  #leaveAside(status: number, over: boolean): void {
    const attempts = this.#attempts;
    const { slot } = attempts.lease!.endpoint;
    this.#leavesAside = over;
    settleWith({ kind: 'ok', status, firstByteMs: this.#firstByteMs }, attempts, this.#ctx);
    attempts.repeat(slot, over);
  }

  sendAgain(upstream: Upstream, lease: Lease): void {
    this.#attempts.trace?.spans?.stamp(this.#request, lease);
    this.#request.send(upstream, false);
  }

  onHedgeTaken(sentAt: number): void {
    this.#attempts.sent = true;
    this.#sentAt = sentAt;
  }

  #terms(close: boolean): ResponseTerms {
    return { minor: this.#facts.minor, close, date: this.#ctx.date(), hsts: this.#handler.hsts, edits: this.#answer };
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
    if (this.#leavesAside) {
      this.#leavesAside = false;
      return;
    }
    this.#attempts.upstream = undefined;
    const status = this.#grpcStatus < 0 ? this.#status : statusOfGrpc(this.#grpcStatus);
    const outcome: Outcome = { kind: 'ok', status, firstByteMs: this.#firstByteMs };
    if (this.#response.unfinished === true) {
      settleWith(outcome, this.#attempts, this.#ctx);
      this.#waitsForSink = true;
    } else this.#complete(outcome);
  }

  #complete(outcome: Outcome): void {
    this.#finish(outcome);
    this.#client.responded(this.#close, this.#request.done, !this.#facts.keepAlive);
  }

  sinkDrained(): void {
    if (!this.#done && !this.#client.conn.blocked) this.onClientDrain();
  }

  sinkFinished(fault: Error | undefined): void {
    if (this.#done) return;
    if (fault !== undefined) {
      this.#attempts.release();
      return this.#cut('filter-failed');
    }
    if (this.#waitsForSink) this.#complete(CANCELLED);
  }

  /** What is done to the head of the answer, whoever gives it. */
  get answer(): HeadEdits {
    this.#answer ??= new HeadEdits();
    return this.#answer;
  }

  get requestId(): string {
    return this.#facts.id;
  }

  get traceId(): string {
    return this.#attempts.trace?.traceId ?? '';
  }

  get trusted(): boolean {
    return this.#client.additions().trusted;
  }

  get scheme(): 'http' | 'https' {
    return this.#client.additions().proto;
  }

  get listener(): string {
    return this.#handler.config.name;
  }

  get route(): string {
    return this.#route?.name ?? '';
  }

  get pool(): string {
    return this.#pool?.name ?? '';
  }

  get endpoint(): string {
    return this.#attempts.endpointId;
  }

  isLast(chain: FilterChain, index: number, view: HeadView): boolean {
    const route = this.#route ?? this.#handler.match(view);
    const pool = this.#pool ?? route?.poolFor(view);
    if (route === undefined || pool === undefined || pool.affinity !== undefined) return false;
    const chains = [this.#handler.filters, route.filters, pool.filters];
    const rest = chains.slice(chains.indexOf(chain) + 1).flatMap((one) => one?.filters ?? []);
    const behind = [...chain.filters.slice(index + 1), ...rest];
    return behind.every((filter) => filter.onRequest === undefined && filter.onResponse === undefined);
  }

  /** For a filter that wants an answer of its own to what this request asks. */
  fetch(view: HeadView, edits: RequestEdits, mostBytes: number, done: (answer: SideAnswer | undefined) => void): void {
    const parser = this.#parser;
    const route = this.#route ?? this.#handler.match(view);
    const pool = this.#pool ?? route?.poolFor(view);
    if (route === undefined || pool === undefined || parser === undefined) return done(undefined);
    const key = pool.keyOf === undefined ? '' : pool.keyOf(view);
    const { trace } = this.#attempts;
    const built = buildRequestHead(parser, view.path, this.#ctx.requestId(), this.#client.additions(), edits, trace);
    // What the client brought along stays with its own request.
    const head = built.replace(OF_BODY, '');
    const totalMs = route.timeouts.firstByteMs;
    new SideRequest(this.#ctx, { pool, key, head, method: view.method, totalMs, mostBytes, done });
  }

  lookUp(name: LookedUp, argument: string, view: HeadView): string {
    return this.#handler.lookUp(name, argument, view, this.#route);
  }

  onUpgraded(parser: ResponseParser, buffer: Buffer, start: number, end: number): void {
    const { upstream, lease } = this.#attempts;
    this.#attempts.calm();
    const edits = this.#pool!.affinity?.answered === undefined ? undefined : new HeadEdits();
    if (edits !== undefined) this.#attempts.answered(parser, edits);
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
      edits,
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
    this.#respond(replyTo(code, this.#pool?.config), close);
  }

  #respond(reply: LocalReply, close: boolean): void {
    this.#status = reply.status;
    if (reply.stream !== undefined) return this.#serve(reply, reply.stream);
    if (this.#request.done) this.#client.requestRead();
    this.#responding = true;
    this.#close = close;
    this.#response.local(reply, this.#facts.id, this.isHead, this.#terms(close));
    if (this.#done) return;
    if (this.#isFiltered && this.#sink!.isReplaced) this.#status = this.#sink!.status;
    if (this.#response.endsWithConnection === true) this.#close = true;
    if (this.#response.unfinished === true) this.#waitsForSink = true;
    else this.#complete(CANCELLED);
  }

  /** An answer of our own that comes in pieces takes the way of an endpoint's. */
  #serve(reply: LocalReply, source: BodySource): void {
    if (this.#request.done) this.#client.requestRead();
    const upstream = new LocalUpstream(this, source);
    this.#attempts.upstream = upstream;
    this.#sentAt = this.#startedAt;
    const fields = localFields(reply, { hsts: '', edits: undefined });
    upstream.begin(
      `HTTP/1.1 ${reply.status} ${reasonOf(reply.status)}\r\n${fields}Content-Length: ${source.length}\r\n\r\n`,
    );
  }

  #finish(outcome: Outcome): void {
    if (this.#done) return;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#letGo();
    this.#parser = undefined;
    this.#request.drop();
    this.#request.unstream(true);
    settleWith(outcome, this.#attempts, this.#ctx);
    this.#account();
  }

  /** The next request gets a run of its own: whoever still works on this one must not meet it. */
  #retireRun(): void {
    this.#wasHeld = false;
    this.#run!.retire();
    this.#run = undefined;
    this.#sink = undefined;
    this.#isFiltered = false;
  }

  #account(): void {
    const ctx = this.#ctx;
    const { listener } = this.#client;
    const durationMs = (this.#endedAt === 0 ? ctx.env.clock.now() : this.#endedAt) - this.#startedAt;
    const { bytesOut } = this.#response;
    if (this.#grpcStatus >= 0) ctx.counters.listener(listener.slot, L.grpcStatus + this.#grpcStatus);
    countFinished(ctx, listener.slot, this.#status, this.#route, this.#pool, durationMs, bytesOut);
    const identity = this.#isFiltered ? this.#run!.identity : '';
    if (this.#isFiltered) {
      this.#sink!.cancel();
      this.#run!.done({ status: this.#status, error: this.#error, durationMs });
      if (this.#wasHeld) this.#retireRun();
    }
    if (this.#pool?.variant !== undefined) {
      const status = this.#grpcStatus < 0 ? this.#status : statusOfGrpc(this.#grpcStatus);
      countVariant(ctx, this.#pool, status, durationMs);
    }
    if (ctx.log === undefined && this.#attempts.trace?.spans === undefined) return;
    logFinished(ctx, this.#handler.config.name, {
      facts: this.#facts,
      attempts: this.#attempts,
      route: this.#route,
      pool: this.#pool,
      identity,
      status: this.#status,
      error: this.#error,
      durationMs,
      firstByteMs: this.#firstByteMs,
      bytesIn: this.#request.payload,
      bytesOut,
    });
  }
}
