// Owns source hash: hash of the key modulo the number of endpoints (by share of weight when weights differ). Stable across
// restarts and instances. A change of the endpoint count moves nearly every key; ring-hash, rendezvous and maglev do not.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { hashKey } from './keys.ts';
import { equalWeights, firstAllowed } from './scan.ts';

/** Rehashes that spread an excluded endpoint's keys over the others before the next in line takes the rest. */
const TRIES = 8;

class SourceHash implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #equal: boolean;
  /** Ends of the endpoints' shares of [0, 2^32), for unequal weights. */
  readonly #ends: Float64Array;

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints;
    this.#equal = equalWeights(endpoints);
    const total = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
    let end = 0;
    this.#ends = Float64Array.from(endpoints, (endpoint) => {
      end += endpoint.weight;
      return (end / total) * 4294967296;
    });
  }

  pick(request: PickRequest): Endpoint | undefined {
    const endpoints = this.#endpoints;
    if (endpoints.length === 0) return undefined;
    let i = this.#indexOf(hashKey(request.key));
    if (request.excluding) {
      for (let seed = 1; seed <= TRIES && request.excludes(endpoints[i]); seed++) {
        i = this.#indexOf(hashKey(request.key, seed));
      }
      i = firstAllowed(endpoints, i, request);
      if (i < 0) return undefined;
    }
    return endpoints[i];
  }

  #indexOf(hash: number): number {
    const n = this.#endpoints.length;
    if (this.#equal) return hash % n;
    const ends = this.#ends;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (hash < ends[middle]) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export const sourceHash: BalancerKind<Record<never, never>> = {
  name: 'source-hash',
  needs: 'key',
  schema: {},
  build: (view) => new SourceHash(view.endpoints),
};
