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
import { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpHandler, HttpRoute } from './context.ts';
import { HeadView } from './head-view.ts';
import { localReply } from './reply.ts';
import { buildRequestHead } from './request-head.ts';
import { buildInformationalHead, buildResponseHead, buildUpgradeHead, dechunks, rechunks } from './response-head.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamConn, UpstreamUser } from './upstream-conn.ts';

/** A request up to this size that was at hand at once is kept as text, so that it can be sent again. */
const REPLAY_BYTES = 16 * 1024;
const NONE: readonly number[] = [];
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** What an idempotent request may be tried again after. */
const RETRIABLE = new Set<ErrorCode>(['connect-failed', 'connect-timeout', 'upstream-reset', 'upstream-timeout']);

let headView: HeadView | undefined;

export class Exchange implements UpstreamUser {
  readonly #client: ClientConn;
  readonly #ctx: HttpContext;
  readonly #request = new BodyReader();
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
  /** Head, and the whole body when it was small and at hand. */
  #payload = '';
  #replayable = false;
  /** First piece of a body that could not be joined to the head. */
  #firstBody: Buffer | undefined;
  #firstTail = '';
  #bodyLong = false;
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
  #sentAt = 0;
  #firstByteMs = 0;
  #status = 0;
  /** The response's head has gone to the client. */
  #responding = false;
  #close = false;
  #dechunk = false;
  #rechunk = false;
  #bytesOut = 0;
  #error: ErrorCode | undefined;
  #logged:
    | { host: string; path: string; query: string; userAgent: string; referer: string; client: string }
    | undefined;
  #done = true;

  constructor(client: ClientConn) {
    this.#client = client;
    this.#ctx = client.listener.ctx;
  }

  get firstByteMs(): number {
    return this.#route.timeouts.firstByteMs;
  }

  /** A client of HTTP/1.0 cannot read chunks. */
  get wantsPlainBody(): boolean {
    return this.#minor === 0;
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
    const after = this.#intake(parser, buffer, start, end, buildRequestHead(parser, path, this.#requestId, add));
    if (after < 0) return this.#refuseAt('bad-framing', end, start);
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
    this.#routed = false;
    this.tried = NONE;
    this.#method = parser.method;
    this.isHead = parser.method === 'HEAD';
    this.#minor = parser.minor;
    this.#keepAlive = parser.keepAlive;
    this.#wantsContinue = parser.expectContinue;
    this.#upgrade = parser.upgrade !== '';
    this.#requestId = forwarded.requestId === '' ? '' : this.#ctx.requestId();
    this.#firstBody = undefined;
    this.#firstTail = '';
    this.#sent = false;
    this.#attempts = 0;
    this.#endpoint = '';
    this.#firstByteMs = 0;
    this.#status = 0;
    this.#responding = false;
    this.#close = false;
    this.#bytesOut = 0;
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

  /** Takes what of the body came with the head. Returns the offset after it, or -1 for broken framing. */
  #intake(parser: RequestParser, buffer: Buffer, start: number, end: number, head: string): number {
    const request = this.#request;
    this.#replayable = true;
    this.#payload = head;
    if (request.done) return start;
    const after = request.consume(buffer, start, end);
    if (after < 0) return -1;
    const { verbatimEnd, tail } = request;
    if (request.done && verbatimEnd - start <= REPLAY_BYTES && !parser.expectContinue) {
      this.#payload = head + buffer.latin1Slice(start, verbatimEnd) + tail;
      return after;
    }
    this.#replayable = false;
    if (verbatimEnd > start) this.#firstBody = Buffer.from(buffer.subarray(start, verbatimEnd));
    this.#firstTail = tail;
    if (!request.done) this.#client.conn.pause();
    return after;
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
    return this.#replayable && this.#request.payload === 0 && !this.#upgrade && IDEMPOTENT.has(this.#method);
  }

  onUpstreamReady(upstream: UpstreamConn): void {
    this.#sent = true;
    this.#sentAt = this.#attempts === 1 && upstream.served > 0 ? this.#startedAt : this.#ctx.env.clock.now();
    const { conn } = this.#client;
    if (this.#replayable) {
      if (this.#route.pool.config.connection.pipelining > 1) upstream.sendBatched(this.#payload);
      else upstream.send(this.#payload);
      return;
    }
    const first = this.#firstBody;
    this.#firstBody = undefined;
    let accepted = first === undefined ? upstream.send(this.#payload) : upstream.sendWithBody(this.#payload, first);
    if (this.#firstTail !== '') accepted = upstream.conn.sendText(this.#firstTail) && accepted;
    if (this.#request.done) return;
    conn.expireIn(this.#handler.config.timeouts.bodyIdleMs);
    if (accepted) conn.resume();
  }

  /** More of the request body. Returns the offset after what belongs to it. */
  requestBody(buffer: Buffer, start: number, end: number): number {
    const request = this.#request;
    const { conn } = this.#client;
    const after = request.consume(buffer, start, end);
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
    let accepted = upstream.conn.sendBytes(conn, buffer, start, request.verbatimEnd);
    if (request.tail !== '') accepted = upstream.conn.sendText(request.tail) && accepted;
    if (!accepted) {
      conn.pause();
      upstream.conn.expireIn(this.#route.pool.config.connection.bodyIdleMs);
    }
    if (request.done) {
      if (this.#bodyLong) conn.endBody(conn.paused);
      this.#bodyLong = false;
      conn.expireIn(0);
      conn.resume();
      upstream.requestSent();
      this.#client.requestRead();
    } else {
      conn.expireIn(accepted ? this.#handler.config.timeouts.bodyIdleMs : 0);
      if (!this.#bodyLong) conn.beginBody();
      this.#bodyLong = true;
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
    this.#upstream?.conn.resume();
    if (this.#request.done) this.#client.conn.expireIn(0);
  }

  onInformational(parser: ResponseParser): void {
    if (this.#minor === 0 || (parser.status === 100 && !this.#wantsContinue)) return;
    this.#wantsContinue = false;
    this.#client.send(buildInformationalHead(parser));
  }

  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void {
    const client = this.#client;
    this.#firstByteMs = this.#ctx.env.clock.now() - this.#sentAt;
    this.#status = parser.status;
    this.#rechunk = rechunks(parser, this.#minor);
    this.#dechunk = dechunks(parser, this.#minor);
    const undelimited = this.#minor === 0 && !reader.done && (this.#dechunk || !reader.delimited);
    this.#close = !this.#keepAlive || undelimited || !this.#request.done || client.listener.draining;
    const head = buildResponseHead(parser, this.#minor, this.#close, this.#ctx.date());
    this.#responding = true;
    if (!reader.done) this.#lease!.answered(parser.status, this.#firstByteMs);
    const { verbatimEnd } = reader;
    if (this.#dechunk || this.#rechunk || reader.tail !== '') {
      client.send(head);
      this.onResponseBody(reader, buffer, start);
      return;
    }
    const size = reader.done && parser.bodyLength === 0 ? 0 : verbatimEnd - start;
    this.#count(head.length + size);
    const accepted =
      size === 0 ? client.conn.sendText(head) : client.conn.sendTextAndBytes(head, buffer, start, verbatimEnd);
    if (!accepted) this.#holdUpstream();
  }

  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void {
    const { conn } = this.#client;
    const source = this.#upstream!.conn;
    let accepted = true;
    if (this.#dechunk) accepted = this.#sendPayload(reader, buffer);
    else if (this.#rechunk) {
      const size = reader.verbatimEnd - start;
      if (size > 0) accepted = conn.sendBytes(source, buffer, start, reader.verbatimEnd, `${size.toString(16)}\r\n`);
      this.#count(size);
      if (reader.done) accepted = conn.sendText('0\r\n\r\n') && accepted;
    } else {
      accepted = conn.sendBytes(source, buffer, start, reader.verbatimEnd);
      this.#count(reader.verbatimEnd - start);
      if (reader.tail !== '') accepted = conn.sendText(reader.tail) && accepted;
    }
    if (!accepted) this.#holdUpstream();
  }

  /** For clients of HTTP/1.0: the payload without its chunks. */
  #sendPayload(reader: BodyReader, buffer: Buffer): boolean {
    let accepted = true;
    const { runs } = reader;
    for (let i = 0; i < runs.length; i += 2) {
      accepted = this.#client.conn.sendText(buffer.latin1Slice(runs[i], runs[i + 1])) && accepted;
      this.#count(runs[i + 1] - runs[i]);
    }
    return accepted;
  }

  #count(bytes: number): void {
    this.#bytesOut += bytes;
  }

  /** The client takes no more for now: stop reading, and cut it off if that lasts. */
  #holdUpstream(): void {
    this.#upstream!.conn.pause();
    this.#client.conn.expireIn(this.#handler.config.timeouts.sendIdleMs);
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#finish({ kind: 'ok', status: this.#status, firstByteMs: this.#firstByteMs });
    this.#client.responded(this.#close, this.#request.done);
  }

  onUpgraded(parser: ResponseParser, buffer: Buffer, start: number, end: number): void {
    const upstream = this.#upstream!;
    const client = this.#client;
    const { listener } = client;
    const { counters } = this.#ctx;
    if (!this.#upgrade) {
      upstream.conn.destroy();
      return this.onUpstreamFailed('upstream-malformed', false, false);
    }
    this.#upstream = undefined;
    this.#status = 101;
    this.#firstByteMs = this.#ctx.env.clock.now() - this.#sentAt;
    const lease = this.#lease!;
    this.#lease = undefined;
    lease.answered(101, this.#firstByteMs);
    client.send(buildUpgradeHead(parser));
    const early = client.release();
    counters.listener(listener.slot, L.upgrades);
    counters.listener(listener.slot, L.openUpgrades);
    const { slot } = lease.endpoint;
    const tunnel: Tunnel = new Tunnel(
      client.conn,
      upstream.conn,
      this.#handler.config.timeouts.tunnelIdleMs,
      (bytesIn, bytesOut) => {
        listener.tunnels.delete(tunnel);
        counters.listener(listener.slot, L.openUpgrades, -1);
        counters.listener(listener.slot, L.bytesIn, bytesIn);
        this.#bytesOut += bytesOut;
        lease.settle({ kind: 'ok', status: 101, firstByteMs: this.#firstByteMs });
        counters.endpoint(slot, E.status1xx);
        this.#account();
      },
    );
    listener.tunnels.add(tunnel);
    tunnel.feedUpstream(buffer, start, end);
    if (early !== undefined) tunnel.feedClient(early, 0, early.length);
  }

  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void {
    this.#upstream = undefined;
    // An idle connection that dies under us proves nothing about its endpoint, and nothing was done with the request.
    const stale = reused && code === 'upstream-reset' && !answered;
    const lease = this.#lease!;
    this.#error = code;
    this.#countFailure(lease.endpoint.slot, code);
    if (this.#responding) return this.#cut(code);
    if (stale && this.#mayResend()) {
      this.#lease = undefined;
      this.#attempts--;
      // Same endpoint, same lease's place: only the connection was at fault.
      this.#attempt(lease, true);
      return;
    }
    this.#settle(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
    if (!this.#mayRetry(code)) return this.#reply(code);
    this.tried = [...this.tried, lease.endpoint.slot];
    const { backoffMs } = this.#route.pool.config.retries;
    this.#ctx.counters.pool(this.#route.pool.slot, P.retries);
    const delay = backoffMs * (0.5 + this.#ctx.env.random.unit());
    this.#timer = this.#ctx.env.clock.after(delay, () => {
      this.#timer = undefined;
      this.#acquire();
    });
  }

  /** Nothing that left could be missing when the request is sent again. */
  #mayResend(): boolean {
    return this.#replayable || !this.#sent;
  }

  #mayRetry(code: ErrorCode): boolean {
    const { config, pool, slot } = this.#route.pool;
    if (this.#attempts > config.retries.attempts || !this.#mayResend()) return false;
    const safe = ERRORS[code].retry === 'safe' || (IDEMPOTENT.has(this.#method) && RETRIABLE.has(code));
    if (!safe) return false;
    if (pool.retryBudget.tryRetry(this.#ctx.env.clock.now())) return true;
    this.#ctx.counters.pool(slot, P.retriesDenied);
    return false;
  }

  #countFailure(slot: number, code: ErrorCode): void {
    const { counters } = this.#ctx;
    if (code === 'connect-failed' || code === 'connect-timeout') counters.endpoint(slot, E.connectFailed);
    else if (code === 'upstream-timeout' || code === 'upstream-stalled') counters.endpoint(slot, E.timeout);
    else if (code === 'upstream-malformed') counters.endpoint(slot, E.malformed);
    else counters.endpoint(slot, E.reset);
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
    const close = !this.#keepAlive || !this.#request.done || client.listener.draining;
    this.#status = allDown !== undefined && code === 'pool-down' ? allDown.status : kind.status;
    const retryAfterSeconds = allDown?.retryAfterSeconds;
    const reply = { status: this.#status, code, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    const text = localReply(reply, this.#requestId, close, this.isHead, this.#ctx.date());
    this.#count(text.length);
    client.conn.sendText(text);
    this.#finish(CANCELLED);
    client.responded(close, this.#request.done);
  }

  #finish(outcome: Outcome): void {
    if (this.#done) return;
    this.#done = true;
    this.#total?.cancel();
    this.#total = undefined;
    this.#payload = '';
    this.#firstBody = undefined;
    if (this.#bodyLong) this.#client.conn.endBody(true);
    this.#bodyLong = false;
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
    const durationMs = env.clock.now() - this.#startedAt;
    if (this.#status !== 0) {
      counters.listener(slot, statusColumn(L.status1xx, this.#status));
      if (this.#routed && this.#status !== 101) counters.duration(this.#route.pool.slot, durationMs);
    }
    counters.listener(slot, L.bytesOut, this.#bytesOut);
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
      bytesOut: this.#bytesOut,
      requestId: this.#requestId,
    });
  }
}

function statusColumn(first: number, status: number): number {
  return first + Math.floor(status / 100) - 1;
}
