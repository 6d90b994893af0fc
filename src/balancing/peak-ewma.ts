// Owns peak EWMA (Twitter Finagle, tower): two draws by weight, the smaller peak latency × (1 + in flight) / weight wins.
// A slow answer counts at once and is forgotten slowly; a reading also fades while nothing renews it, so that an endpoint
// that was slow is tried again.

import type { Endpoint } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import { EWMA_HALF_LIFE_MS, type LoadTable } from '../core/load-table.ts';
import type { Balancer, BalancerEnv, BalancerKind, PickRequest } from './balancer.ts';
import { Sampler } from './sampler.ts';
import { reciprocalsOf, slotsOf } from './scan.ts';

const FADE_PER_MS = -Math.LN2 / EWMA_HALF_LIFE_MS;

class PeakEwma implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #slots: Int32Array;
  readonly #reciprocals: Float64Array;
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #sampler: Sampler;

  constructor(endpoints: readonly Endpoint[], env: BalancerEnv) {
    this.#endpoints = endpoints;
    this.#slots = slotsOf(endpoints);
    this.#reciprocals = reciprocalsOf(endpoints);
    this.#load = env.load;
    this.#clock = env.clock;
    this.#sampler = new Sampler(endpoints, env.random);
  }

  pick(request: PickRequest): Endpoint | undefined {
    const endpoints = this.#endpoints;
    if (request.excluding) return this.#pickAllowed(request);
    if (endpoints.length < 2) return endpoints[0];
    const first = this.#sampler.draw();
    return endpoints[this.#quicker(first, this.#sampler.drawOther(first))];
  }

  #pickAllowed(request: PickRequest): Endpoint | undefined {
    const first = this.#sampler.drawAllowed(request);
    if (first < 0) return undefined;
    const second = this.#sampler.drawOtherAllowed(first, request);
    return this.#endpoints[second < 0 ? first : this.#quicker(first, second)];
  }

  #quicker(first: number, second: number): number {
    const { inFlight, peakMs, sampledAt, failures } = this.#load;
    const a = this.#slots[first];
    const b = this.#slots[second];
    const crowdA = (1 + inFlight[a]) * this.#reciprocals[first];
    const crowdB = (1 + inFlight[b]) * this.#reciprocals[second];
    const knownA = sampledAt[a] !== 0;
    const knownB = sampledAt[b] !== 0;
    if (!knownA || !knownB) {
      // One request earns a new endpoint its first reading; until then, and after a failure, only the crowd counts.
      if (knownB && inFlight[a] === 0 && failures[a] === 0) return first;
      if (knownA && inFlight[b] === 0 && failures[b] === 0) return second;
      return crowdB < crowdA ? second : first;
    }
    // Of two readings the slower fades, at most down to the quicker: an endpoint that hangs must not look ever faster.
    if (peakMs[a] < peakMs[b]) return this.#stillSlower(b, crowdB, a, crowdA) ? first : second;
    return this.#stillSlower(a, crowdA, b, crowdB) ? second : first;
  }

  /** Whether the endpoint with the slower reading costs more even when its reading has faded; a tie is the older reading's. */
  #stillSlower(slow: number, slowCrowd: number, quick: number, quickCrowd: number): boolean {
    const { peakMs, sampledAt } = this.#load;
    const quickMs = peakMs[quick];
    const quickCost = quickMs * quickCrowd;
    if (peakMs[slow] * slowCrowd < quickCost) return false;
    if (quickMs * slowCrowd > quickCost) return true;
    const age = Math.max(0, this.#clock.now() - sampledAt[slow]);
    const cost = Math.max(quickMs, peakMs[slow] * Math.exp(FADE_PER_MS * age)) * slowCrowd;
    return cost === quickCost ? sampledAt[slow] > sampledAt[quick] : cost > quickCost;
  }
}

export const peakEwma: BalancerKind<Record<never, never>> = {
  name: 'peak-ewma',
  needs: 'nothing',
  schema: {},
  build: (view, _config, env) => new PeakEwma(view.endpoints, env),
};
