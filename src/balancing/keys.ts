// Owns how the hash kinds turn a key and an endpoint into numbers. A change here moves clients between endpoints.

import { formatAddress, unmapIPv4 } from '../core/address.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { hash32 } from '../core/hash.ts';

/** Uniform u32 of a key. An IPv4 client gives the same value on a dual-stack socket (`::ffff:10.0.0.1`). */
export function hashKey(key: string, seed = 0): number {
  return hash32(unmapIPv4(key), seed);
}

/** What places an endpoint: its address, so that neither the pool's name nor the order of a list moves any key. */
export function placeOf(endpoint: Endpoint): string {
  return formatAddress(endpoint.address);
}

/** The endpoints in an order that every instance agrees on, whatever order its configuration or discovery gave. */
export function inPlaceOrder(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const named = endpoints.map((endpoint) => ({ endpoint, place: placeOf(endpoint) }));
  named.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
  return named.map(({ endpoint }) => endpoint);
}
