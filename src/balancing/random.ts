// Owns random choice by weight, O(1) by the alias method. Chance comes from the env, so a seed repeats a run.

import type { Endpoint } from '../core/endpoint.ts';
import type { Random } from '../core/env.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { Sampler } from './sampler.ts';

class RandomChoice implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #sampler: Sampler;

  constructor(endpoints: readonly Endpoint[], random: Random) {
    this.#endpoints = endpoints;
    this.#sampler = new Sampler(endpoints, random);
  }

  pick(request: PickRequest): Endpoint | undefined {
    if (this.#endpoints.length === 0) return undefined;
    const i = request.excluding ? this.#sampler.drawAllowed(request) : this.#sampler.draw();
    return i < 0 ? undefined : this.#endpoints[i];
  }
}

export const random: BalancerKind<Record<never, never>> = {
  name: 'random',
  needs: 'nothing',
  schema: {},
  build: (view, _config, env) => new RandomChoice(view.endpoints, env.random),
};
