// Owns the written forms of conditions on text and paths.

import { z } from 'zod';
import { shorthand } from '../fields.ts';

/** Names of fields are one in any case. */
export const lowerKeys = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]))
    : value;

/**
 * `v2` is exact, `v2*` a prefix, `~^v\d+$` a regular expression, `~*` one that does not care about case (no expression can
 * begin with a star), true and false mean present and absent.
 */
export const textMatch = shorthand(
  {
    type: ['string', 'boolean', 'number'],
    description: 'exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent',
  },
  (value) => {
    if (value === true) return { kind: 'present' };
    if (value === false) return { kind: 'absent' };
    if (typeof value === 'number') return { kind: 'exact', value: String(value) };
    if (typeof value !== 'string') return undefined;
    if (value === '*') return { kind: 'present' };
    if (value.startsWith('~*')) return { kind: 'regex', value: `(?i:${value.slice(2)})` };
    if (value.startsWith('~')) return { kind: 'regex', value: value.slice(1) };
    if (value.endsWith('*')) return { kind: 'prefix', value: value.slice(0, -1) };
    return { kind: 'exact', value };
  },
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('present') }),
    z.strictObject({ kind: z.literal('absent') }),
    z.strictObject({ kind: z.literal('exact'), value: z.string() }),
    z.strictObject({ kind: z.literal('prefix'), value: z.string() }),
    z.strictObject({ kind: z.literal('regex'), value: z.string() }),
  ]),
);

const pathValue = z.string().regex(/^\//, 'must begin with "/"');
export const pathPattern = shorthand(
  { type: 'string', description: '/exact, /prefix/*, /glob/*/x, /captures/{id}, or ~regex' },
  (value) => {
    if (typeof value !== 'string') return undefined;
    if (value.startsWith('~')) return { kind: 'regex', value: value.slice(1) };
    if (value.includes('{')) return { kind: 'template', value };
    const star = value.indexOf('*');
    if (star < 0) return { kind: 'exact', value };
    return star === value.length - 1 ? { kind: 'prefix', value: value.slice(0, -1) } : { kind: 'glob', value };
  },
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('exact'), value: pathValue }),
    z.strictObject({ kind: z.literal('prefix'), value: pathValue }),
    z.strictObject({ kind: z.literal('glob'), value: pathValue }),
    z.strictObject({ kind: z.literal('template'), value: pathValue }),
    z.strictObject({ kind: z.literal('regex'), value: z.string() }),
  ]),
);
