// Owns least connections: the fewest requests in flight per weight, over all workers. Ties go round by weight, so an idle
// pool is shared out like weighted round robin instead of herding on its first endpoint.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerEnv, BalancerKind, PickRequest } from './balancer.ts';
import { indexById, reciprocalsOf, slotsOf } from './scan.ts';

/** Ties follow start-time fair queueing (Goyal et al. 1996): the smallest finish tag goes first and pays 1 / weight. */
class LeastConnections implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #slots: Int32Array;
  readonly #reciprocals: Float64Array;
  readonly #inFlight: Int32Array;
  readonly #tags: Float64Array;
  /** Start tag of the newest pick. Nobody starts before it, so who was busy for long has saved up nothing. */
  #time = 0;

  constructor(endpoints: readonly Endpoint[], env: BalancerEnv, previous: Balancer | undefined) {
    this.#endpoints = endpoints;
    this.#slots = slotsOf(endpoints);
    this.#reciprocals = reciprocalsOf(endpoints);
    this.#inFlight = env.load.inFlight;
    this.#tags = new Float64Array(endpoints.length);
    if (previous instanceof LeastConnections) this.#inherit(previous);
  }

  pick(request: PickRequest): Endpoint | undefined {
    const best = request.excluding ? this.#leastAllowed(request) : this.#least();
    if (best < 0) return undefined;
    const start = Math.max(this.#time, this.#tags[best]);
    this.#tags[best] = start + this.#reciprocals[best];
    this.#time = start;
    return this.#endpoints[best];
  }

  #least(): number {
    const slots = this.#slots;
    const inFlight = this.#inFlight;
    const reciprocals = this.#reciprocals;
    const tags = this.#tags;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < slots.length; i++) {
      const score = inFlight[slots[i]] * reciprocals[i];
      if (score < least || (score === least && tags[i] < tags[best])) {
        best = i;
        least = score;
      }
    }
    return best;
  }

  #leastAllowed(request: PickRequest): number {
    const slots = this.#slots;
    const tags = this.#tags;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < slots.length; i++) {
      const score = this.#inFlight[slots[i]] * this.#reciprocals[i];
      if (score > least || (score === least && tags[i] >= tags[best])) continue;
      if (request.excludes(this.#endpoints[i])) continue;
      best = i;
      least = score;
    }
    return best;
  }

  #inherit(previous: LeastConnections): void {
    const places = indexById(previous.#endpoints);
    this.#time = previous.#time;
    for (let i = 0; i < this.#tags.length; i++) {
      const place = places.get(this.#endpoints[i].id);
      this.#tags[i] = place === undefined ? previous.#time : previous.#tags[place];
    }
  }
}

export const leastConnections: BalancerKind<Record<never, never>> = {
  name: 'least-connections',
  needs: 'nothing',
  schema: {},
  build: (view, _config, env, previous) => new LeastConnections(view.endpoints, env, previous),
};
