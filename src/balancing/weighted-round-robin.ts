// Owns weighted round robin. `smooth` interleaves (nginx 2012: every current += weight, the largest is picked and pays the
// sum of weights); `block` gives each endpoint its whole share in a row. Credit is handed on by id when the view changes,
// measured in picks, so that neither a health flap nor a new weight causes a burst.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { Block } from './block-rotation.ts';
import { indexById, weightsOf } from './scan.ts';
import { Tournament } from './tournament.ts';

export interface WeightedRoundRobinConfig {
  readonly mode: 'smooth' | 'block';
}

/** Steps after which the lines are moved back to the origin, long before a double would lose a unit. */
const REBASE_STEPS = 1 << 20;

/**
 * After t steps the current value of endpoint i is base[i] + weight[i] · t: a line in t that drops by the sum of weights
 * when i is picked. A kinetic tournament keeps the largest line in O(log n) per step instead of adding to every endpoint.
 */
class Smooth implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #weights: Float64Array;
  readonly #base: Float64Array;
  readonly #total: number;
  readonly #lines: Tournament;
  #step = 0;
  /** The tournament does not know of the newest bases. */
  #stale = true;

  constructor(endpoints: readonly Endpoint[], previous: Balancer | undefined) {
    this.#endpoints = endpoints;
    this.#weights = weightsOf(endpoints);
    this.#base = new Float64Array(endpoints.length);
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#lines = new Tournament(this.#base, this.#weights);
    if (previous instanceof Smooth) this.#inherit(previous);
  }

  pick(request: PickRequest): Endpoint | undefined {
    if (request.excluding) return this.#pickAllowed(request);
    if (this.#endpoints.length === 0) return undefined;
    if (this.#step >= REBASE_STEPS) this.#rebase();
    const step = ++this.#step;
    if (this.#stale) {
      this.#lines.rebuild(step);
      this.#stale = false;
    }
    const best = this.#lines.largest(step);
    this.#base[best] -= this.#total;
    this.#lines.changed(best, step + 1);
    return this.#endpoints[best];
  }

  /** As nginx does it: who is excluded neither gains nor pays, so nobody saves up for a burst while it is full. */
  #pickAllowed(request: PickRequest): Endpoint | undefined {
    const base = this.#base;
    const weights = this.#weights;
    let best = -1;
    let bestValue = 0;
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      if (request.excludes(this.#endpoints[i])) continue;
      const weight = weights[i];
      base[i] += weight;
      total += weight;
      const value = base[i] + weight * this.#step;
      if (best < 0 || value > bestValue) {
        best = i;
        bestValue = value;
      }
    }
    if (best < 0) return undefined;
    base[best] -= total;
    this.#stale = true;
    return this.#endpoints[best];
  }

  #inherit(previous: Smooth): void {
    const places = indexById(previous.#endpoints);
    const scale = previous.#total === this.#total ? 1 : this.#total / previous.#total;
    for (let i = 0; i < this.#endpoints.length; i++) {
      const place = places.get(this.#endpoints[i].id);
      if (place === undefined) continue;
      this.#base[i] = (previous.#base[place] + previous.#weights[place] * previous.#step) * scale;
    }
    this.#balance();
  }

  /** The currents sum to zero between picks; what leavers took with them is shared out by weight. */
  #balance(): void {
    const sum = this.#base.reduce((total, value) => total + value, 0);
    if (sum === 0 || this.#total === 0) return;
    for (let i = 0; i < this.#base.length; i++) this.#base[i] -= (sum * this.#weights[i]) / this.#total;
  }

  #rebase(): void {
    for (let i = 0; i < this.#base.length; i++) this.#base[i] += this.#weights[i] * this.#step;
    this.#step = 0;
    this.#balance();
    this.#stale = true;
  }
}

export const weightedRoundRobin: BalancerKind<WeightedRoundRobinConfig> = {
  name: 'weighted-round-robin',
  needs: 'nothing',
  schema: {
    mode: {
      type: 'choice',
      values: ['smooth', 'block'],
      default: 'smooth',
      doc: 'smooth interleaves the endpoints (a a b a c a a); block gives each its share in a row (a a a b b c).',
    },
  },
  build: (view, config, _env, previous) =>
    config.mode === 'block' ? new Block(view.endpoints, previous) : new Smooth(view.endpoints, previous),
};
