// Owns the pick request that a pool hands to its balancer: one object, reused, that says which endpoints are out for this
// request because it was there before, or because they are at their limit. Rebuilt never, so that picking allocates nothing.

import type { BalancerEnv, PickRequest } from '../balancing/balancer.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { conforms } from '../limits/gcra.ts';
import type { TrialGate } from './trial-gate.ts';
import { limitOf, type PoolView } from './view.ts';

export class Exclusions implements PickRequest {
  key = '';
  excluding = false;
  tried: readonly number[] = [];
  view: PoolView | undefined;
  readonly #env: BalancerEnv;
  readonly #gate: TrialGate;

  constructor(env: BalancerEnv, gate: TrialGate) {
    this.#env = env;
    this.#gate = gate;
  }

  excludes(endpoint: Endpoint): boolean {
    if (this.wasTried(endpoint)) return true;
    const { slot } = endpoint;
    const { load, clock } = this.#env;
    const limit = this.view && limitOf(this.view, load, slot);
    if (limit !== undefined && Atomics.load(load.inFlight, slot) >= limit) return true;
    const rate = this.view?.rates.get(slot);
    if (rate !== undefined && !conforms(load.rate, slot, rate, clock.now())) return true;
    return this.view?.trials.has(slot) === true && !this.#gate.mayTry(slot);
  }

  wasTried(endpoint: Endpoint): boolean {
    return this.tried.includes(endpoint.slot);
  }
}
