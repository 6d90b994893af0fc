// Owns what a pool is to steering: the endpoints that may be picked right now, in the very view that the proxies pick from,
// so that an answer changes in the tick in which they stop picking.

import { type LoadTable, STATE } from '../core/load-table.ts';
import type { Pool } from '../pool/pool.ts';
import { isOfFamily } from './family.ts';
import type { Member, SteeredAnswer, SteeringQuery } from './steering.ts';

export class PoolMember implements Member {
  readonly name: string;
  readonly #pool: Pool;
  readonly #load: LoadTable;

  constructor(pool: Pool, load: LoadTable) {
    this.name = pool.name;
    this.#pool = pool;
    this.#load = load;
  }

  /** Endpoints that may be picked; none when all are down. */
  get serving(): readonly { readonly address: { readonly host: string }; readonly slot: number }[] {
    return this.#pool.view.endpoints;
  }

  /** Requests running in the pool, over all workers of this node. */
  get inFlight(): number {
    return this.#pool.endpoints.reduce((sum, { slot }) => sum + Atomics.load(this.#load.inFlight, slot), 0);
  }

  /** While a verdict may change, answers live no longer than it takes to decide the next one. */
  get ttlSeconds(): number {
    const { health } = this.#pool.config;
    if (health === undefined) return Number.POSITIVE_INFINITY;
    const pending = this.#pool.endpoints.some(
      ({ slot }) => (Atomics.load(this.#load.state, slot) & STATE.pending) !== 0,
    );
    return pending ? Math.max(1, Math.ceil(health.pendingIntervalMs / 1000)) : Number.POSITIVE_INFINITY;
  }

  resolve({ family, ignoreHealth, explain }: SteeringQuery): SteeredAnswer | undefined {
    const chosen = ignoreHealth ? this.#pool.endpoints.filter((endpoint) => endpoint.weight > 0) : this.serving;
    if (chosen.length === 0) {
      explain?.(`pool ${this.name} is down`);
      return undefined;
    }
    const addresses = chosen.map(({ address }) => address.host).filter((host) => isOfFamily(host, family));
    return { addresses: [...new Set(addresses)], ttlSeconds: this.ttlSeconds, scope: 0 };
  }
}
