// Owns a request of our own to a pool: for whoever needs an answer that no client waits for. It takes the same way as any request,
// lease, connection, retries; the answer is gathered up to a bound, or dropped.

import { P } from '../core/counters.ts';
import type { Timer } from '../core/env.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED } from '../core/outcome.ts';
import { type AttemptedRequest, Attempts, type AttemptTerms } from './attempts.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext, HttpPool } from './context.ts';
import { unframedLines } from './response-head.ts';
import type { Upstream } from './upstream.ts';

export interface SideAnswer {
  readonly status: number;
  /** Lines of fields with CRLF, but for those that say how the body travels. */
  readonly lines: string;
  readonly body: Buffer;
}

export interface SideTerms {
  readonly pool: HttpPool;
  /** Hash key; '' for none. */
  readonly key: string;
  /** Without a body, as it is sent. */
  readonly head: string;
  readonly method: string;
  readonly totalMs: number;
  /** A longer body is a failure. */
  readonly mostBytes: number;
  /** Once. Undefined: there is no answer. */
  readonly done: (answer: SideAnswer | undefined) => void;
}

export class SideRequest implements AttemptedRequest {
  readonly whole = true;
  readonly bare = true;
  readonly requestDone = true;
  readonly wantsUpgrade = false;
  readonly wantsPlainBody = true;
  readonly idleMs = 0;
  readonly #terms: SideTerms;
  readonly #ctx: HttpContext;
  readonly #attempts: Attempts;
  readonly #timer: Timer;
  #status = 0;
  #lines = '';
  #chunked = false;
  readonly #pieces: Buffer[] = [];
  #size = 0;
  #sentAt = 0;
  #firstByteMs = 0;
  #done = false;

  constructor(ctx: HttpContext, terms: SideTerms) {
    this.#ctx = ctx;
    this.#terms = terms;
    this.#attempts = new Attempts(ctx, this);
    this.#timer = ctx.env.clock.after(terms.totalMs, () => this.#give());
    const { pool, key } = terms;
    ctx.counters.pool(pool.slot, P.requests);
    this.#attempts.find(AS_THE_POOL_SAYS, { ...pool, affinity: undefined }, NOBODY, false);
    this.#attempts.begin(key);
  }

  get method(): string {
    return this.#terms.method;
  }

  get isHead(): boolean {
    return this.#terms.method === 'HEAD';
  }

  get firstByteMs(): number {
    return this.#terms.totalMs;
  }

  onRefused(): void {
    this.#end(undefined);
  }

  onUpstreamReady(upstream: Upstream): void {
    this.#attempts.sent = true;
    this.#sentAt = this.#ctx.env.clock.now();
    upstream.send(this.#terms.head);
  }

  sendAgain(upstream: Upstream): void {
    upstream.send(this.#terms.head);
  }

  onHedgeTaken(): void {}

  onInformational(): void {}

  onUpgraded(): void {
    this.#give();
  }

  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void {
    this.#status = parser.status;
    this.#firstByteMs = this.#ctx.env.clock.now() - this.#sentAt;
    this.#lines = unframedLines(parser);
    this.#chunked = parser.bodyLength === -1;
    if (reader.done && parser.bodyLength === 0) return;
    this.#take(reader, buffer, start);
  }

  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void {
    this.#take(reader, buffer, start);
  }

  #take(reader: BodyReader, buffer: Buffer, start: number): void {
    if (this.#done) return;
    if (!this.#chunked) this.#add(buffer, start, reader.verbatimEnd);
    else for (let i = 0; i < reader.runs.length; i += 2) this.#add(buffer, reader.runs[i], reader.runs[i + 1]);
    if (this.#size > this.#terms.mostBytes) this.#give();
  }

  #add(buffer: Buffer, start: number, end: number): void {
    if (end <= start) return;
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.#size += end - start;
  }

  onResponseEnd(): void {
    if (this.#done) return;
    this.#attempts.upstream = undefined;
    this.#attempts.settle({ kind: 'ok', status: this.#status, firstByteMs: this.#firstByteMs });
    this.#end({ status: this.#status, lines: this.#lines, body: Buffer.concat(this.#pieces) });
  }

  onUpstreamDrain(): void {}

  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void {
    const attempts = this.#attempts;
    attempts.upstream = undefined;
    if (this.#done) return;
    attempts.countFailure(code);
    const isStale = reused && code === 'upstream-reset' && !answered;
    if (this.#status === 0 && attempts.failed(code, isStale)) return;
    attempts.settle({ kind: 'failed', error: proxyError(code) });
    this.#end(undefined);
  }

  /** Nobody waits any longer, or it is more than anybody wants. */
  #give(): void {
    if (this.#done) return;
    this.#attempts.release();
    this.#attempts.settle(CANCELLED);
    this.#end(undefined);
  }

  #end(answer: SideAnswer | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#timer.cancel();
    this.#terms.done(answer);
  }
}

const AS_THE_POOL_SAYS: AttemptTerms = {
  retries: undefined,
  timeouts: { firstByteMs: 0, attemptMs: 0, totalMs: 0 },
  hedge: undefined,
};
const NOBODY = { client: '', query: '', header: () => undefined };
