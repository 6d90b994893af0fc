// Owns the written form of the admin server.

import { z } from 'zod';
import { address, isOff, shorthand } from '../fields.ts';

const token = z.strictObject({
  name: z.string().regex(/^[\w.@-]{1,64}$/, 'is no name; use letters, digits and "_.@-"'),
  role: z.enum(['read', 'operate']),
  token: z.string().min(16).max(256).optional(),
  tokenFile: z.string().min(1).optional(),
});

export const admin = shorthand(
  { type: ['string', 'boolean'], description: 'where it listens, such as 127.0.0.1:9900; false for nowhere' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { bind: value } : undefined),
  z
    .strictObject({
      bind: address(),
      tokens: z.array(token).default([]),
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
      state: z.string().default(''),
      audit: z.string().default(''),
    })
    .nullable(),
);

export type ParsedAdmin = NonNullable<z.output<typeof admin>>;
