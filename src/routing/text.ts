// Owns testing a text of a request, and finding cookies.

import type { TextMatch } from '../config/types.ts';
import type { RegexCompiler } from './route.ts';

export function matcherOf(match: TextMatch, regex: RegexCompiler): (value: string | undefined) => boolean {
  switch (match.kind) {
    case 'present':
      return (value) => value !== undefined;
    case 'absent':
      return (value) => value === undefined;
    case 'exact':
      return (value) => value === match.value;
    case 'prefix':
      return (value) => value?.startsWith(match.value) ?? false;
    case 'regex': {
      const pattern = regex(match.value);
      return (value) => value !== undefined && pattern.test(value);
    }
  }
}

/** Value of the first cookie of that name (RFC 6265 §4.2.1), as it was sent. */
export function cookieOf(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined;
  for (let start = 0; start < field.length; ) {
    let end = field.indexOf(';', start);
    if (end < 0) end = field.length;
    while (field.charCodeAt(start) === 32) start++;
    if (field.startsWith(name, start) && field[start + name.length] === '=') {
      return field.slice(start + name.length + 1, end).trimEnd();
    }
    start = end + 1;
  }
  return undefined;
}
