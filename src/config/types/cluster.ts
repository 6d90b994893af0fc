// Owns the normalized form of what balancers share with each other.

import type { RedisConfig } from './redis.ts';

export interface ClusterConfig {
  readonly redis: RedisConfig;
  /** '': the name of the machine, with something of chance behind it. */
  readonly node: string;
  /** What all of them know and nobody else; '' for none. */
  readonly secret: string;
  readonly secretFile: string;
  /** Undefined: each probes for itself. */
  readonly health: VantageConfig | undefined;
  readonly latency: boolean;
  readonly certificates: boolean;
  readonly config: boolean;
}

export interface VantageConfig {
  /** So many balancers probe each target. */
  readonly vantages: number;
  /** So many of them must agree; 0: more than half. */
  readonly quorum: number;
}
