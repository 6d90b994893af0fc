// Owns the written form of the choice of an algorithm: a kind by name, its key, and the options that the kind itself describes.

import { z } from 'zod';
import type { BalancerKind } from '../../balancing/balancer.ts';
import type { Option } from '../../core/schema.ts';
import { duration, shorthand } from '../fields.ts';

const keySource = shorthand(
  { type: 'string', description: 'source, path, sni, header:NAME, cookie:NAME or query:NAME' },
  (value) => {
    if (value === 'source' || value === 'path' || value === 'sni') return { from: value };
    const match = typeof value === 'string' ? /^(header|cookie|query):(.+)$/.exec(value) : null;
    return match === null
      ? undefined
      : { from: match[1], name: match[1] === 'header' ? match[2].toLowerCase() : match[2] };
  },
  z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('source') }),
    z.strictObject({ from: z.literal('path') }),
    z.strictObject({ from: z.literal('sni') }),
    z.strictObject({ from: z.enum(['header', 'cookie', 'query']), name: z.string().min(1) }),
  ]),
);

/** Turns a kind's own description of an option into a schema. */
function optionSchema(option: Option): z.ZodType {
  switch (option.type) {
    case 'number': {
      let schema = option.integer === true ? z.number().int() : z.number();
      if (option.min !== undefined) schema = schema.min(option.min);
      if (option.max !== undefined) schema = schema.max(option.max);
      return schema.default(option.default).describe(option.doc);
    }
    case 'boolean':
      return z.boolean().default(option.default).describe(option.doc);
    case 'choice':
      return z
        .enum(option.values as [string, ...string[]])
        .default(option.default)
        .describe(option.doc);
    case 'duration':
      return duration(option.min, option.max).default(option.default).describe(option.doc);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own type of options
export type Kinds = readonly BalancerKind<any>[];

export function balance(kinds: Kinds) {
  const variants = kinds.map((kind) => {
    const options = Object.entries(kind.schema as Record<string, Option>).map(([key, option]) => [
      key,
      optionSchema(option),
    ]);
    return z.strictObject({
      kind: z.literal(kind.name),
      ...(kind.needs === 'key' ? { key: keySource.default({ from: 'source' }) } : {}),
      ...Object.fromEntries(options),
    });
  });
  return shorthand(
    { type: 'string', enum: kinds.map((kind) => kind.name) },
    (value) => (typeof value === 'string' ? { kind: value } : undefined),
    z.discriminatedUnion('kind', variants as unknown as [(typeof variants)[0], ...typeof variants]),
  );
}
