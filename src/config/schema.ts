// Owns the one schema of the configuration: types, defaults, JSON Schema and errors all come from here. It knows the
// shape of each part (in `schema/`); what the parts must be to each other (a route's pool exists, ...) is `compile.ts`.

import { z } from 'zod';
import { duration, integer, isOff, oneOrMore, section, share, shorthand } from './fields.ts';
import { acme } from './schema/acme.ts';
import { admin } from './schema/admin.ts';
import type { Kinds } from './schema/balance.ts';
import { cacheStore } from './schema/cache.ts';
import { cluster } from './schema/cluster.ts';
import { dns } from './schema/dns.ts';
import { geo } from './schema/geo.ts';
import { latency } from './schema/latency.ts';
import { listener } from './schema/listener.ts';
import { pool } from './schema/pool.ts';
import { site } from './schema/site.ts';
import { policy, steer } from './schema/steering.ts';
import { table } from './schema/table.ts';
import { tracing } from './schema/tracing.ts';
import type { DrainConfig } from './types.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'is no name; use letters, digits, "-", "_" and "."')
  .refine((text) => !(text in {}), 'is a word that JavaScript keeps for itself; use another');

const accessLog = shorthand(
  { type: ['string', 'boolean'], description: 'stdout, stderr or a path' },
  (value) =>
    isOff(value) ? null : value === true ? { to: 'stdout' } : typeof value === 'string' ? { to: value } : undefined,
  z
    .strictObject({
      to: z.string().min(1).default('stdout'),
      fields: z.array(z.string()).optional(),
      sample: share().default(1),
    })
    .nullable(),
);

/** The whole document, for a given list of balancing kinds (the built-in ones and the user's). */
export function documentSchema(kinds: Kinds) {
  return z.strictObject({
    $schema: z.string().optional(),
    workers: z.union([z.literal('auto'), integer(1, 256)]).default('auto'),
    zone: z.string().default(''),
    trustedProxies: oneOrMore(z.string()).default([]),
    admin: admin.optional(),
    cluster: cluster.optional(),
    accessLog: accessLog.optional(),
    tracing: tracing.optional(),
    drain: section<DrainConfig>({
      requests: duration().default(30_000),
      streams: duration().default(300_000),
    }).prefault({}),
    listeners: z.record(name, listener).default({}),
    pools: z.record(name, pool(kinds)).default({}),
    caches: z.record(name, cacheStore).default({}),
    maps: z.record(name, table).default({}),
    acme: acme.optional(),
    dns: dns(steer).optional(),
    geo: geo.prefault({}),
    site: z.string().default(''),
    latency: latency.prefault({}),
    sites: z.record(name, site).default({}),
    policies: z.record(name, policy).default({}),
  });
}

export type ParsedDocument = z.output<ReturnType<typeof documentSchema>>;
