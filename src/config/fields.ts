// Owns the building blocks of the schema: one function per kind of value that configurations hold, each with its written
// form, its error text and its JSON Schema. A short form (`10.0.0.1:80`) is expanded before the object behind it is
// checked, so that an error names the part that is wrong instead of "invalid union".

import { z } from 'zod';
import { type Address, parseAddress } from '../core/address.ts';
import { parseDuration, parseShare, parseSize } from './units.ts';

type Json = Record<string, unknown>;

/**
 * Attaches the JSON Schema of the written form, which zod cannot derive from a transformation. `long` is the form without
 * short cuts; `same`: another schema that is written alike.
 */
export const written = z.registry<{ json: Json; long?: unknown; same?: unknown; suffix?: string }>();

/** A value with a textual form: `parse` returns the value, or a string that says what is wrong. */
function textual<T>(json: Json, parse: (value: unknown) => { value: T } | string, suffix?: string) {
  const schema = z.unknown().transform((value, ctx): T => {
    const result = parse(value);
    if (typeof result !== 'string') return result.value;
    ctx.issues.push({ code: 'custom', message: result, input: value });
    return z.NEVER;
  });
  written.add(schema, { json, ...(suffix === undefined ? {} : { suffix }) });
  return schema;
}

export const duration = (min = 0, max = 24 * 86_400_000) =>
  textual(
    { type: 'string', pattern: '^(off|0|\\d+(\\.\\d+)?(ms|s|m|h|d))$', description: 'such as 250ms, 5s, 10m' },
    (value) => {
      const ms = typeof value === 'string' ? parseDuration(value) : value === 0 ? 0 : undefined;
      if (ms === undefined) return 'is no duration; write it with a unit, such as 250ms, 5s or 10m';
      if (ms < min) return min === 1 ? 'must be longer than 0' : `must be at least ${min}ms`;
      return ms > max ? `is too long; the most is ${max}ms` : { value: ms };
    },
    'Ms',
  );

export const size = () =>
  textual(
    { type: ['string', 'integer'], pattern: '^(off|\\d+[bkmgBKMG]?)$', description: 'bytes, or such as 16k, 1m' },
    (value) => {
      const bytes = typeof value === 'string' ? parseSize(value) : value;
      return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0
        ? { value: bytes }
        : 'is no size; write bytes, or such as 16k, 1m, off';
    },
    'Bytes',
  );

export const share = () =>
  textual({ type: ['string', 'number'], description: 'such as 20% or 0.2' }, (value) => {
    const parsed = parseShare(value);
    return parsed === undefined ? 'is no share; write it such as 20% or 0.2' : { value: parsed };
  });

export const address = () =>
  textual<Address>({ type: 'string', description: 'host:port, such as 10.0.0.1:8080 or [::1]:8080' }, (value) => {
    if (typeof value !== 'string') return 'is no address; write host:port, as text';
    const parsed = parseAddress(value);
    return parsed.ok ? { value: parsed.value } : parsed.error;
  });

/** Inclusive ranges of status codes: `200-399`, 404, or a list of them. */
export const statuses = () =>
  textual<readonly (readonly [number, number])[]>(
    {
      type: ['array', 'string', 'integer'],
      items: { type: ['string', 'integer'] },
      description: 'such as 200-399 or [200, 404]',
    },
    (value) => {
      const ranges: [number, number][] = [];
      for (const part of Array.isArray(value) ? value : [value]) {
        const match = /^(\d{3})(?:-(\d{3}))?$/.exec(String(part));
        const low = Number(match?.[1]);
        const high = Number(match?.[2] ?? match?.[1]);
        if (match === null || low < 100 || high > 599 || low > high)
          return 'is no status or range of statuses; write 200 or 200-399';
        ranges.push([low, high]);
      }
      return { value: ranges };
    },
  );

/** `value`, or a list of such values: always a list afterwards. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  const list = z.array(item);
  const schema = z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), list);
  written.add(schema as unknown as z.ZodType, { json: {}, long: list });
  return schema;
}

/**
 * An object that may be written short. `expand` returns the object for a short form, or undefined when the value is none.
 */
export function shorthand<T extends z.ZodType>(json: Json, expand: (value: unknown) => unknown, long: T) {
  const schema = z.preprocess((value) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject || value === undefined) return value;
    const expanded = expand(value);
    return expanded === undefined ? value : expanded;
  }, long);
  written.add(schema as unknown as z.ZodType, { json, long });
  return schema;
}

/** A setting that has no meaning here, although it has one beside: `why` reads on after its path. */
export const meaningless = (why: string) => textual<undefined>({ not: {}, description: why }, () => why).optional();

export const integer = (min: number, max: number) => z.number().int().min(min).max(max);

/** The suffix that the unit of a field has in code, looking through defaults and options. */
function suffixOf(schema: z.ZodType): string {
  const known = written.get(schema)?.suffix;
  if (known !== undefined) return known;
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return inner === undefined ? '' : suffixOf(inner);
}

/**
 * A group of settings. Configurations say `interval: 5s`; code says `intervalMs`, so that a number carries its unit:
 * fields made by `duration` and `size` are renamed on the way out. T is the normalized form.
 */
export function section<T>(shape: Record<string, z.ZodType>): z.ZodType<T> {
  const names = new Map(Object.entries(shape).map(([key, schema]) => [key, key + suffixOf(schema)]));
  return z
    .strictObject(shape)
    .transform((value) =>
      Object.fromEntries(Object.entries(value).map(([key, item]) => [names.get(key)!, item])),
    ) as unknown as z.ZodType<T>;
}

export const isOff = (value: unknown): boolean => value === false || value === 'off';

/** Variants that are told apart by `key`; a group without it is of the variant `fallback`. */
export function byDiscriminator<T extends z.ZodType>(key: string, fallback: string, variants: T) {
  const schema = z.preprocess((value) => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup && (value as Json)[key] === undefined ? { ...value, [key]: fallback } : value;
  }, variants);
  written.add(schema as unknown as z.ZodType, { json: {}, same: variants });
  return schema;
}
