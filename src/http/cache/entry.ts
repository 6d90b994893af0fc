// Owns one answer as a cache keeps it: its head as lines, its body, and until when it is what.

import type { Freshness } from './freshness.ts';

export interface Entry extends Freshness {
  /** Of the request, and of what the answer varies by. */
  readonly key: string;
  readonly status: number;
  /** Lines with CRLF, without Date, Age and what says how the body travels. */
  readonly lines: string;
  /** IMF-fixdate of the endpoint's own. */
  readonly date: string;
  readonly etag: string;
  /** Wall-clock ms of Last-Modified; 0 when it is not known. */
  readonly modified: number;
  readonly tags: readonly string[];
  /** Wall-clock ms. */
  readonly storedAt: number;
  readonly body: Buffer;
  /** Served and refreshed so far. */
  uses: number;
}

/** What an entry takes beside its body: strings, numbers, places in tables. */
export const ENTRY_BYTES = 512;

export function sizeOf({ key, lines, body }: Entry): number {
  return ENTRY_BYTES + 2 * key.length + lines.length + body.length;
}

export function ageOf(entry: Pick<Entry, 'age' | 'storedAt'>, now: number): number {
  return entry.age + Math.max(0, Math.floor((now - entry.storedAt) / 1000));
}
