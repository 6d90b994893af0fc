// Owns the written form of a Redis that balancers share.

import { z } from 'zod';
import { parseRedisUrl } from '../../core/redis-url.ts';
import { duration, isOff, section, shorthand } from '../fields.ts';
import type { RedisConfig } from '../types.ts';
import { formatDuration } from '../units.ts';
import { withoutPassword } from '../written-text.ts';

export interface ParsedRedis {
  readonly redis: string;
  readonly prefix: string;
  readonly timeoutMs: number;
}

export const NO_REDIS = 'is no address of a Redis; write redis://host:port';
const FORMS = 'redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port';

/** `prefix`: what its user puts in front of keys when nothing else is said. */
export const redis = (prefix: string) =>
  shorthand(
    { type: 'string', pattern: '^(memory$|rediss?(\\+(sentinel|cluster))?://)', description: `memory, or ${FORMS}` },
    (value) => (value === 'memory' || isOff(value) ? null : typeof value === 'string' ? { redis: value } : undefined),
    section<ParsedRedis>({
      redis: z.string().refine((url) => parseRedisUrl(url) !== undefined, NO_REDIS),
      prefix: z
        .string()
        .regex(/^[\x21-\x7e]{0,64}$/, 'must be at most 64 printable characters')
        .default(prefix),
      timeout: duration(1, 10_000).default(50),
    }).nullable(),
  );

export function redisConfig({ redis: url, prefix, timeoutMs }: ParsedRedis): RedisConfig {
  return { url, prefix, timeoutMs };
}

/** As somebody could have written it, but for the password. */
export function redisForm({ url, prefix, timeoutMs }: RedisConfig): Record<string, unknown> {
  return { redis: withoutPassword(url), prefix, timeout: formatDuration(timeoutMs) };
}
