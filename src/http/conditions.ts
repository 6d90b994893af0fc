// Owns conditional requests and ranges over something that is known whole (RFC 9110 §13, §14): files, and what a cache keeps.

import type { FilterRequest } from './filter.ts';

/** The client has it already. `modified` is wall-clock ms in whole seconds; 0 when it is not known. */
export function notModified(request: Pick<FilterRequest, 'header'>, etag: string, modified: number): boolean {
  const tags = request.header('if-none-match');
  if (tags !== undefined) return tags.trim() === '*' || (etag !== '' && listHas(tags, etag));
  const since = request.header('if-modified-since');
  if (since === undefined || modified === 0) return false;
  const time = Date.parse(since);
  return !Number.isNaN(time) && modified <= time;
}

/** Weak comparison: whether it is the same thing, not the same bytes. */
function listHas(tags: string, etag: string): boolean {
  const bare = etag.replace(/^W\//, '');
  for (const match of tags.matchAll(/(?:W\/)?("[^"]*")/g)) if (match[1] === bare) return true;
  return false;
}

/**
 * The one range that is asked for, as offsets [from, to); undefined for the whole, which is also the answer to several ranges and to
 * what is malformed; 'none' when nothing of it is there.
 */
export function rangeOf(
  request: Pick<FilterRequest, 'header' | 'method'>,
  size: number,
  etag: string,
  modified: number,
): readonly [number, number] | 'none' | undefined {
  const field = request.header('range');
  if (field === undefined || request.method !== 'GET') return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(field.trim());
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  if (!stillHolds(request.header('if-range'), etag, modified)) return undefined;
  if (match[1] === '') {
    const last = Number(match[2]);
    return last === 0 || size === 0 ? 'none' : [Math.max(0, size - last), size];
  }
  const from = Number(match[1]);
  const to = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  if (match[2] !== '' && Number(match[2]) < from) return undefined;
  return from >= size ? 'none' : [from, to];
}

/** Strong comparison: a part of other bytes would be no part of this. */
function stillHolds(condition: string | undefined, etag: string, modified: number): boolean {
  if (condition === undefined) return true;
  if (condition.includes('"')) return !etag.startsWith('W/') && condition.trim() === etag;
  return modified !== 0 && Date.parse(condition) === modified;
}
