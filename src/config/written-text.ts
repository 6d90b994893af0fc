// Owns the way back of the smallest parts: texts to match, durations and sizes, as a person would write them.

import type { TextMatch } from './types.ts';
import { formatDuration, formatSize } from './units.ts';

type Json = Record<string, unknown>;

/** `intervalMs: 5000` becomes `interval: 5s`; `headBytes` becomes `head: 16k`. */
export function written(section: object): Json {
  const out: Json = {};
  for (const [key, value] of Object.entries(section)) {
    if (value === undefined) continue;
    if (key.endsWith('Ms')) out[key.slice(0, -2)] = formatDuration(value as number);
    else if (key.endsWith('Bytes')) out[key.slice(0, -5)] = formatSize(value as number);
    else out[key] = value;
  }
  return out;
}

export function text(match: TextMatch): unknown {
  if (match.kind === 'present') return true;
  if (match.kind === 'absent') return false;
  if (match.kind === 'regex') return `~${match.value}`;
  if (match.kind === 'prefix') return `${match.value}*`;
  // Exact text that would read as something else needs the long form.
  return /^~|\*$/.test(match.value) ? match : match.value;
}

export function ranges(list: readonly (readonly [number, number])[]): unknown[] {
  return list.map(([low, high]) => (low === high ? low : `${low}-${high}`));
}

/** An address that may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/^([\w+]+:\/\/[^@/]*?):[^@/]*@/, '$1:hidden@');
}
