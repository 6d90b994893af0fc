// Owns the written form of session persistence. What a client is known by is written like the key of a hash (`header:x-user`);
// `cookie: NAME` is short for `by: cookie:NAME`. Which options a kind has is checked behind the schema.

import { z } from 'zod';
import { AFFINITIES } from '../../affinity/index.ts';
import { duration, isOff, section, shorthand } from '../fields.ts';
import { type ParsedRedis, redis } from './redis.ts';

const KINDS = AFFINITIES.map(({ name }) => name);
const NAMED = AFFINITIES.filter(({ named }) => named).map(({ name }) => name);
const FORMS = AFFINITIES.map(({ name, named }) => (named ? `${name}:NAME` : name));

const by = shorthand(
  { type: 'string', description: `one of ${FORMS.join(', ')}` },
  (value) => {
    const match = typeof value === 'string' ? /^([a-z-]+)(?::(.*))?$/.exec(value) : null;
    return match === null ? undefined : { kind: match[1], name: match[2] ?? '' };
  },
  z.strictObject({ kind: z.enum(KINDS), name: z.string().default('') }),
);

const long = section<ParsedAffinity>({
  by: by.optional(),
  cookie: z.string().optional(),
  ttl: duration(1000).default(3_600_000),
  maxAge: duration().default(0),
  onDown: z.enum(['repick', 'fail']).default('repick'),
  domain: z.string().optional(),
  path: z.string().optional(),
  httpOnly: z.boolean().optional(),
  secure: z.union([z.literal('auto'), z.boolean()]).optional(),
  sameSite: z.enum(['lax', 'strict', 'none', 'off']).optional(),
  persistent: z.boolean().optional(),
  keys: z.array(z.string()).optional(),
  keysFile: z.string().min(1).optional(),
  store: redis('evenkeel:').optional(),
});

export interface ParsedAffinity {
  readonly by?: { readonly kind: (typeof KINDS)[number]; readonly name: string };
  readonly cookie?: string;
  readonly ttlMs: number;
  readonly maxAgeMs: number;
  readonly onDown: 'repick' | 'fail';
  readonly domain?: string;
  readonly path?: string;
  readonly httpOnly?: boolean;
  readonly secure?: 'auto' | boolean;
  readonly sameSite?: 'lax' | 'strict' | 'none' | 'off';
  readonly persistent?: boolean;
  readonly keys?: readonly string[];
  readonly keysFile?: string;
  readonly store?: ParsedRedis | null;
}

export const affinity = shorthand(
  { anyOf: [{ const: false }, { type: 'string', pattern: `^(off|source|(${NAMED.join('|')}):.+)$` }] },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { by: value } : undefined),
  long.nullable(),
).optional();
