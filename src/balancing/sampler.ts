// Owns weighted draws in O(1): the alias method (Walker 1974, Vose 1991). Chance comes in from outside, so that runs repeat.

import type { Endpoint } from '../core/endpoint.ts';
import type { Random } from '../core/env.ts';
import type { PickRequest } from './balancer.ts';
import { equalWeights } from './scan.ts';

/** Rejected draws before the exact O(n) way is taken. */
const TRIES = 12;

/** Draws indices of `endpoints`, each with probability weight / sum of weights. */
export class Sampler {
  readonly #endpoints: readonly Endpoint[];
  readonly #random: Random;
  readonly #size: number;
  readonly #uniform: boolean;
  /** Column i gives i with this probability and alias[i] otherwise. */
  readonly #keep: Float64Array;
  readonly #alias: Uint32Array;

  constructor(endpoints: readonly Endpoint[], random: Random) {
    this.#endpoints = endpoints;
    this.#random = random;
    this.#size = endpoints.length;
    this.#uniform = equalWeights(endpoints);
    this.#keep = new Float64Array(this.#uniform ? 0 : this.#size);
    this.#alias = new Uint32Array(this.#uniform ? 0 : this.#size);
    if (!this.#uniform) this.#fill();
  }

  #fill(): void {
    const n = this.#size;
    const total = this.#endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
    const share = this.#endpoints.map((endpoint) => (endpoint.weight * n) / total);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < n; i++) (share[i] < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop()!;
      const rich = large.pop()!;
      this.#keep[poor] = share[poor];
      this.#alias[poor] = rich;
      share[rich] += share[poor] - 1;
      (share[rich] < 1 ? small : large).push(rich);
    }
    for (const i of [...small, ...large]) this.#keep[i] = 1;
  }

  /** One draw; needs at least one endpoint. */
  draw(): number {
    const x = this.#random.unit() * this.#size;
    const i = Math.floor(x);
    if (this.#uniform || x - i < this.#keep[i]) return i;
    return this.#alias[i];
  }

  /** A draw that differs from `first`; needs at least two endpoints. */
  drawOther(first: number): number {
    if (!this.#uniform) {
      for (let tries = 0; tries < TRIES; tries++) {
        const i = this.draw();
        if (i !== first) return i;
      }
    }
    // Among equals this is exact; among unequals `first` outweighs all others, which one comes second hardly matters.
    const i = Math.floor(this.#random.unit() * (this.#size - 1));
    return i >= first ? i + 1 : i;
  }

  /** A draw among those not excluded, with their relative weights kept; −1 when all are excluded. */
  drawAllowed(request: PickRequest): number {
    const endpoints = this.#endpoints;
    const n = this.#size;
    if (n === 0) return -1;
    for (let tries = 0; tries < TRIES; tries++) {
      const i = this.draw();
      if (!request.excludes(endpoints[i])) return i;
    }
    let total = 0;
    for (let i = 0; i < n; i++) if (!request.excludes(endpoints[i])) total += endpoints[i].weight;
    let left = this.#random.unit() * total;
    let last = -1;
    for (let i = 0; i < n; i++) {
      if (request.excludes(endpoints[i])) continue;
      last = i;
      left -= endpoints[i].weight;
      if (left < 0) break;
    }
    return last;
  }

  /** A second draw among those not excluded; −1 when none was found in a few tries. */
  drawOtherAllowed(first: number, request: PickRequest): number {
    for (let tries = 0; tries < TRIES; tries++) {
      const i = this.draw();
      if (i !== first && !request.excludes(this.#endpoints[i])) return i;
    }
    return -1;
  }
}
