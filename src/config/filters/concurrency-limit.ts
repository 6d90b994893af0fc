// Owns the written form of `concurrency-limit`: how many requests of whom at once.

import { z } from 'zod';
import { integer } from '../fields.ts';
import type { ConcurrencyLimitSettings } from '../types.ts';
import type { FilterForm } from './form.ts';
import { keyTemplate } from './rate-limit.ts';

export const concurrencyLimit: FilterForm<ConcurrencyLimitSettings> = {
  name: 'concurrency-limit',
  schema: z.strictObject({
    key: z.string().min(1).default('client').transform(keyTemplate),
    max: integer(1, 10_000_000),
    status: z.union([z.literal(429), z.literal(503)]).default(429),
    name: z.string().default(''),
  }) as unknown as z.ZodType<ConcurrencyLimitSettings>,
  check: ({ key }, path, findings) => findings.template(key, [...path, 'key']),
};
