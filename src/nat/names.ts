// Owns the names of chains, maps and counters: made of the configuration's names, which may hold anything, so that two
// different things never share a name and `nft` reads every one of them.

import { hash32 } from '../core/hash.ts';

/** The kernel takes 255 characters; what is longer ends in a hash of the whole. */
const LONGEST = 200;

/** Letters, digits, dots and dashes stay as they are; `_` is doubled, anything else is `_` and its code in hex. */
export function escapeName(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]/gu, (char) => {
    if (char === '_') return '__';
    const code = char.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `_${code.padStart(2, '0')}` : `_u${code}_`;
  });
}

/** Parts are told apart by `/`, which no escaped part holds. */
export function nameOf(...parts: readonly (string | number)[]): string {
  const name = parts.map((part) => escapeName(String(part))).join('/');
  if (name.length <= LONGEST) return name;
  const hash = [1, 2].map((seed) => hash32(name, seed).toString(16).padStart(8, '0')).join('');
  return `${name.slice(0, LONGEST)}/${hash}`;
}
