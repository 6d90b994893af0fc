// Owns the written forms of the probes below HTTP: `true`, or a group of settings.

import { z } from 'zod';
import { isOff, oneOrMore, shorthand } from '../fields.ts';

const HEX = /^([0-9a-fA-F]{2})+$/;
const hex = z.string().regex(HEX, 'must be pairs of hex digits, such as 0a0b');
const noControls = z.string().regex(/^[^\p{Cc}]*$/u, 'holds a control character');

/** `true` takes every default; `false` means nothing. */
function probe<T extends z.ZodType>(long: T) {
  return shorthand(
    { type: 'boolean', description: 'true, or settings' },
    (value) => (value === true ? {} : isOff(value) ? null : undefined),
    long.nullable(),
  ).optional();
}

const bytes = shorthand(
  { type: 'string', description: 'text' },
  (value) => (typeof value === 'string' ? { text: value } : undefined),
  z.strictObject({ text: z.string().optional(), hex: hex.optional() }),
).optional();

const text = z.string().min(1).optional();
/** Bytes arrive in pieces, so a plain text is looked for anywhere. */
const expect = shorthand(
  { type: 'string', description: 'text anywhere in the answer, prefix*, or ~regex' },
  (value) => {
    if (typeof value !== 'string') return undefined;
    if (value.startsWith('~')) return { regex: value.slice(1) };
    return value.endsWith('*') ? { prefix: value.slice(0, -1) } : { contains: value };
  },
  z.strictObject({ contains: text, prefix: text, exact: text, regex: text, hex: hex.optional() }),
).optional();

/** `true`, or the service that is asked for. */
export const grpcProbe = shorthand(
  { type: ['boolean', 'string'], description: 'true, or the name of a service' },
  (value) => (value === true ? {} : isOff(value) ? null : typeof value === 'string' ? { service: value } : undefined),
  z.strictObject({ service: noControls.max(127).default('') }).nullable(),
).optional();

export const tcpProbe = probe(z.strictObject({ send: bytes, expect }));
export const udpProbe = probe(z.strictObject({ send: bytes, expect }));
export const tlsProbe = probe(
  z.strictObject({
    sni: noControls.default(''),
    alpn: oneOrMore(z.string().min(1).max(255)).default([]),
    verify: z.boolean().default(false),
    ca: z.string().default(''),
  }),
);
export const redisProbe = probe(z.strictObject({ username: z.string().default(''), password: z.string().default('') }));
export const mysqlProbe = probe(z.strictObject({ user: noControls.default('') }));
export const postgresProbe = probe(
  z.strictObject({ user: noControls.min(1).default('postgres'), database: noControls.default('') }),
);
export const smtpProbe = probe(
  z.strictObject({
    helo: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'must be a name without spaces')
      .default('localhost'),
  }),
);
