// Owns the written form of sites.

import { z } from 'zod';
import { integer, oneOrMore, shorthand } from '../fields.ts';

const location = shorthand(
  { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2, description: '[latitude, longitude]' },
  (value) =>
    Array.isArray(value) && value.length === 2
      ? { latitude: value[0] as unknown, longitude: value[1] as unknown }
      : undefined,
  z.strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) }),
);

/** An address or a list of them stands for a site that is always up. */
export const site = shorthand(
  { type: ['string', 'array'], items: { type: 'string' }, description: 'address, or list of addresses' },
  (value) => (typeof value === 'string' || Array.isArray(value) ? { addresses: value } : undefined),
  z.strictObject({
    addresses: oneOrMore(z.string()),
    pool: z.string().optional(),
    location: location.optional(),
    capacity: integer(0, 1_000_000_000).default(0),
  }),
);
