// Owns the written form of `rate-limit`: how many requests of whom in what time.

import { z } from 'zod';
import { integer } from '../fields.ts';
import { type ParsedRedis, redis, redisConfig, redisForm } from '../schema/redis.ts';
import type { RateLimitSettings } from '../types.ts';
import { parseDuration } from '../units.ts';
import type { FilterForm } from './form.ts';

const RATE = /^(\d+)\s*\/\s*(\d*\.?\d*(?:ms|s|m|h|d))$/;

const rate = z.string().transform((text, context) => {
  const match = RATE.exec(text);
  const unit = match?.[2] ?? '';
  const periodMs = parseDuration(/^\d/.test(unit) ? unit : `1${unit}`) ?? 0;
  if (match !== null && Number(match[1]) > 0 && periodMs > 0) return { limit: Number(match[1]), periodMs };
  context.issues.push({ code: 'custom', message: 'is no rate; write it such as 100/s or 1000/10m', input: text });
  return z.NEVER;
});

interface Written {
  readonly key: string;
  readonly rate: { readonly limit: number; readonly periodMs: number };
  readonly burst?: number;
  readonly cost: number;
  readonly headers: boolean;
  readonly store?: ParsedRedis | null;
  readonly dryRun: boolean;
  readonly name: string;
}

export const rateLimit: FilterForm<RateLimitSettings> = {
  name: 'rate-limit',
  schema: z
    .strictObject({
      key: z.string().min(1).default('client'),
      rate,
      burst: integer(1, 1_000_000).optional(),
      cost: integer(1, 1_000_000).default(1),
      headers: z.boolean().default(true),
      store: redis('evenkeel:').optional(),
      dryRun: z.boolean().default(false),
      name: z.string().default(''),
    })
    .transform((written): RateLimitSettings => {
      const {
        rate: { limit, periodMs },
        burst,
        key,
        store,
        ...rest
      } = written as unknown as Written;
      return {
        ...rest,
        key: keyTemplate(key),
        limit,
        periodMs,
        burst: burst ?? limit,
        store: store == null ? undefined : redisConfig(store),
      };
    }) as unknown as z.ZodType<RateLimitSettings>,
  check: ({ key, burst, limit, periodMs }, path, findings) => {
    findings.template(key, [...path, 'key']);
    if (periodMs / limit < 0.001) findings.add([...path, 'rate'], 'is more than a million a second');
    if ((periodMs / limit) * burst > 30 * 86_400_000)
      findings.add([...path, 'burst'], 'would take more than 30 days to come back');
  },
  write: ({ limit, periodMs, store, ...rest }) => ({
    ...rest,
    rate: `${limit}/${periodMs}ms`,
    ...(store === undefined ? {} : { store: redisForm(store) }),
  }),
};

/** `client` and `header:x-user` are short for texts with one variable. */
export function keyTemplate(key: string): string {
  return key.includes('${') ? key : `\${${key}}`;
}
