// Owns the written form of a route of an HTTP listener.

import { z } from 'zod';
import { duration, oneOrMore, section, shorthand } from '../fields.ts';
import type { RouteTimeouts } from '../types.ts';
import { filters } from './filters.ts';
import { pathPattern, textMatch } from './match.ts';

const lowerKeys = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]))
    : value;

const routeTimeouts = section<RouteTimeouts>({
  firstByte: duration(1).default(30_000),
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

export const route = z.strictObject({
  name: z.string().default(''),
  host: oneOrMore(z.string().toLowerCase()).default([]),
  path: pathPattern.optional(),
  method: oneOrMore(z.string().toUpperCase()).default([]),
  header: z.preprocess(lowerKeys, z.record(z.string(), textMatch)).default({}),
  cookie: z.record(z.string(), textMatch).default({}),
  query: z.record(z.string(), textMatch).default({}),
  client: oneOrMore(z.string()).default([]),
  clientCertificate: certificateMatch.optional(),
  filters,
  pool: z.string().default(''),
  timeouts: routeTimeouts.prefault({}),
});
