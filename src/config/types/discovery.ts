// Owns the normalized form of where a pool's endpoints are found out.

import type { Address } from '../../core/address.ts';

/** What an endpoint is unless its source says otherwise. */
export interface DiscoveredDefaults {
  readonly weight: number;
  readonly tier: number;
  readonly zone: string;
  readonly maxInFlight: number;
  readonly maxRate: number;
}

interface Common {
  readonly defaults: DiscoveredDefaults;
  /** Between two looks, or the longest time that one waits for news. */
  readonly intervalMs: number;
  /** For one answer. */
  readonly timeoutMs: number;
}

/** How an HTTP API is spoken to. */
export interface ApiConfig {
  /** `http://…`, `https://…` or `unix:/path`. */
  readonly url: string;
  /** File with the authorities that are trusted; '' for the system's. */
  readonly ca: string;
  /** File, or environment variable, with a token; '' for none. Read again for each request. */
  readonly tokenFile: string;
  readonly tokenEnv: string;
}

export interface FileDiscover extends Common {
  readonly kind: 'file';
  readonly path: string;
}

export interface HttpDiscover extends Common {
  readonly kind: 'http';
  readonly api: ApiConfig;
}

export interface DnsDiscover extends Common {
  readonly kind: 'dns';
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'both' | 'SRV';
  /** 0 for SRV. */
  readonly port: number;
  /** Empty: the system's. */
  readonly resolvers: readonly Address[];
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
}

export interface DockerDiscover extends Common {
  readonly kind: 'docker';
  readonly api: ApiConfig;
  /** `name=value` or `name`. */
  readonly label: string;
  /** 0: the container's label `evenkeel.port`, or its only port. */
  readonly port: number;
  /** '': the container's only network. */
  readonly network: string;
}

export interface KubernetesDiscover extends Common {
  readonly kind: 'kubernetes';
  /** Undefined: as a pod finds it. */
  readonly api: ApiConfig | undefined;
  readonly namespace: string;
  readonly service: string;
  /** Name or number; '' when the service has one port only. */
  readonly port: string;
}

export interface ConsulDiscover extends Common {
  readonly kind: 'consul';
  readonly api: ApiConfig;
  readonly service: string;
  readonly tags: readonly string[];
  /** '': the agent's. */
  readonly datacenter: string;
}

export interface EtcdDiscover extends Common {
  readonly kind: 'etcd';
  readonly api: ApiConfig;
  readonly prefix: string;
}

export interface RedisDiscover extends Common {
  readonly kind: 'redis';
  /** `redis://` or `rediss://`, perhaps with a password. */
  readonly url: string;
  readonly key: string;
}

export type DiscoverConfig =
  | FileDiscover
  | HttpDiscover
  | DnsDiscover
  | DockerDiscover
  | KubernetesDiscover
  | ConsulDiscover
  | EtcdDiscover
  | RedisDiscover;
