// Owns the two ends of an entry: gathered from an answer, and given again to a request, which may want a part of it or have it already.

import { notModified, rangeOf } from '../conditions.ts';
import type { BodyWatch, FilterRequest } from '../filter.ts';
import type { LocalReply } from '../reply.ts';
import { ageOf, type Entry } from './entry.ts';
import { type FieldMap, type Freshness, withoutOwn } from './freshness.ts';

export function entryOf(
  key: string,
  status: number,
  lines: string,
  told: FieldMap,
  body: Buffer,
  now: number,
): Omit<Entry, 'tags' | keyof Freshness> {
  const modified = Date.parse(told['last-modified'] ?? '');
  return {
    key,
    status,
    lines: withoutOwn(lines),
    date: told.date ?? new Date(now).toUTCString(),
    etag: told.etag ?? '',
    modified: Number.isNaN(modified) ? 0 : modified,
    storedAt: now,
    body,
    uses: 0,
  };
}

/** The whole body, once; undefined when it broke off or is longer than `mostBytes`. */
export function gathering(mostBytes: number, done: (body: Buffer | undefined) => void): BodyWatch {
  let pieces: Buffer[] | undefined = [];
  let size = 0;
  return {
    piece: (bytes) => {
      size += bytes.length;
      if (size > mostBytes) pieces = undefined;
      pieces?.push(Buffer.from(bytes));
    },
    end: (whole) => done(whole && pieces !== undefined ? Buffer.concat(pieces) : undefined),
  };
}

export function replyOf(request: Pick<FilterRequest, 'header' | 'method'>, entry: Entry, now: number): LocalReply {
  const { status, etag, modified, body, date, lines } = entry;
  const fields = `${lines}Age: ${ageOf(entry, now)}\r\n`;
  if (status !== 200) return { status, fields, body, date };
  if (notModified(request, etag, modified)) return { status: 304, fields, date };
  const range = rangeOf(request, body.length, etag, modified);
  if (range === undefined) return { status, fields, body, date };
  if (range === 'none') return { status: 416, fields: `Content-Range: bytes */${body.length}\r\n`, body: '' };
  const [from, to] = range;
  return {
    status: 206,
    fields: `${fields}Content-Range: bytes ${from}-${to - 1}/${body.length}\r\n`,
    body: body.subarray(from, to),
    date,
  };
}
