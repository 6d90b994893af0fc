// Owns taking apart what is written as pairs: queries, forms and cookies, each value in all its readings.

import type { FilterRequest } from '../filter.ts';
import { fitText } from './fit.ts';
import { further, readingsOf } from './readings.ts';

/** `a=1&b=2`, one byte a character. Values of one name are looked at one by one, and joined, as some frameworks do. */
export function pairsOf(text: string): [string, unknown][] {
  const raw = new Map<string, string[]>();
  const odd: string[] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const names = readingsOf(equals < 0 ? pair : pair.slice(0, equals), true);
    const name = typeof names === 'string' ? names : names[0];
    if (typeof names !== 'string') odd.push(...names);
    const values = raw.get(name);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    if (values === undefined) raw.set(name, [value]);
    else values.push(value);
  }
  const out: [string, unknown][] = [];
  for (const [name, values] of raw) {
    const all = values.length === 1 ? values : [...values, values.join(',')];
    const read = all.map((value) => fitText(readingsOf(value, true)));
    out.push([name, read.length === 1 ? read[0] : read]);
  }
  if (odd.length > 0) out.push(['', fitText(odd)]);
  return out;
}

export function cookiesOf(field: string): [string, unknown][] {
  const out = new Map<string, unknown>();
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    const name = (equals < 0 ? '' : pair.slice(0, equals)).trim();
    const value = readingsOf((equals < 0 ? pair : pair.slice(equals + 1)).trim(), false);
    const before = out.get(name);
    out.set(name, before === undefined ? fitText(value) : [before, fitText(value)]);
  }
  return [...out];
}

/** Parts of a path, as parameters are that routes take out of it. */
export function segmentsOf(path: string): unknown[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((part) => fitText(readingsOf(part, false)));
}

/** As it was sent, and decoded. */
export function readPath(target: string): unknown {
  const read = readingsOf(target, false);
  return typeof read === 'string' && read === target ? fitText(target) : fitText([target, ...[read].flat()]);
}

/** All but cookies, as the client sent them. */
export function fieldsOf(request: FilterRequest): [string, unknown][] {
  const out = new Map<string, unknown>();
  request.eachField((given, value) => {
    const name = given.toLowerCase();
    if (name === 'cookie') return;
    const before = out.get(name);
    const read = fieldOf(value);
    out.set(name, before === undefined ? read : [before, read]);
  });
  return [...out];
}

function fieldOf(value: string): unknown {
  return fitText(
    value.includes('%') ? readingsOf(value, false) : further(Buffer.from(value, 'latin1').toString('utf8')),
  );
}
