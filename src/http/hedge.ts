// Owns the second attempt of a request whose first one is silent for too long: its own lease and its own way to another
// endpoint. Whichever head comes first wins; the other is given up, and no failure is counted against it.
//
//   racing ──its head comes first, or the first attempt failed──▶ taken: what it hears is the request's
//      └── the first attempt's head came, it failed itself, or nobody waits any more ──▶ over

import type { HedgeConfig } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import { E } from '../core/counters.ts';
import type { Clock } from '../core/env.ts';
import { type ErrorCode, proxyError } from '../core/error.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import { QuantileEstimate } from '../limits/quantile.ts';
import type { Lease } from '../pool/lease.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import { countFailure } from './retry.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

/** The request that is hedged. */
export interface HedgedRequest extends UpstreamUser {
  /** Sends the whole request once more; the first one is not forgotten. */
  sendAgain(upstream: Upstream, lease: Lease): void;
}

export interface HedgeOwner {
  /** It has a head, and is the request's attempt from now on. */
  won(hedge: Hedge): void;
  /** It failed, or answered what nobody wants. */
  lost(hedge: Hedge): void;
  /** In either case, or when nobody waits for it: its lease is settled. */
  ended(hedge: Hedge, outcome: Outcome): void;
}

export class Hedge implements UpstreamUser {
  readonly lease: Lease;
  upstream: Upstream | undefined;
  /** Monotonic ms; 0 before it was sent. */
  sentAt = 0;
  readonly #request: HedgedRequest;
  readonly #owner: HedgeOwner;
  readonly #clock: Clock;
  readonly #counters: Counters;
  #state: 'racing' | 'taken' | 'over' = 'racing';

  constructor(lease: Lease, request: HedgedRequest, owner: HedgeOwner, clock: Clock, counters: Counters) {
    this.lease = lease;
    this.#request = request;
    this.#owner = owner;
    this.#clock = clock;
    this.#counters = counters;
  }

  begin(upstream: Upstream): void {
    this.upstream = upstream;
    upstream.assign(this);
  }

  /** From now on it is the request's own attempt. */
  take(): void {
    this.#state = 'taken';
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.#state !== 'racing') return;
    this.#counters.endpoint(this.lease.endpoint.slot, E.cancelled);
    this.#end(CANCELLED);
  }

  #end(outcome: Outcome): void {
    this.#state = 'over';
    const { upstream } = this;
    this.upstream = undefined;
    upstream?.abandon(this);
    this.#owner.ended(this, outcome);
    this.lease.settle(outcome);
  }

  get isHead(): boolean {
    return this.#request.isHead;
  }

  get requestDone(): boolean {
    return true;
  }

  get wantsUpgrade(): boolean {
    return false;
  }

  get wantsPlainBody(): boolean {
    return this.#request.wantsPlainBody;
  }

  get firstByteMs(): number {
    return this.#request.firstByteMs;
  }

  get idleMs(): number {
    return this.#request.idleMs;
  }

  onUpstreamReady(upstream: Upstream): void {
    if (this.#state === 'taken') return this.#request.onUpstreamReady(upstream);
    this.sentAt = this.#clock.now();
    this.#request.sendAgain(upstream, this.lease);
  }

  onInformational(parser: ResponseParser): void {
    if (this.#state === 'taken') this.#request.onInformational(parser);
  }

  onUpgraded(): void {
    throw new Error('a request for another protocol is never hedged');
  }

  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void {
    if (this.#state === 'racing') {
      // A quick error must not beat an answer that is only slow.
      if (parser.status >= 500) return this.#refuse(parser.status);
      this.#owner.won(this);
    }
    if (this.#state === 'taken') this.#request.onResponse(parser, reader, buffer, start);
  }

  #refuse(status: number): void {
    this.#counters.endpoint(this.lease.endpoint.slot, E.status5xx);
    this.#end({ kind: 'ok', status, firstByteMs: this.#clock.now() - this.sentAt });
    this.#owner.lost(this);
  }

  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void {
    if (this.#state === 'taken') this.#request.onResponseBody(reader, buffer, start);
  }

  onResponseEnd(): void {
    if (this.#state === 'taken') this.#request.onResponseEnd();
  }

  onUpstreamDrain(): void {
    if (this.#state === 'taken') this.#request.onUpstreamDrain();
  }

  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void {
    if (this.#state === 'taken') return this.#request.onUpstreamFailed(code, answered, reused);
    if (this.#state === 'over') return;
    this.upstream = undefined;
    const stale = reused && code === 'upstream-reset' && !answered;
    if (!stale) countFailure(this.#counters, this.lease.endpoint.slot, code);
    this.#end(stale ? CANCELLED : { kind: 'failed', error: proxyError(code) });
    this.#owner.lost(this);
  }
}

/** When a route hedges: after a fixed time, or after what most of its answers take. One a route and worker. */
export class HedgeDelay {
  readonly #config: HedgeConfig;
  readonly #estimate: QuantileEstimate | undefined;

  constructor(config: HedgeConfig) {
    this.#config = config;
    this.#estimate = config.after.kind === 'percentile' ? new QuantileEstimate() : undefined;
  }

  /** Undefined: nothing is known yet. */
  get ms(): number | undefined {
    const { after, atLeastMs } = this.#config;
    const ms = after.kind === 'fixed' ? after.ms : this.#estimate!.at(after.percent / 100);
    return ms === undefined ? undefined : Math.max(ms, atLeastMs);
  }

  /** How long a first byte took. */
  learn(firstByteMs: number): void {
    this.#estimate?.add(firstByteMs);
  }
}
