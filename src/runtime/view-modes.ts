// Owns knowing which mode each pool's view is in, as the workers build it: looked at again only when the pool's version moved.

import type { Config } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { buildView } from '../pool/view.ts';
import type { BlueprintPool } from './snapshot.ts';

interface Known {
  readonly version: number;
  readonly pool: BlueprintPool;
  readonly mode: string;
}

export class ViewModes {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #known = new Map<number, Known>();

  constructor(load: LoadTable, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
  }

  of(pool: BlueprintPool, { pools, zone }: Config): string {
    const version = Atomics.load(this.#load.poolVersion, pool.slot);
    const known = this.#known.get(pool.slot);
    if (known?.version === version && known.pool === pool) return known.mode;
    const { mode } = buildView(pool.endpoints, this.#load, pools[pool.name], zone, this.#clock.now(), version);
    this.#known.set(pool.slot, { version, pool, mode });
    return mode;
  }
}
