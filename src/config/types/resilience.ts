// Owns the normalized form of what is done about endpoints that fail or are slow: retries, hedging, breakers, adaptive limits.

/** What may happen to an attempt before anything of its answer came. */
export type RetryFailure = 'connect-failure' | 'reset' | 'timeout';

/** When a request is sent again, and how often. */
export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly attempts: number;
  /** Before the first retry; doubles with each, with jitter. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly on: RetryOn;
  /** Upper case: those that may be repeated although an endpoint may have acted on them. */
  readonly methods: readonly string[];
  /** A request with the field Idempotency-Key may be repeated, whatever its method. */
  readonly idempotencyKey: boolean;
  /** An answer that says Retry-After is waited for up to this; one that says more goes to the client. */
  readonly maxRetryAfterMs: number;
}

export interface RetryOn {
  readonly failures: readonly RetryFailure[];
  /** Inclusive ranges of statuses of answers. */
  readonly status: readonly (readonly [number, number])[];
}

export interface RetryConfig extends RetryPolicy {
  /** Retries may be this share of the requests ... */
  readonly budget: number;
  /** ... but this many a second are always allowed. */
  readonly budgetMin: number;
}

/** A second attempt while the first is still silent. */
export interface HedgeConfig {
  readonly after:
    | { readonly kind: 'fixed'; readonly ms: number }
    /** Of the times to the first byte that this route saw. */
    | { readonly kind: 'percentile'; readonly percent: number };
  /** Never sooner, whatever the percentile is. */
  readonly atLeastMs: number;
}

export interface BreakerConfig {
  /** Of the pool as a whole, of each endpoint, or of both. */
  readonly scope: 'pool' | 'endpoint' | 'both';
  /** Share of failed attempts within the window that opens it. */
  readonly errors: number;
  /** Inclusive ranges of statuses that are failures. */
  readonly status: readonly (readonly [number, number])[];
  /** Answers and failures within the window below which nothing is concluded. */
  readonly minRequests: number;
  readonly windowMs: number;
  readonly latency: BreakerLatency | undefined;
  readonly openMs: number;
  /** Requests that are let through to find out, all of which must succeed. */
  readonly halfOpen: number;
}

export interface BreakerLatency {
  /** To the first byte. */
  readonly aboveMs: number;
  readonly share: number;
}

/** The limit in flight of each endpoint follows its times to the first byte. */
export interface AdaptiveConfig {
  readonly min: number;
  readonly max: number;
  readonly start: number;
  /** How much slower than usual is still no sign of a queue, 1 and above. */
  readonly tolerance: number;
}
