// Owns the normalized configuration: short forms expanded, defaults filled in, durations in ms, sizes in bytes.
// What `schema.ts` produces and everything else reads. Plain data, so that it can be sent to worker threads.

import type { AcmeConfig } from './types/acme.ts';
import type { AdminConfig } from './types/admin.ts';
import type { ClusterConfig } from './types/cluster.ts';
import type { DnsConfig } from './types/dns.ts';
import type { CacheConfig } from './types/filters.ts';
import type { GeoConfig } from './types/geo.ts';
import type { LatencyConfig } from './types/latency.ts';
import type { ListenerConfig } from './types/listener.ts';
import type { PoolConfig } from './types/pool.ts';
import type { SiteConfig } from './types/site.ts';
import type { PolicyConfig } from './types/steering.ts';
import type { TableConfig } from './types/table.ts';
import type { TracingConfig } from './types/tracing.ts';

export type * from './types/acme.ts';
export type * from './types/admin.ts';
export type * from './types/affinity.ts';
export type * from './types/autoscale.ts';
export type * from './types/cluster.ts';
export type * from './types/discovery.ts';
export type * from './types/dns.ts';
export type * from './types/filters.ts';
export type * from './types/geo.ts';
export type * from './types/health.ts';
export type * from './types/latency.ts';
export type * from './types/listener.ts';
export type * from './types/pool.ts';
export type * from './types/redis.ts';
export type * from './types/resilience.ts';
export type * from './types/route.ts';
export type * from './types/site.ts';
export type * from './types/split.ts';
export type * from './types/steering.ts';
export type * from './types/table.ts';
export type * from './types/tls.ts';
export type * from './types/tracing.ts';

export interface Config {
  readonly listeners: Readonly<Record<string, ListenerConfig>>;
  readonly pools: Readonly<Record<string, PoolConfig>>;
  /** Where filters keep answers; there is always one that is named `default`. */
  readonly caches: Readonly<Record<string, CacheConfig>>;
  /** From something of a request to a value; routes and pools ask them. */
  readonly maps: Readonly<Record<string, TableConfig>>;
  /** Where certificates are obtained from; undefined: nowhere. */
  readonly acme: AcmeConfig | undefined;
  readonly dns: DnsConfig | undefined;
  /** Where clients are looked up, if some policy asks. */
  readonly geo: GeoConfig;
  /** Places that DNS answers choose among. */
  readonly sites: Readonly<Record<string, SiteConfig>>;
  readonly policies: Readonly<Record<string, PolicyConfig>>;
  /** The one of `sites` that this balancer stands in, and measures for; '' when unset. */
  readonly site: string;
  readonly latency: LatencyConfig;
  readonly admin: AdminConfig | undefined;
  /** Undefined: this balancer is alone. */
  readonly cluster: ClusterConfig | undefined;
  readonly workers: number | 'auto';
  /** This balancer's own zone, preferred when endpoints have zones; '' when unset. */
  readonly zone: string;
  /** CIDRs whose X-Forwarded-* and Forwarded fields are believed. */
  readonly trustedProxies: readonly string[];
  readonly accessLog: AccessLogConfig | undefined;
  /** Undefined: off. */
  readonly tracing: TracingConfig | undefined;
  readonly drain: DrainConfig;
}

export interface DrainConfig {
  /** How long running requests may take to finish. */
  readonly requestsMs: number;
  /** How long upgraded connections (WebSockets) may go on. */
  readonly streamsMs: number;
}

export interface AccessLogConfig {
  /** `stdout`, `stderr` or a path. */
  readonly to: string;
  readonly fields: readonly string[];
  /** Share of requests that are logged, 0-1; failed ones always are. */
  readonly sample: number;
}
