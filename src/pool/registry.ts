// Owns who has which slot of the load table: endpoints by id and pools by name, stable across reloads, so that in-flight
// counts and averages survive them. Main thread only. It never touches health bits.
//
//   free ──endpoints()──▶ held ──retain() without it──▶ leaving ──sweep() once nothing is in flight──▶ free
//                          ▲                               │
//                          └────────── endpoints() ────────┘

import type { EndpointConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { LoadTable } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { PoolEndpoint } from './view.ts';

/** Hands out small integers, the lowest free one first. */
class Slots {
  readonly byName = new Map<string, number>();
  readonly leaving = new Set<string>();
  readonly #free: number[];

  constructor(capacity: number) {
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
  }

  take(name: string): number | undefined {
    const known = this.byName.get(name);
    if (known !== undefined) {
      this.leaving.delete(name);
      return known;
    }
    const slot = this.#free.pop();
    if (slot !== undefined) this.byName.set(name, slot);
    return slot;
  }

  retain(names: ReadonlySet<string>): void {
    for (const name of this.byName.keys()) if (!names.has(name)) this.leaving.add(name);
  }

  release(name: string): void {
    const slot = this.byName.get(name);
    if (slot !== undefined) this.#free.push(slot);
    this.byName.delete(name);
    this.leaving.delete(name);
  }
}

export interface PoolSlots {
  readonly slot: number;
  readonly endpoints: readonly PoolEndpoint[];
}

export interface SlotListener {
  endpoint(slot: number): void;
  pool(slot: number): void;
}

const NOBODY: SlotListener = { endpoint: () => undefined, pool: () => undefined };

export class SlotRegistry {
  readonly #load: LoadTable;
  readonly #onFree: SlotListener;
  readonly #endpoints: Slots;
  readonly #pools: Slots;

  /** `onFree` forgets whatever else is kept by slot, before the slot goes to somebody else. */
  constructor(load: LoadTable, onFree: SlotListener = NOBODY) {
    this.#load = load;
    this.#onFree = onFree;
    this.#endpoints = new Slots(load.shape.capacity);
    this.#pools = new Slots(load.shape.pools);
  }

  /**
   * Slots for a pool and its whole set of endpoints: the ones they have, or new ones. The error is for a person.
   * `nameOf` gives what an endpoint's id ends with.
   */
  assign(
    pool: string,
    configs: readonly EndpointConfig[],
    nameOf: (config: EndpointConfig) => string = ({ address }) => formatAddress(address),
  ): Result<PoolSlots, string> {
    const slot = this.#pools.take(pool);
    if (slot === undefined) return err(`pool "${pool}" does not fit: ${this.#load.shape.pools} pools are the limit`);
    const endpoints: PoolEndpoint[] = [];
    const seen = new Set<EndpointId>();
    for (const config of configs) {
      const id = `${pool}/${nameOf(config)}`;
      if (seen.has(id)) return err(`endpoint "${id}" is listed twice`);
      seen.add(id);
      const at = this.#endpoints.take(id);
      if (at === undefined) {
        const { capacity } = this.#load.shape;
        const leaving = this.#endpoints.leaving.size;
        return err(`endpoint "${id}" does not fit: ${capacity} endpoints are the limit (${leaving} still draining)`);
      }
      const { address, weight, tier, zone, maxInFlight, maxRate } = config;
      endpoints.push({ id, address, weight, tier, zone, slot: at, maxInFlight, maxRate });
    }
    return ok({ slot, endpoints });
  }

  /** Everything that is not in these pools is leaving. Call with the new set after a reload, or the old one to undo. */
  retain(pools: Iterable<{ readonly name: string; readonly endpoints: readonly { readonly id: EndpointId }[] }>): void {
    const names = new Set<string>();
    const ids = new Set<EndpointId>();
    for (const { name, endpoints } of pools) {
      names.add(name);
      for (const { id } of endpoints) ids.add(id);
    }
    this.#pools.retain(names);
    this.#endpoints.retain(ids);
  }

  /**
   * Frees the slots of leaving endpoints with nothing in flight. Call after every worker gave up the old configuration
   * and the health table was pruned; returns how many are still busy, so that the caller can come back later.
   */
  sweep(): number {
    for (const id of this.#endpoints.leaving) {
      const slot = this.#endpoints.byName.get(id)!;
      if (Atomics.load(this.#load.inFlight, slot) !== 0) continue;
      this.#load.reset(slot);
      this.#onFree.endpoint(slot);
      this.#endpoints.release(id);
    }
    for (const name of this.#pools.leaving) {
      // Requests of the former pool still count in its row.
      if ([...this.#endpoints.leaving].some((id) => id.startsWith(`${name}/`))) continue;
      this.#onFree.pool(this.#pools.byName.get(name)!);
      this.#pools.release(name);
    }
    return this.#endpoints.leaving.size;
  }

  slotOf(id: EndpointId): number | undefined {
    return this.#endpoints.byName.get(id);
  }
}
