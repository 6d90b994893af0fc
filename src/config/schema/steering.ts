// Owns the written form of steering policies: `{ kind: geo, default: us, eu: [DE, FR] }`. What is no setting of the kind is a
// member: a site, a pool or another policy, with what the kind wants to know of it.

import { z } from 'zod';
import { integer, oneOrMore, share, shorthand } from '../fields.ts';

const area = z.union([z.string(), z.number()]);

export const policy = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('round-robin'), members: oneOrMore(z.string()) }),
  z.object({ kind: z.literal('weighted') }).catchall(z.number().min(0).max(1_000_000)),
  z.strictObject({ kind: z.literal('failover'), order: oneOrMore(z.string()) }),
  z.object({ kind: z.literal('geo'), default: z.string().optional() }).catchall(oneOrMore(area)),
  z.strictObject({ kind: z.literal('latency'), members: oneOrMore(z.string()), default: z.string().optional() }),
  z.object({ kind: z.literal('proximity'), default: z.string().optional() }).catchall(integer(-99, 99)),
  z.strictObject({
    kind: z.literal('load'),
    order: oneOrMore(z.string()),
    high: share().default(0.9),
    low: share().default(0.7),
  }),
]);

/** The name of a site, a pool or a policy, or a policy on the spot. */
export const steer = shorthand(
  { type: 'string', description: 'name of a site, a pool or a policy' },
  (value) => (typeof value === 'string' ? { kind: 'round-robin', members: [value] } : undefined),
  policy,
);
