// Owns the written form of a pool: endpoints, algorithm, and what it does when things go wrong.

import { z } from 'zod';
import { duration, integer, isOff, section, share, shorthand } from '../fields.ts';
import type { QueueConfig, SlowStartConfig, UpstreamConnectionConfig } from '../types.ts';
import { affinity } from './affinity.ts';
import { autoscale } from './autoscale.ts';
import { balance, type Kinds } from './balance.ts';
import { discover } from './discovery.ts';
import { endpoint } from './endpoint.ts';
import { filters } from './filters.ts';
import { health, passive } from './health.ts';
import { adaptive, breaker, retries } from './resilience.ts';
import { upstreamTls } from './tls.ts';

const proxyProtocol = shorthand(
  { enum: [false, 'off', 'v1', 'v2'] },
  (value) => {
    if (isOff(value)) return null;
    if (value === true) return { version: 2 };
    return value === 'v1' || value === 'v2' ? { version: Number(value[1]) } : undefined;
  },
  z.strictObject({ version: z.union([z.literal(1), z.literal(2)]), tlvs: z.boolean().default(true) }).nullable(),
).optional();

export function pool(kinds: Kinds) {
  return z.strictObject({
    balance: balance(kinds).prefault({ kind: 'round-robin' } as never),
    endpoints: z.array(endpoint).default([]),
    discover,
    autoscale: autoscale.optional(),
    maxInFlight: z.union([integer(0, 1_000_000_000), z.literal('auto')]).default(0),
    maxRate: integer(0, 1_000_000_000).default(0),
    health: health.optional(),
    passive: passive.prefault({}),
    slowStart: shorthand(
      { type: 'string', description: 'window, such as 30s' },
      (value) => (isOff(value) ? null : typeof value === 'string' ? { window: value } : undefined),
      section<SlowStartConfig>({ window: duration(1), aggression: z.number().min(0.1).max(10).default(1) }).nullable(),
    ).optional(),
    panic: shorthand(
      { type: 'string', description: 'share of usable endpoints, such as 50%' },
      (value) =>
        isOff(value) ? null : typeof value === 'string' || typeof value === 'number' ? { below: value } : undefined,
      z.strictObject({ below: share() }).nullable(),
    ).optional(),
    allDown: section<{ status: number; retryAfterMs: number }>({
      status: integer(500, 599).default(503),
      retryAfter: duration(0, 86_400_000).default(5000),
    }).prefault({}),
    zones: z.enum(['prefer-own', 'ignore']).default('prefer-own'),
    queue: section<QueueConfig>({
      size: integer(0, 1_000_000).default(100),
      timeout: duration(1).default(5000),
    }).prefault({}),
    retries: retries.prefault({}),
    breaker: breaker.optional(),
    adaptive: adaptive.optional(),
    connection: section<UpstreamConnectionConfig>({
      connectTimeout: duration(1).default(3000),
      bodyIdle: duration(1).default(60_000),
      idle: duration(1).default(55_000),
      maxAge: duration(1).default(3_600_000),
      maxIdle: integer(0, 100_000).default(512),
      pipelining: integer(1, 256).default(1),
      streams: integer(1, 10_000).default(100),
    }).prefault({}),
    protocol: z.enum(['http1', 'h2']).default('http1'),
    tls: upstreamTls,
    upgrades: z.enum(['least-connections', 'balance']).optional(),
    proxyProtocol,
    affinity,
    filters,
  });
}
