// Owns what the HTTP data path of one worker shares, and the compiled form of one listener's configuration. No logic.

import type { HttpAffinity } from '../affinity/affinity.ts';
import type { HttpLimits, HttpListenerConfig, PoolConfig, RetryPolicy, RouteTimeouts } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { Tracer } from '../core/tracer.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { NetLoop } from '../net/loop.ts';
import type { ProxyTrust } from '../net/proxy-gate.ts';
import type { Pool } from '../pool/pool.ts';
import type { RouteReport } from '../routing/explain.ts';
import type { KnownChallenges } from '../tls/challenges.ts';
import type { TlsTerms } from '../tls/secure.ts';
import type { FilterChain } from './filter-chain.ts';
import type { HeadView } from './head-view.ts';
import type { HedgeDelay } from './hedge.ts';
import type { UpstreamPool, UpstreamTerms } from './upstream-pool.ts';

export type LookedUp = 'capture' | 'map' | 'country' | 'device' | 'variant';

/** A pool as requests use it. */
export interface HttpPool {
  readonly name: string;
  readonly slot: number;
  readonly config: PoolConfig;
  readonly pool: Pool;
  readonly terms: UpstreamTerms;
  readonly affinity: HttpAffinity | undefined;
  /** What the hash kinds hash; undefined when the pool's kind needs no key. */
  readonly keyOf: ((head: HeadView) => string) | undefined;
  /** Undefined without filters. */
  readonly filters: FilterChain | undefined;
  /** Which of a split's variants it stands for; undefined outside of splits. */
  readonly variant: HttpVariant | undefined;
}

export interface HttpVariant {
  readonly name: string;
  /** Row of the counters. */
  readonly slot: number;
}

export interface HttpRoute {
  readonly name: string;
  /** Row of the counters; -1 for none. */
  readonly slot: number;
  /** The pool for this request; undefined where filters were to answer. */
  poolFor(head: HeadView): HttpPool | undefined;
  readonly timeouts: RouteTimeouts;
  /** Undefined: as the pool says. */
  readonly retries: RetryPolicy | undefined;
  readonly hedge: HedgeDelay | undefined;
  readonly filters: FilterChain | undefined;
}

/** One listener under one configuration; a reload swaps it whole. A request keeps the one it began with. */
export interface HttpHandler {
  readonly config: HttpListenerConfig;
  readonly limits: HttpLimits;
  match(head: HeadView): HttpRoute | undefined;
  /** Which routes match, and what keeps the others from it; slow. */
  explain(head: HeadView): readonly RouteReport[];
  /** Before a route is chosen. */
  readonly filters: FilterChain | undefined;
  /** What patterns of the route and tables say of a request; '' for what is not there. */
  lookUp(name: LookedUp, argument: string, head: HeadView, route: HttpRoute | undefined): string;
  isTrusted(address: string): boolean;
  /** Undefined: in the clear. */
  readonly tls: TlsTerms | undefined;
  /** Strict-Transport-Security of every answer; '' for none. */
  readonly hsts: string;
  /** Undefined: nobody may speak the PROXY protocol. */
  readonly proxies: ProxyTrust | undefined;
}

/** What the access log may tell of a finished request. */
export interface RequestRecord {
  readonly listener: string;
  readonly route: string;
  readonly pool: string;
  /** Of a split; '' outside of one. */
  readonly variant: string;
  /** Whom an authentication filter found; '' for nobody. */
  readonly identity: string;
  readonly endpoint: string;
  /** How the endpoint was found; '' without one. Read while the record is written, not later. */
  readonly why: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly status: number;
  readonly error: string;
  readonly attempts: number;
  readonly durationMs: number;
  readonly firstByteMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requestId: string;
  /** '' without tracing. */
  readonly traceId: string;
  readonly userAgent: string;
  readonly referer: string;
}

export interface HttpContext {
  readonly env: Env;
  readonly loop: NetLoop;
  readonly counters: Counters;
  readonly upstreams: UpstreamPool;
  /** Connections by listener and client, over all workers. */
  readonly counts: KeyedCounts;
  /** What certificate authorities may ask. */
  readonly challenges: KnownChallenges;
  /** Called once a request; undefined when nobody listens, which costs nothing. */
  log: ((record: RequestRecord) => void) | undefined;
  /** Undefined: nothing is traced, which costs nothing. */
  tracer: Tracer | undefined;
  /** IMF-fixdate of the current second. */
  date(): string;
  requestId(): string;
}
