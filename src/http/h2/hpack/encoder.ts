// Owns writing field sections (RFC 7541) as latin-1 text: names and whole fields that both sides know from the start by their
// number, all else as it is. It keeps no dynamic table, so that connections share nothing and idle ones cost nothing; the
// first block of a connection says so.

import { STATIC_TABLE } from './static-table.ts';

/** RFC 7541 §4.2: the table holds nothing from now on. */
export const NO_DYNAMIC_TABLE = ' ';

/** `name` → the first byte (and more) of a literal with that name; `name\0value` → the byte of the whole field. */
const NAMES = new Map<string, string>();
const WHOLE = new Map<string, Map<string, string>>();
STATIC_TABLE.forEach(([name, value], index) => {
  if (index === 0) return;
  if (!NAMES.has(name)) NAMES.set(name, integer(index, 4, 0));
  if (value === '') return;
  const values = WHOLE.get(name) ?? new Map<string, string>();
  values.set(value, String.fromCharCode(0x80 | index));
  WHOLE.set(name, values);
});

function integer(value: number, prefixBits: number, flags: number): string {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return String.fromCharCode(flags | value);
  let text = String.fromCharCode(flags | mask);
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) text += String.fromCharCode((rest % 128) | 128);
  return text + String.fromCharCode(rest);
}

const SHORT_LENGTHS = Array.from({ length: 127 }, (_, length) => String.fromCharCode(length));

function literal(text: string): string {
  const { length } = text;
  return (length < 127 ? SHORT_LENGTHS[length] : integer(length, 7, 0)) + text;
}

/** Literals with names of their own that were used before: most responses name the same few. */
const named = new Map<string, string>();
const MOST_NAMED = 1000;

function nameOf(name: string): string {
  const known = NAMES.get(name) ?? named.get(name);
  if (known !== undefined) return known;
  const text = `\0${literal(name)}`;
  if (named.size < MOST_NAMED && name.length < 64) named.set(name, text);
  return text;
}

/** `fields`: names (lower case) and values in turn, every character one byte. */
export function encodeFields(fields: readonly string[]): string {
  let out = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    const whole = WHOLE.get(name)?.get(value);
    out += whole ?? nameOf(name) + literal(value);
  }
  return out;
}
