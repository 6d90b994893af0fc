// Owns the written form of named tables: what of a request is looked up, and what each value of it stands for.

import { z } from 'zod';
import { shorthand } from '../fields.ts';

const PLAIN = [
  'method',
  'host',
  'path',
  'client',
  'country',
  'continent',
  'userAgent',
  'sni',
  'tlsVersion',
  'alpn',
  'identity',
] as const;

export const requestSource = shorthand(
  { type: 'string', description: `${PLAIN.join(', ')}, header:NAME, cookie:NAME or query:NAME` },
  (value) => {
    if (typeof value !== 'string') return undefined;
    const match = /^(header|cookie|query):(.+)$/.exec(value);
    if (match === null) return { from: value };
    return { from: match[1], name: match[1] === 'header' ? match[2].toLowerCase() : match[2] };
  },
  z.discriminatedUnion('from', [
    z.strictObject({ from: z.enum(PLAIN) }),
    z.strictObject({ from: z.enum(['header', 'cookie', 'query']), name: z.string().min(1) }),
  ]),
);

const text = z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string());

export const table = z.strictObject({
  of: requestSource,
  /** Keys in the form of a condition: exact, prefix*, ~regex. */
  values: z.record(z.string(), text).default({}),
  networks: z.record(z.string(), text).default({}),
  default: text.optional(),
});
