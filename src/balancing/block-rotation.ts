// Owns the `block` mode of weighted-round-robin: a a a b b c. A fraction of a weight is saved up and paid out in a later
// cycle. Position and savings are handed on by id.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, PickRequest } from './balancer.ts';
import { firstAllowed, indexById, weightsOf } from './scan.ts';

/** Forgives what adding up fractions such as 0.1 rounds away. */
const EPSILON = 1e-9;

export class Block implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #weights: Float64Array;
  readonly #saved: Float64Array;
  #at: number;
  /** Picks left in the run of the endpoint at `at`. */
  #left = 0;

  constructor(endpoints: readonly Endpoint[], previous: Balancer | undefined) {
    this.#endpoints = endpoints;
    this.#weights = weightsOf(endpoints);
    // With every weight below 1, whole cycles would pass without a pick.
    const largest = this.#weights.reduce((max, weight) => Math.max(max, weight), 0);
    if (largest < 1) for (let i = 0; i < this.#weights.length; i++) this.#weights[i] /= largest;
    this.#saved = new Float64Array(endpoints.length);
    this.#at = endpoints.length - 1;
    if (previous instanceof Block) this.#inherit(previous);
  }

  pick(request: PickRequest): Endpoint | undefined {
    const endpoints = this.#endpoints;
    const n = endpoints.length;
    if (n === 0) return undefined;
    for (let visits = 0; visits <= 2 * n; visits++) {
      if (this.#left >= 1 && !(request.excluding && request.excludes(endpoints[this.#at]))) {
        this.#left--;
        return endpoints[this.#at];
      }
      this.#advance();
    }
    // Only endpoints of small weight are not excluded, and none has saved up a whole pick yet.
    const i = firstAllowed(endpoints, this.#at, request);
    return i < 0 ? undefined : endpoints[i];
  }

  #advance(): void {
    const at = this.#at + 1 === this.#endpoints.length ? 0 : this.#at + 1;
    const credit = this.#saved[at] + this.#weights[at];
    this.#at = at;
    this.#left = Math.floor(credit + EPSILON);
    this.#saved[at] = Math.max(0, credit - this.#left);
  }

  #inherit(previous: Block): void {
    const old = previous.#endpoints;
    const places = indexById(this.#endpoints);
    for (let i = 0; i < old.length; i++) {
      const place = places.get(old[i].id);
      if (place !== undefined) this.#saved[place] = previous.#saved[i];
    }
    for (let k = 0; k < old.length; k++) {
      const place = places.get(old[(previous.#at + k) % old.length].id);
      if (place === undefined) continue;
      if (k === 0) {
        this.#at = place;
        this.#left = Math.min(previous.#left, Math.ceil(this.#weights[place]));
      } else {
        this.#at = place === 0 ? this.#endpoints.length - 1 : place - 1;
      }
      return;
    }
  }
}
