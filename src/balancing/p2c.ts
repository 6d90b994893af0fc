// Owns the power of two choices (Mitzenmacher 2001): draw two distinct endpoints by weight, take the one with less in
// flight per weight. Several balancers that know nothing of each other do not herd, as they would with the exact minimum.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerEnv, BalancerKind, PickRequest } from './balancer.ts';
import { Sampler } from './sampler.ts';
import { reciprocalsOf, slotsOf } from './scan.ts';

class PowerOfTwo implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #slots: Int32Array;
  readonly #reciprocals: Float64Array;
  readonly #inFlight: Int32Array;
  readonly #sampler: Sampler;

  constructor(endpoints: readonly Endpoint[], env: BalancerEnv) {
    this.#endpoints = endpoints;
    this.#slots = slotsOf(endpoints);
    this.#reciprocals = reciprocalsOf(endpoints);
    this.#inFlight = env.load.inFlight;
    this.#sampler = new Sampler(endpoints, env.random);
  }

  pick(request: PickRequest): Endpoint | undefined {
    const endpoints = this.#endpoints;
    if (request.excluding) return this.#pickAllowed(request);
    if (endpoints.length < 2) return endpoints[0];
    const first = this.#sampler.draw();
    return endpoints[this.#lessLoaded(first, this.#sampler.drawOther(first))];
  }

  #pickAllowed(request: PickRequest): Endpoint | undefined {
    const first = this.#sampler.drawAllowed(request);
    if (first < 0) return undefined;
    const second = this.#sampler.drawOtherAllowed(first, request);
    return this.#endpoints[second < 0 ? first : this.#lessLoaded(first, second)];
  }

  /** A tie keeps the first draw, so an idle pool is shared out exactly by weight. */
  #lessLoaded(first: number, second: number): number {
    const a = this.#inFlight[this.#slots[first]] * this.#reciprocals[first];
    const b = this.#inFlight[this.#slots[second]] * this.#reciprocals[second];
    return b < a ? second : first;
  }
}

export const p2c: BalancerKind<Record<never, never>> = {
  name: 'p2c',
  needs: 'nothing',
  schema: {},
  build: (view, _config, env) => new PowerOfTwo(view.endpoints, env),
};
