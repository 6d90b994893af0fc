// Owns the written form of an endpoint: an address, or an address with what is to be known of it.

import { z } from 'zod';
import { address, integer, shorthand } from '../fields.ts';

const endpointFields = {
  address: address(),
  weight: z.number().min(0).max(65_535).default(1),
  tier: integer(0, 100).default(0),
  backup: z.boolean().optional(),
  zone: z.string().default(''),
  maxInFlight: integer(0, 1_000_000_000).optional(),
  maxRate: integer(0, 1_000_000_000).optional(),
};
export const endpoint = shorthand(
  { type: 'string', description: 'host:port' },
  (value) => (typeof value === 'string' ? { address: value } : undefined),
  z.strictObject(endpointFields),
);

export type ParsedEndpoint = z.output<typeof endpoint>;
