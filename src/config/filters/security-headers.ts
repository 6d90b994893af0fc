// Owns the written form of `security-headers`: fields that browsers are told to be careful by. An endpoint's own win.

import { z } from 'zod';
import { isOff, oneOrMore } from '../fields.ts';
import type { SecurityHeadersSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const orOff = (schema: z.ZodType) => z.preprocess((value) => (isOff(value) ? '' : value), schema);

export const securityHeaders: FilterForm<SecurityHeadersSettings> = {
  name: 'security-headers',
  bare: true,
  schema: z.strictObject({
    contentSecurityPolicy: orOff(z.string().default('')),
    frameOptions: z.enum(['deny', 'sameorigin', 'off']).default('sameorigin'),
    referrerPolicy: orOff(z.string().default('strict-origin-when-cross-origin')),
    permissionsPolicy: orOff(z.string().default('')),
    noSniff: z.boolean().default(true),
    crossOriginOpenerPolicy: orOff(z.string().default('')),
    crossOriginResourcePolicy: orOff(z.string().default('')),
    hide: oneOrMore(z.string()).default(['Server', 'X-Powered-By']),
  }) as unknown as z.ZodType<SecurityHeadersSettings>,
  check: ({ hide }, path, findings) => {
    for (const [i, name] of hide.entries()) findings.fieldName(name, [...path, 'hide', i], false);
  },
};
