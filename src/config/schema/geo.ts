// Owns the written form of where clients are looked up: a path, or `embedded`, or both databases by name.

import { z } from 'zod';
import { shorthand } from '../fields.ts';

export const geo = shorthand(
  { type: 'string', description: 'path of a MaxMind-format file, or "embedded"' },
  (value) => (typeof value === 'string' ? { database: value } : undefined),
  z.strictObject({
    /** Countries or cities. */
    database: z.string().min(1).default('embedded').describe('path of a MaxMind-format file, or "embedded"'),
    /** Autonomous systems. */
    asn: z.string().default('').describe('path of a MaxMind-format file of autonomous systems'),
  }),
);
