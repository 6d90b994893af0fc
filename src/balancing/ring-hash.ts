// Owns consistent hashing on a ring (Karger et al. 1997), optionally with bounded loads (Mirrokni, Thorup, Zadimoghaddam
// 2016), and the ketama placement of nginx `hash ... consistent`. Where the points lie is decided in ring-points.ts.

import type { Endpoint } from '../core/endpoint.ts';
import type { Balancer, BalancerEnv, BalancerKind, PickRequest } from './balancer.ts';
import { crc32 } from './crc32.ts';
import { hashKey, inPlaceOrder } from './keys.ts';
import { defaultPoints, ketamaPoints, type Ring, ringOf, successorOf } from './ring-points.ts';
import { slotsOf, weightsOf } from './scan.ts';

export interface RingHashConfig {
  /** Points on the ring per unit of weight. */
  readonly replicas: number;
  /** Highest load relative to the mean; 0 means no bound. */
  readonly bound: number;
  readonly variant: 'default' | 'ketama';
}

class RingHash implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #ring: Ring;
  readonly #ketama: boolean;
  readonly #bound: number;
  readonly #slots: Int32Array;
  readonly #weights: Float64Array;
  readonly #totalWeight: number;
  readonly #inFlight: Int32Array;
  /** Marks the owners that one walk has met already, by the number of the walk. */
  readonly #met: Uint32Array;
  #walk = 0;

  constructor(endpoints: readonly Endpoint[], config: RingHashConfig, env: BalancerEnv) {
    this.#endpoints = inPlaceOrder(endpoints);
    this.#ketama = config.variant === 'ketama';
    this.#ring = ringOf(
      this.#ketama ? ketamaPoints(this.#endpoints) : defaultPoints(this.#endpoints, config.replicas),
      endpoints.length,
    );
    // Below 1 the endpoints together could not hold the requests.
    this.#bound = config.bound === 0 ? 0 : Math.max(1, config.bound);
    this.#slots = slotsOf(this.#endpoints);
    this.#weights = weightsOf(this.#endpoints);
    this.#totalWeight = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#inFlight = env.load.inFlight;
    this.#met = new Uint32Array(endpoints.length);
  }

  pick(request: PickRequest): Endpoint | undefined {
    if (this.#endpoints.length === 0) return undefined;
    const hash = this.#ketama ? crc32(request.key) : hashKey(request.key);
    const at = successorOf(this.#ring, hash);
    if (this.#bound === 0 && !request.excluding) return this.#endpoints[this.#ring.owners[at]];
    return this.#clockwise(at, request);
  }

  /** The first owner with room that is not excluded; if only the excluded have room, the first not excluded. */
  #clockwise(start: number, request: PickRequest): Endpoint | undefined {
    const owners = this.#ring.owners;
    const n = this.#endpoints.length;
    const allowance = this.#bound === 0 ? Infinity : this.#allowance();
    const walk = this.#nextWalk();
    let full: Endpoint | undefined;
    for (let at = start, met = 0; met < n; at = at + 1 === owners.length ? 0 : at + 1) {
      const owner = owners[at];
      if (this.#met[owner] === walk) continue;
      this.#met[owner] = walk;
      met++;
      const endpoint = this.#endpoints[owner];
      if (request.excluding && request.excludes(endpoint)) continue;
      if (this.#inFlight[this.#slots[owner]] < Math.ceil(allowance * this.#weights[owner])) return endpoint;
      full ??= endpoint;
    }
    return full;
  }

  /** c · (m + 1) / W: what one unit of weight may hold, this request included. */
  #allowance(): number {
    const slots = this.#slots;
    let total = 1;
    for (let i = 0; i < slots.length; i++) total += this.#inFlight[slots[i]];
    return (this.#bound * total) / this.#totalWeight;
  }

  #nextWalk(): number {
    if (this.#walk === 0xffffffff) {
      this.#met.fill(0);
      this.#walk = 0;
    }
    return ++this.#walk;
  }
}

export const ringHash: BalancerKind<RingHashConfig> = {
  name: 'ring-hash',
  needs: 'key',
  schema: {
    replicas: {
      type: 'number',
      integer: true,
      min: 1,
      max: 10_000,
      default: 150,
      doc: 'Points on the ring per unit of weight. More points, more even shares: the spread is about 1 / sqrt(replicas).',
    },
    bound: {
      type: 'number',
      min: 0,
      max: 1_000_000,
      default: 0,
      doc: 'Bounded load: no endpoint holds more than this many times the mean in flight, e.g. 1.25. 0 turns it off; values between 0 and 1 count as 1.',
    },
    variant: {
      type: 'choice',
      values: ['default', 'ketama'],
      default: 'default',
      doc: 'ketama places keys exactly as nginx `hash KEY consistent` does (160 points per unit of weight, crc32).',
    },
  },
  build: (view, config, env) => new RingHash(view.endpoints, config, env),
};
