// Owns the written form of a route of an HTTP listener.

import { z } from 'zod';
import { duration, oneOrMore, section, shorthand } from '../fields.ts';
import type { RouteTimeouts } from '../types.ts';
import { filters } from './filters.ts';
import { lowerKeys, pathPattern, textMatch } from './match.ts';
import { hedge, routeRetries } from './resilience.ts';
import { split } from './split.ts';

const routeTimeouts = section<RouteTimeouts>({
  firstByte: duration(1).default(30_000),
  attempt: duration().default(0),
  total: duration().default(0),
});

const fingerprint = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .refine((text) => /^[0-9a-f]{64}$/.test(text), 'must be a SHA-256 fingerprint: 64 hex digits');

const certificateMatch = shorthand(
  { type: 'boolean', description: 'whether the client showed a certificate' },
  (value) => (typeof value === 'boolean' ? { subject: value } : undefined),
  z.strictObject({ subject: textMatch.optional(), fingerprint: oneOrMore(fingerprint).default([]) }),
);

const code = (description: string) =>
  oneOrMore(
    z
      .string()
      .toUpperCase()
      .regex(/^[A-Z]{2}$/, 'must be two letters')
      .describe(description),
  ).default([]);

const language = z
  .string()
  .toLowerCase()
  .regex(/^[a-z]{2,8}(-[a-z0-9]{1,8})*$/, 'is no language; write de, or pt-br');

/** `1.3`, as TLS itself is called. */
const tlsVersion = z.preprocess(
  (value) => (typeof value === 'number' ? value.toFixed(1) : value),
  z.enum(['1.2', '1.3']),
);

const tlsMatch = z.strictObject({
  sni: oneOrMore(z.string().toLowerCase()).default([]),
  version: oneOrMore(tlsVersion).default([]),
  alpn: oneOrMore(z.string().min(1)).default([]),
});

/** A pool by name, or the table whose value names it. */
const target = shorthand(
  { type: 'string', description: 'name of a pool' },
  (value) => (typeof value === 'string' ? { name: value } : undefined),
  z.union([z.strictObject({ name: z.string() }), z.strictObject({ map: z.string() })]),
);

const predicate = z.string().min(1).describe('name of one of the "predicates" of a TypeScript configuration');

export const route = z.strictObject({
  name: z.string().default(''),
  host: oneOrMore(z.string()).default([]),
  path: pathPattern.optional(),
  method: oneOrMore(z.string().toUpperCase()).default([]),
  header: z.preprocess(lowerKeys, z.record(z.string(), textMatch)).default({}),
  cookie: z.record(z.string(), textMatch).default({}),
  query: z.record(z.string(), textMatch).default({}),
  client: oneOrMore(z.string()).default([]),
  country: code('such as DE'),
  continent: code('AF, AN, AS, EU, NA, OC or SA'),
  userAgent: oneOrMore(z.enum(['mobile', 'desktop', 'bot'])).default([]),
  language: oneOrMore(language).default([]),
  tls: tlsMatch.optional(),
  clientCertificate: certificateMatch.optional(),
  identity: textMatch.optional(),
  map: z.record(z.string(), textMatch).default({}),
  when: predicate.optional(),
  filters,
  pool: target.optional(),
  split: split.optional(),
  timeouts: routeTimeouts.prefault({}),
  retries: routeRetries.optional(),
  hedge: hedge.optional(),
});
