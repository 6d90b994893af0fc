// Owns the normalized form of pools and their endpoints.

import type { Address } from '../../core/address.ts';
import type { AffinityConfig } from './affinity.ts';
import type { AutoscaleConfig } from './autoscale.ts';
import type { DiscoverConfig } from './discovery.ts';
import type { FilterEntry } from './filters.ts';
import type { HealthConfig, PassiveConfig } from './health.ts';
import type { AdaptiveConfig, BreakerConfig, RetryConfig } from './resilience.ts';
import type { UpstreamTlsConfig } from './tls.ts';

export interface PoolConfig {
  readonly name: string;
  readonly balance: BalanceConfig;
  readonly endpoints: readonly EndpointConfig[];
  /** Of endpoints that come later and say nothing of their own. */
  readonly maxInFlight: number;
  readonly maxRate: number;
  /** Where more endpoints are found out; empty for nowhere. */
  readonly discover: readonly DiscoverConfig[];
  /** Undefined: endpoints are as many as are written and found. */
  readonly autoscale: AutoscaleConfig | undefined;
  readonly health: HealthConfig | undefined;
  readonly passive: PassiveConfig | undefined;
  readonly slowStart: SlowStartConfig | undefined;
  readonly panic: PanicConfig | undefined;
  readonly allDown: AllDownConfig;
  readonly zones: 'prefer-own' | 'ignore';
  readonly queue: QueueConfig;
  readonly retries: RetryConfig;
  /** Undefined: failures are counted by `passive` alone. */
  readonly breaker: BreakerConfig | undefined;
  /** Undefined: limits in flight are what endpoints say. Otherwise those are the upper ends. */
  readonly adaptive: AdaptiveConfig | undefined;
  readonly connection: UpstreamConnectionConfig;
  /** What endpoints speak. */
  readonly protocol: 'http1' | 'h2';
  /** Undefined: in the clear. */
  readonly tls: UpstreamTlsConfig | undefined;
  /** Sent to every endpoint at the start of a connection, or in front of a datagram; layer 4 only. */
  readonly proxyProtocol: ProxyProtocolOutConfig | undefined;
  /** What picks endpoints for upgraded connections (WebSockets), which last: fewest open ones, or the pool's `balance`. */
  readonly upgrades: 'least-connections' | 'balance';
  /** Session persistence; undefined when every request (layer 4: connection) is picked anew. */
  readonly affinity: AffinityConfig | undefined;
  /** Behind those of listener and route; HTTP only. */
  readonly filters: readonly FilterEntry[];
}

export interface ProxyProtocolOutConfig {
  readonly version: 1 | 2;
  /** Pass on what TLVs the client's own header brought (version 2). */
  readonly tlvs: boolean;
}

export interface BalanceConfig {
  /** Name of a balancing kind. */
  readonly kind: string;
  /** Where the key of hash kinds comes from. */
  readonly key: KeySource;
  /** The kind's own options, already checked against its schema. */
  readonly options: Readonly<Record<string, unknown>>;
}

export type KeySource =
  | { readonly from: 'source' }
  | { readonly from: 'path' }
  | { readonly from: 'sni' }
  | { readonly from: 'header' | 'cookie' | 'query'; readonly name: string };

export interface EndpointConfig {
  readonly address: Address;
  /** 0 means configured but not picked. */
  readonly weight: number;
  /** 0 = first choice, higher = backup. */
  readonly tier: number;
  readonly zone: string;
  /** Requests (layer 4: connections) in flight at once, over all workers; 0 means no limit. */
  readonly maxInFlight: number;
  /** New requests (layer 4: connections) within any second, over all workers; 0 means no limit. */
  readonly maxRate: number;
}

export interface SlowStartConfig {
  readonly windowMs: number;
  /** weight × max(10 %, t^(1/aggression)), t = share of the window that has passed. */
  readonly aggression: number;
}

export interface PanicConfig {
  /** Below this share of usable endpoints the pool ignores health and uses all of them, 0-1. */
  readonly below: number;
}

export interface AllDownConfig {
  readonly status: number;
  readonly retryAfterSeconds: number;
}

export interface QueueConfig {
  /** Requests that may wait for an endpoint below its limit, per worker; 0 means refuse at once. */
  readonly size: number;
  readonly timeoutMs: number;
}

export interface UpstreamConnectionConfig {
  readonly connectTimeoutMs: number;
  /** Between two reads of a response body. */
  readonly bodyIdleMs: number;
  readonly idleMs: number;
  readonly maxAgeMs: number;
  /** Idle connections kept per endpoint and worker. */
  readonly maxIdle: number;
  /** Requests sent on one connection before its first answer; 1 means no pipelining. */
  readonly pipelining: number;
  /** HTTP/2: requests at once on one connection; the endpoint may allow less. */
  readonly streams: number;
}
