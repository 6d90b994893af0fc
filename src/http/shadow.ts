// Owns requests that nobody waits for: a copy goes to an endpoint of some pool and its answer is dropped. They never queue,
// are never tried again, end after a time, and are bounded by whoever sends them.

import { E, P } from '../core/counters.ts';
import type { Timer } from '../core/env.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import type { Lease } from '../pool/lease.ts';
import type { Pool } from '../pool/pool.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HttpContext } from './context.ts';
import { countFailure } from './retry.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';
import type { UpstreamTerms } from './upstream-pool.ts';

/** What of a pool it takes. */
export interface ShadowPool {
  readonly slot: number;
  readonly pool: Pool;
  readonly terms: UpstreamTerms;
}

export interface Copy {
  /** Head and body, the head in the form of HTTP/1. */
  readonly text: string;
  readonly method: string;
  /** What the pool hashes, if it does. */
  readonly key: string;
  readonly timeoutMs: number;
}

/** Where copies go; one for each filter that sends some. */
export interface Shadow {
  /** False: nobody takes it now. `done` is called once after true, when it is over. */
  send(copy: Copy, done: (answered: boolean) => void): boolean;
  /** Gives up what is under way. */
  close(): void;
}

export function shadowOf(ctx: HttpContext, { slot, pool, terms }: ShadowPool): Shadow {
  const running = new Set<ShadowRequest>();
  return {
    send(copy, done) {
      const lease = pool.acquire({ key: copy.key, tried: [] });
      if (lease.refused) return false;
      ctx.counters.pool(slot, P.requests);
      const request = new ShadowRequest(ctx, copy, lease, (answered) => {
        running.delete(request);
        done(answered);
      });
      running.add(request);
      const { upstreams, counters } = ctx;
      const { endpoint } = lease;
      const upstream =
        pool.config.protocol === 'h2' ? upstreams.takeStream(endpoint, terms) : upstreams.take(endpoint, terms, false);
      counters.endpoint(endpoint.slot, E.requests);
      counters.endpoint(endpoint.slot, upstream.connected ? E.reuses : E.connects);
      request.begin(upstream);
      return true;
    },
    close() {
      for (const request of running) request.giveUp();
    },
  };
}

class ShadowRequest implements UpstreamUser {
  readonly requestDone = true;
  readonly wantsUpgrade = false;
  readonly wantsPlainBody = false;
  readonly idleMs = 0;
  readonly firstByteMs: number;
  readonly isHead: boolean;
  readonly #ctx: HttpContext;
  readonly #text: string;
  readonly #lease: Lease;
  readonly #done: (answered: boolean) => void;
  #upstream: Upstream | undefined;
  #limit: Timer | undefined;
  #sentAt = 0;
  #status = 0;
  #firstByte = 0;
  #over = false;

  constructor(ctx: HttpContext, { text, method, timeoutMs }: Copy, lease: Lease, done: (answered: boolean) => void) {
    this.#ctx = ctx;
    this.#text = text;
    this.#lease = lease;
    this.#done = done;
    this.isHead = method === 'HEAD';
    this.firstByteMs = timeoutMs;
    this.#limit = ctx.env.clock.after(timeoutMs, () => this.#late());
  }

  begin(upstream: Upstream): void {
    this.#upstream = upstream;
    upstream.assign(this);
  }

  giveUp(): void {
    this.#abandon();
    this.#end(CANCELLED, false);
  }

  #late(): void {
    this.#limit = undefined;
    // Whoever has begun to answer only answers at length.
    if (this.#status > 0) return this.giveUp();
    this.#abandon();
    this.onUpstreamFailed('upstream-timeout');
  }

  #abandon(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.abandon(this);
  }

  #end(outcome: Outcome, answered: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#limit?.cancel();
    this.#upstream = undefined;
    this.#lease.settle(outcome);
    this.#done(answered);
  }

  onUpstreamReady(upstream: Upstream): void {
    this.#sentAt = this.#ctx.env.clock.now();
    upstream.send(this.#text);
  }

  onResponse({ status }: ResponseParser, _reader: BodyReader, _buffer: Buffer, _start: number): void {
    this.#status = status;
    this.#firstByte = this.#ctx.env.clock.now() - this.#sentAt;
  }

  onResponseEnd(): void {
    const { slot } = this.#lease.endpoint;
    this.#ctx.counters.endpoint(slot, E.status1xx + Math.floor(this.#status / 100) - 1);
    this.#end({ kind: 'ok', status: this.#status, firstByteMs: this.#firstByte }, true);
  }

  onUpstreamFailed(code: ErrorCode): void {
    if (this.#over) return;
    countFailure(this.#ctx.counters, this.#lease.endpoint.slot, code);
    this.#end({ kind: 'failed', error: proxyError(code) }, false);
  }

  onInformational(): void {}
  onUpgraded(): void {}
  onResponseBody(): void {}
  onUpstreamDrain(): void {}
}
