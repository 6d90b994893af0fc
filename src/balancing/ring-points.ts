// Owns where the points of a hash ring lie and how the point behind a hash is found. Knows nothing of load or exclusion.

import type { Endpoint } from '../core/endpoint.ts';
import { hash32 } from '../core/hash.ts';
import { CRC32_START, crc32End, crc32Text, crc32U32 } from './crc32.ts';
import { placeOf } from './keys.ts';

/** Points in ascending order; `owners[i]` is the index of the endpoint that owns everything up to `points[i]`. */
export interface Ring {
  readonly points: Uint32Array;
  readonly owners: Uint32Array;
  /** By the top bits of a hash: the first point at or behind the start of that stretch of the ring. */
  readonly starts: Uint32Array;
  readonly shift: number;
}

/** `place(owner, emit)` of every endpoint; an owner with no point at all would never be found. */
type Points = (emit: (hash: number, owner: number) => void) => void;

const KETAMA_POINTS = 160;

export function defaultPoints(endpoints: readonly Endpoint[], replicas: number): Points {
  return (emit) => {
    for (const [owner, endpoint] of endpoints.entries()) {
      const place = placeOf(endpoint);
      const count = Math.max(1, Math.round(endpoint.weight * replicas));
      for (let i = 0; i < count; i++) emit(hash32(place, i), owner);
    }
  };
}

/** As ngx_http_upstream_hash_module.c: crc32(host, NUL, port, previous hash), a chain of 160 × weight per server. */
export function ketamaPoints(endpoints: readonly Endpoint[]): Points {
  return (emit) => {
    for (const [owner, endpoint] of endpoints.entries()) {
      const place = placeOf(endpoint);
      const colon = place.lastIndexOf(':');
      const base = crc32Text(CRC32_START, `${place.slice(0, colon)}\0${place.slice(colon + 1)}`);
      const count = Math.max(1, Math.round(endpoint.weight * KETAMA_POINTS));
      for (let i = 0, hash = 0; i < count; i++) {
        hash = crc32End(crc32U32(base, hash));
        emit(hash, owner);
      }
    }
  };
}

/**
 * Sorts the points. Where several endpoints share a point, the lower owner answers for it and the others stay behind it, so
 * that no point is lost: when the lower owner leaves, its keys go where they would go anyway, and no other key moves.
 */
export function ringOf(place: Points, ownerCount: number): Ring {
  const packed: number[] = [];
  // 32 bits of hash and 21 bits of owner fit a double exactly, and numbers sort fast in a Float64Array.
  place((hash, owner) => packed.push(hash * 2097152 + owner));
  if (ownerCount > 2097152) throw new RangeError(`a ring holds at most 2097152 endpoints, not ${ownerCount}`);
  const sorted = Float64Array.from(packed).sort();
  const points = new Uint32Array(sorted.length);
  const owners = new Uint32Array(sorted.length);
  for (let i = 0; i < sorted.length; i++) {
    points[i] = Math.floor(sorted[i] / 2097152);
    owners[i] = sorted[i] % 2097152;
  }
  return { points, owners, ...indexOf(points) };
}

function indexOf(points: Uint32Array): { starts: Uint32Array; shift: number } {
  const bits = Math.min(20, Math.max(1, Math.ceil(Math.log2(points.length + 1))));
  const shift = 32 - bits;
  const starts = new Uint32Array(2 ** bits);
  for (let stretch = 0, at = 0; stretch < starts.length; stretch++) {
    while (at < points.length && points[at] >>> shift < stretch) at++;
    starts[stretch] = at;
  }
  return { starts, shift };
}

/** Index of the first point ≥ hash, wrapping around; needs at least one point. */
export function successorOf(ring: Ring, hash: number): number {
  const points = ring.points;
  let at = ring.starts[hash >>> ring.shift];
  while (at < points.length && points[at] < hash) at++;
  return at === points.length ? 0 : at;
}
