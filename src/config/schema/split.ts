// Owns the written form of splits: variants with weights, who keeps which, and rollouts that go by themselves.

import { z } from 'zod';
import { duration, integer, isOff, section, share, shorthand } from '../fields.ts';
import type { HaltConfig } from '../types.ts';
import { lowerKeys, textMatch } from './match.ts';

const THIRTY_DAYS = 30 * 86_400_000;
const cookieName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'is no name of a cookie');

const key = shorthand(
  { type: 'string', description: 'client, header:NAME, cookie or cookie:NAME' },
  (value) => {
    if (value === 'client' || value === 'cookie') return { from: value };
    const match = typeof value === 'string' ? /^(header|cookie):(.+)$/.exec(value) : null;
    return match === null ? undefined : { from: match[1], name: match[2] };
  },
  z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('client') }),
    z.strictObject({ from: z.literal('header'), name: z.string().min(1).toLowerCase() }),
    z.strictObject({
      from: z.literal('cookie'),
      name: cookieName.default('evenkeel-id'),
      maxAge: duration(1000, 400 * 86_400_000).default(THIRTY_DAYS),
    }),
  ]),
);

const force = z.strictObject({
  header: z.preprocess(lowerKeys, z.record(z.string(), textMatch)).default({}),
  cookie: z.record(z.string(), textMatch).default({}),
  query: z.record(z.string(), textMatch).default({}),
});

const variant = z.strictObject({
  pool: z.string(),
  weight: z.number().min(0).max(1_000_000).default(1),
  force: force.prefault({}),
});

/** `off`, or how many times as slow. */
const factor = shorthand(
  { enum: [false, 'off'] },
  (value) => (isOff(value) ? 0 : undefined),
  z
    .number()
    .max(1000)
    .refine((value) => value === 0 || value >= 1, 'must be at least 1: as slow as the others')
    .describe('such as 1.5'),
);
const shareOrOff = z.preprocess((value) => (isOff(value) ? 0 : value), share());

export const rollout = z.strictObject({
  to: z.string(),
  steps: z.array(share()).min(1).max(100).default([0.01, 0.05, 0.25, 0.5, 1]),
  every: duration(100).default(600_000),
  halt: section<HaltConfig>({
    errors: shareOrOff.default(0.02),
    maxErrors: shareOrOff.default(0),
    latency: factor.default(1.5),
    minRequests: integer(1, 1_000_000_000).default(100),
  }).prefault({}),
});

export const split = z.strictObject({
  by: key.prefault('client'),
  variants: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'is no name'), variant),
  rollout: rollout.optional(),
});
