// Owns rendezvous hashing (Thaler & Ravishankar 1998), weighted as in draft-ietf-bess-weighted-hrw: every endpoint draws a
// number from the key, the best weight / −ln(number) wins. Removal moves the removed endpoint's keys and no others.

import type { Endpoint } from '../core/endpoint.ts';
import { hash32, mix32 } from '../core/hash.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { hashKey, inPlaceOrder, placeOf } from './keys.ts';
import { equalWeights, reciprocalsOf } from './scan.ts';

const HIGH_SEED = 0x52445631;
const LOW_SEED = 0x52445632;

class Rendezvous implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #reciprocals: Float64Array;
  readonly #equal: boolean;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;

  constructor(endpoints: readonly Endpoint[]) {
    // In place order, a tie falls the same way on every instance.
    this.#endpoints = inPlaceOrder(endpoints);
    this.#reciprocals = reciprocalsOf(this.#endpoints);
    this.#equal = equalWeights(endpoints);
    this.#high = Uint32Array.from(this.#endpoints, (endpoint) => hash32(placeOf(endpoint), HIGH_SEED));
    this.#low = Uint32Array.from(this.#endpoints, (endpoint) => hash32(placeOf(endpoint), LOW_SEED));
  }

  pick(request: PickRequest): Endpoint | undefined {
    const high = hashKey(request.key, HIGH_SEED);
    const low = hashKey(request.key, LOW_SEED);
    return this.#endpoints[this.#equal ? this.#largest(high, low, request) : this.#heaviest(high, low, request)];
  }

  /** With equal weights the largest number wins, and no logarithm is needed. */
  #largest(keyHigh: number, keyLow: number, request: PickRequest): number {
    const highs = this.#high;
    const excluding = request.excluding;
    let best = -1;
    let bestHigh = -1;
    let bestLow = 0;
    for (let i = 0; i < highs.length; i++) {
      const high = mix32(keyHigh ^ highs[i]);
      if (high < bestHigh) continue;
      const low = mix32(keyLow ^ this.#low[i]);
      if (high === bestHigh && low <= bestLow) continue;
      if (excluding && request.excludes(this.#endpoints[i])) continue;
      best = i;
      bestHigh = high;
      bestLow = low;
    }
    return best;
  }

  /** Compares ln(number) / weight, the negative reciprocal of the score, with numbers of 53 bits. */
  #heaviest(keyHigh: number, keyLow: number, request: PickRequest): number {
    const highs = this.#high;
    const reciprocals = this.#reciprocals;
    const excluding = request.excluding;
    let best = -1;
    let bestScore = -Infinity;
    for (let i = 0; i < highs.length; i++) {
      const high = mix32(keyHigh ^ highs[i]);
      // ln(u) ≤ u − 1: most endpoints are out before the costly part.
      if (((high + 1) / 4294967296 - 1) * reciprocals[i] < bestScore) continue;
      const low = mix32(keyLow ^ this.#low[i]);
      const score = Math.log((high * 2097152 + (low >>> 11) + 0.5) / 9007199254740992) * reciprocals[i];
      if (score <= bestScore || (excluding && request.excludes(this.#endpoints[i]))) continue;
      best = i;
      bestScore = score;
    }
    return best;
  }
}

export const rendezvous: BalancerKind<Record<never, never>> = {
  name: 'rendezvous',
  needs: 'key',
  schema: {},
  build: (view) => new Rendezvous(view.endpoints),
};
