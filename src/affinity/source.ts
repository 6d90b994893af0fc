// Owns session persistence by client address: which endpoint a client had last, for as long as it keeps coming back. Kept
// in memory, over all workers of a node, in a bounded table: the client that was away longest is forgotten first. Whether
// the endpoint may still be used is the pool's decision.

import type { AffinityConfig } from '../config/types.ts';
import { hash32 } from '../core/hash.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { PoolEndpoint } from '../pool/view.ts';

/** Slots change their tenants, so the endpoint is remembered by its name. */
const ENDPOINT = 0;
/** Monotonic second of the last use. */
const SEEN = 1;
/** Uses that go on: as long as there is one, the client is not away. */
const OPEN = 2;
const SPACE = 3;
const ENDPOINT_SEED = 0x6b43a9b5;

export class SourceAffinity {
  readonly #table: KeyedTable;
  readonly #space: number;
  readonly #ttlSeconds: number;
  readonly #slots: ReadonlyMap<number, number>;
  #now = 0;

  constructor(table: KeyedTable, poolSlot: number, config: AffinityConfig, endpoints: readonly PoolEndpoint[]) {
    this.#table = table;
    this.#space = SPACE + 4 * poolSlot;
    this.#ttlSeconds = config.ttlMs / 1000;
    this.#slots = new Map(endpoints.map(({ id, slot }) => [nameOf(id), slot]));
  }

  /** Slot of the client's endpoint; -1 when it has none. */
  find(client: string, now: number): number {
    const table = this.#table;
    const second = Math.floor(now / 1000);
    table.select(this.#space, client);
    let newest = -1;
    let slot = -1;
    for (let worker = 0; worker < table.workers; worker++) {
      const entry = table.find(worker);
      if (entry < 0) continue;
      const seen = table.get(entry, SEEN);
      const away = table.get(entry, OPEN) > 0 ? 0 : second - seen;
      if (seen <= newest || away > this.#ttlSeconds) continue;
      newest = seen;
      slot = this.#slots.get(table.get(entry, ENDPOINT)) ?? -1;
    }
    return slot;
  }

  /** The client uses this endpoint, for a moment. */
  remember(client: string, endpointId: string, now: number): void {
    this.#use(client, endpointId, now);
  }

  /** The client uses this endpoint from now on, until `end`. */
  begin(client: string, endpointId: string, now: number): void {
    const entry = this.#use(client, endpointId, now);
    this.#table.add(entry, OPEN, 1);
  }

  /** Changes nothing for a client that has gone to another endpoint meanwhile. */
  end(client: string, endpointId: string, now: number): void {
    const table = this.#table;
    table.select(this.#space, client);
    const entry = table.findOwn();
    if (entry < 0 || table.get(entry, ENDPOINT) !== nameOf(endpointId)) return;
    table.set(entry, SEEN, Math.floor(now / 1000));
    if (table.get(entry, OPEN) > 0) table.add(entry, OPEN, -1);
  }

  #use(client: string, endpointId: string, now: number): number {
    const table = this.#table;
    this.#now = Math.floor(now / 1000);
    table.select(this.#space, client);
    const entry = table.claim(this.#staleness);
    const name = nameOf(endpointId);
    if (table.get(entry, ENDPOINT) !== name) {
      table.set(entry, ENDPOINT, name);
      table.set(entry, OPEN, 0);
    }
    table.set(entry, SEEN, this.#now);
    return entry;
  }

  readonly #staleness = (entry: number): number =>
    this.#table.get(entry, OPEN) > 0 ? 0 : Math.max(0, this.#now - this.#table.get(entry, SEEN));
}

/** A worker that died uses nothing any more, but its clients keep their endpoints. */
export function endAllUses(pins: KeyedTable): void {
  pins.setAll(OPEN, 0);
}

function nameOf(id: string): number {
  return hash32(id, ENDPOINT_SEED) | 0;
}
