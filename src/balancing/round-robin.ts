// Owns round robin: one endpoint after the other, weights ignored. The cursor is handed on by id when the view changes,
// so nobody is skipped when endpoints come and go in the middle of a cycle.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { firstAllowed, indexById } from './scan.ts';

class RoundRobin implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  #next: number;

  constructor(endpoints: readonly Endpoint[], previous: Balancer | undefined) {
    this.#endpoints = endpoints;
    this.#next = previous instanceof RoundRobin ? previous.#successorIn(endpoints) : 0;
  }

  pick(request: PickRequest): Endpoint | undefined {
    const endpoints = this.#endpoints;
    let i = this.#next;
    if (request.excluding) {
      i = firstAllowed(endpoints, i, request);
      if (i < 0) return undefined;
    } else if (endpoints.length === 0) {
      return undefined;
    }
    this.#next = i + 1 === endpoints.length ? 0 : i + 1;
    return endpoints[i];
  }

  /** Whose turn it is in another view: the first in line here that is also there. */
  #successorIn(endpoints: readonly Endpoint[]): number {
    const places = indexById(endpoints);
    const n = this.#endpoints.length;
    for (let k = 0; k < n; k++) {
      const place = places.get(this.#endpoints[(this.#next + k) % n].id);
      if (place !== undefined) return place;
    }
    return 0;
  }
}

export const roundRobin: BalancerKind<Record<never, never>> = {
  name: 'round-robin',
  needs: 'nothing',
  schema: {},
  build: (view, _config, _env, previous) => new RoundRobin(view.endpoints, previous),
};
