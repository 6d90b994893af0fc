// Owns the written form of tracing.

import { z } from 'zod';
import { isOff, share, shorthand } from '../fields.ts';
import type { TracingConfig } from '../types/tracing.ts';

const NO_URL = 'is no address of a collector; write http://host:4318';

export const tracing = shorthand(
  { type: ['string', 'boolean'], description: 'the address of a collector, such as http://127.0.0.1:4318' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { otlp: value } : undefined),
  z
    .strictObject({
      otlp: z
        .string()
        .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, NO_URL)
        .refine((url) => URL.canParse(url), NO_URL),
      sample: share().default(0.01),
      propagate: z.boolean().default(true),
      trustClients: z.boolean().default(false),
      service: z
        .string()
        .regex(/^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$/, 'must be 1 to 128 printable characters')
        .default('evenkeel'),
      headers: z
        .record(
          z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is no name of a field'),
          z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable characters on one line'),
        )
        .default({}),
    })
    .nullable(),
);

const PATH = '/v1/traces';

/** Collectors are named by where they listen; what comes behind that is the same for all of them. */
export function tracingConfig(parsed: TracingConfig | null | undefined): TracingConfig | undefined {
  if (parsed == null) return undefined;
  const base = parsed.otlp.replace(/\/+$/, '');
  return { ...parsed, otlp: base.endsWith(PATH) ? base : base + PATH };
}

/** Headers hold secrets: in their place is a word. */
export function tracingForm({ headers, ...rest }: TracingConfig): Record<string, unknown> {
  return { ...rest, headers: Object.fromEntries(Object.keys(headers).map((name) => [name, 'hidden'])) };
}
