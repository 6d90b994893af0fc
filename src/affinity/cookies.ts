// Owns the few words of the cookie protocol that affinity speaks (RFC 6265): values of a name in Cookie, name and value in
// Set-Cookie, and a Set-Cookie of our own. Bounded: of one name only the first few values are looked at.

import type { AffinityCookieConfig } from '../config/types.ts';

/** More cookies of one name than this is nobody's honest browser. */
const MOST_VALUES = 4;
const SPACE = 0x20;

/** Offset of the nth value of that name (0 is the first), or -1. `valueEnd` says where it ends. */
export function valueStart(field: string, name: string, nth = 0): number {
  if (nth >= MOST_VALUES) return -1;
  let skip = nth;
  for (let start = field.indexOf(name); start >= 0; start = field.indexOf(name, start + 1)) {
    if (field.charCodeAt(start + name.length) !== 0x3d || !beginsPair(field, start)) continue;
    if (skip-- === 0) return start + name.length + 1;
  }
  return -1;
}

export function valueEnd(field: string, start: number): number {
  let end = field.indexOf(';', start);
  if (end < 0) end = field.length;
  while (end > start && field.charCodeAt(end - 1) === SPACE) end--;
  return end;
}

/** The first value of that name that is not empty. */
export function firstValue(field: string | undefined, name: string): string {
  if (field === undefined) return '';
  for (let nth = 0; nth < MOST_VALUES; nth++) {
    const start = valueStart(field, name, nth);
    if (start < 0) return '';
    const end = valueEnd(field, start);
    if (end > start) return field.slice(start, end);
  }
  return '';
}

function beginsPair(field: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && field.charCodeAt(before) === SPACE) before--;
  return before < 0 || field.charCodeAt(before) === 0x3b;
}

/** Offset of the value in a Set-Cookie of that name, or -1. It goes to `valueEnd`. */
export function setValueStart(field: string, name: string): number {
  let start = 0;
  while (field.charCodeAt(start) === SPACE) start++;
  return field.startsWith(name, start) && field.charCodeAt(start + name.length) === 0x3d ? start + name.length + 1 : -1;
}

/** The attributes that stay the same; what changes from cookie to cookie stands between the value and them. */
export function attributesText({ domain, path, httpOnly, sameSite }: AffinityCookieConfig): string {
  let out = `; Path=${path}`;
  if (domain !== '') out += `; Domain=${domain}`;
  if (httpOnly) out += '; HttpOnly';
  if (sameSite !== 'off') out += `; SameSite=${sameSite[0].toUpperCase()}${sameSite.slice(1)}`;
  return out;
}
