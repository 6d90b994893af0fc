// Owns the written form of what balancers share with each other: the address of a Redis, or that and what is shared through it.

import { z } from 'zod';
import { parseRedisUrl } from '../../core/redis-url.ts';
import { duration, integer, isOff, section, shorthand } from '../fields.ts';
import type { ClusterConfig } from '../types.ts';
import { NO_REDIS, type ParsedRedis, redisConfig, redisForm } from './redis.ts';

const health = shorthand(
  { type: 'boolean', description: 'false: each balancer probes every target' },
  (value) => (value === true ? {} : isOff(value) ? null : undefined),
  z
    .strictObject({
      vantages: integer(1, 16).default(3),
      quorum: z.union([z.literal('majority'), integer(1, 16)]).default('majority'),
    })
    .nullable(),
);

export interface ParsedCluster extends ParsedRedis {
  readonly node: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly health: { readonly vantages: number; readonly quorum: number | 'majority' } | null;
  readonly latency: boolean;
  readonly certificates: boolean;
  readonly config: boolean;
}

export const cluster = shorthand(
  { type: ['string', 'boolean'], description: 'the Redis that balancers share, such as redis://10.0.0.5:6379' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { redis: value } : undefined),
  section<ParsedCluster>({
    redis: z.string().refine((url) => parseRedisUrl(url) !== undefined, NO_REDIS),
    prefix: z
      .string()
      .regex(/^[\x21-\x7a|~]{0,64}$/, 'must be at most 64 printable characters without braces')
      .default('evenkeel:'),
    timeout: duration(10, 10_000).default(1000),
    node: z
      .string()
      .regex(/^(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,62})?$/, 'is no name; use letters, digits, "-", "_" and "."')
      .default(''),
    secret: z.string().min(16).max(256).optional(),
    secretFile: z.string().min(1).optional(),
    health: health.prefault({}),
    latency: z.boolean().default(true),
    certificates: z.boolean().default(true),
    config: z.boolean().default(true),
  }).nullable(),
);

export function clusterConfig(parsed: ParsedCluster): ClusterConfig {
  const { health: shared, node, secret = '', secretFile = '', latency, certificates, config } = parsed;
  return {
    redis: redisConfig(parsed),
    node,
    secret,
    secretFile,
    health:
      shared === null
        ? undefined
        : { vantages: shared.vantages, quorum: shared.quorum === 'majority' ? 0 : shared.quorum },
    latency,
    certificates,
    config,
  };
}

/** Secrets are hidden, at a length that is one. */
export function clusterForm({ redis, node, secret, secretFile, health: shared, ...rest }: ClusterConfig): object {
  return {
    ...redisForm(redis),
    node,
    ...(secret === '' ? {} : { secret: 'hidden, not shown' }),
    ...(secretFile === '' ? {} : { secretFile }),
    health: shared === undefined ? false : { ...shared, quorum: shared.quorum === 0 ? 'majority' : shared.quorum },
    ...rest,
  };
}
