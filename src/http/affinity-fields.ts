// Owns what session persistence reads and changes in heads: Set-Cookie of an answer, Cookie of a request on its way.

import type { HttpAffinity } from '../affinity/affinity.ts';
import type { Fields } from './codec/fields.ts';

const SET_COOKIE = 'set-cookie';

export function setCookiesIn(fields: Fields): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.count; i++) {
    const at = i << 2;
    if (fields.at[at + 1] - fields.at[at] !== SET_COOKIE.length) continue;
    if (fields.name(i).toLowerCase() === SET_COOKIE) values.push(fields.value(i));
  }
  return values;
}

/** The head for the endpoint, its cookies as the application set them. */
export function withOwnCookies(head: string, affinity: HttpAffinity): string {
  if (affinity.cookieFor === undefined) return head;
  return head.replace(/(\r\ncookie:[ \t]*)([^\r\n]*)/gi, (_line, name: string, value: string) => {
    return name + affinity.cookieFor!(value);
  });
}
