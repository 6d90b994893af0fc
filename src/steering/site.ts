// Owns what a site is to steering: addresses that are given to clients while its pool has somebody to serve and no operator
// has taken it out.

import { type LoadTable, STATE } from '../core/load-table.ts';
import { isOfFamily } from './family.ts';
import type { PoolMember } from './pool-member.ts';
import type { Member, SteeredAnswer, SteeringQuery } from './steering.ts';

export interface SiteOptions {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Undefined: the site is up unless an operator says otherwise. */
  readonly pool: PoolMember | undefined;
  readonly location: { readonly latitude: number; readonly longitude: number } | undefined;
  readonly capacity: number;
  /** The site's own slot of the load table, for the operator's word. */
  readonly slot: number;
  readonly load: LoadTable;
}

const OUT = STATE.draining | STATE.maintenance;

export class Site implements Member {
  readonly name: string;
  readonly location: SiteOptions['location'];
  readonly #options: SiteOptions;
  readonly #addresses: { readonly 4: readonly string[]; readonly 6: readonly string[] };

  constructor(options: SiteOptions) {
    const { name, location, addresses } = options;
    this.name = name;
    this.location = location;
    this.#options = options;
    this.#addresses = {
      4: addresses.filter((address) => isOfFamily(address, 4)),
      6: addresses.filter((address) => isOfFamily(address, 6)),
    };
  }

  /** An operator took it out. */
  get isOut(): boolean {
    const { load, slot } = this.#options;
    return (Atomics.load(load.state, slot) & OUT) !== 0;
  }

  get isUp(): boolean {
    const { pool } = this.#options;
    return !this.isOut && (pool === undefined || pool.serving.length > 0);
  }

  /** Share of its capacity that is in use, 0-1 and beyond; 0 when no capacity is told. */
  get load(): number {
    const { pool, capacity } = this.#options;
    return pool === undefined || capacity === 0 ? 0 : pool.inFlight / capacity;
  }

  resolve(query: SteeringQuery): SteeredAnswer | undefined {
    if (this.isOut || !(query.ignoreHealth || this.isUp)) {
      query.explain?.(`site ${this.name} is ${this.isOut ? 'taken out' : 'down'}`);
      return undefined;
    }
    const ttlSeconds = this.#options.pool?.ttlSeconds ?? Number.POSITIVE_INFINITY;
    return { addresses: this.#addresses[query.family], ttlSeconds, scope: 0 };
  }
}
