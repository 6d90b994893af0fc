// Owns the written form of a route of an HTTP listener.

import { z } from 'zod';
import { duration, oneOrMore, section } from '../fields.ts';
import type { RouteTimeouts } from '../types.ts';
import { pathPattern, textMatch } from './match.ts';

const lowerKeys = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]))
    : value;

const routeTimeouts = section<RouteTimeouts>({
  firstByte: duration(1).default(30_000),
  total: duration().default(0),
});

export const route = z.strictObject({
  name: z.string().default(''),
  host: oneOrMore(z.string().toLowerCase()).default([]),
  path: pathPattern.optional(),
  method: oneOrMore(z.string().toUpperCase()).default([]),
  header: z.preprocess(lowerKeys, z.record(z.string(), textMatch)).default({}),
  cookie: z.record(z.string(), textMatch).default({}),
  query: z.record(z.string(), textMatch).default({}),
  client: oneOrMore(z.string()).default([]),
  pool: z.string(),
  timeouts: routeTimeouts.prefault({}),
});
