// Owns the table of who is pinned where: which endpoint a key (a client's address, a session's name) had last, for as long as it
// keeps coming back. Kept in memory, over all workers of a node, bounded: the key that was away longest is forgotten first.
// Whether the endpoint may still be used is the pool's decision.

import { hash32 } from '../core/hash.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { PoolEndpoint } from '../pool/view.ts';

/** Slots change their tenants, so the endpoint is remembered by its name. */
const ENDPOINT = 0;
/** Monotonic second of the last use. */
const SEEN = 1;
/** Uses that go on: as long as there is one, the key is not away. */
const OPEN = 2;
/** Monotonic second of the first use of this endpoint. */
const SINCE = 3;
/** Pool slot + 1. */
const POOL = 4;
const SPACE = 3;
const ENDPOINT_SEED = 0x6b43a9b5;

export interface PinTerms {
  /** Away for so long means forgotten. */
  readonly ttlMs: number;
  /** Forgotten after so long in any case; absent or 0: never. */
  readonly maxAgeMs?: number;
}

export class PinTable {
  readonly #table: KeyedTable;
  readonly #poolSlot: number;
  readonly #ttlSeconds: number;
  readonly #maxAgeSeconds: number;
  readonly #slots: ReadonlyMap<number, number>;
  #now = 0;
  #since = 0;

  constructor(table: KeyedTable, poolSlot: number, terms: PinTerms, endpoints: readonly PoolEndpoint[]) {
    this.#table = table;
    this.#poolSlot = poolSlot;
    this.#ttlSeconds = terms.ttlMs / 1000;
    this.#maxAgeSeconds = (terms.maxAgeMs ?? 0) === 0 ? Number.POSITIVE_INFINITY : terms.maxAgeMs! / 1000;
    this.#slots = new Map(endpoints.map(({ id, slot }) => [nameOf(id), slot]));
  }

  /** Monotonic second since when what `find` found holds. */
  get since(): number {
    return this.#since;
  }

  /** Slot of the key's endpoint; -1 when it has none, -2 when that one is not in the pool any more. */
  find(key: string, now: number): number {
    const table = this.#table;
    const second = Math.floor(now / 1000);
    this.#select(key);
    let newest = -1;
    let slot = -1;
    for (let worker = 0; worker < table.workers; worker++) {
      const entry = table.find(worker);
      if (entry < 0) continue;
      const seen = table.get(entry, SEEN);
      const since = table.get(entry, SINCE);
      const away = table.get(entry, OPEN) > 0 ? 0 : second - seen;
      if (seen <= newest || away > this.#ttlSeconds || second - since > this.#maxAgeSeconds) continue;
      newest = seen;
      this.#since = since;
      slot = this.#slots.get(table.get(entry, ENDPOINT)) ?? -2;
    }
    return slot;
  }

  /** The key uses this endpoint, for a moment. `since`: the monotonic second when that began, if that is known. */
  remember(key: string, endpointId: string, now: number, since = -1): void {
    this.#use(key, endpointId, now, since);
  }

  /** The key uses this endpoint from now on, until `end`. */
  begin(key: string, endpointId: string, now: number): void {
    const entry = this.#use(key, endpointId, now, -1);
    this.#table.add(entry, OPEN, 1);
  }

  /** Changes nothing for a key that has gone to another endpoint meanwhile. */
  end(key: string, endpointId: string, now: number): void {
    const table = this.#table;
    this.#select(key);
    const entry = table.findOwn();
    if (entry < 0 || table.get(entry, ENDPOINT) !== nameOf(endpointId)) return;
    table.set(entry, SEEN, Math.floor(now / 1000));
    if (table.get(entry, OPEN) > 0) table.add(entry, OPEN, -1);
  }

  #select(key: string): void {
    this.#table.select(SPACE + 4 * this.#poolSlot, key);
  }

  #use(key: string, endpointId: string, now: number, since: number): number {
    const table = this.#table;
    const second = Math.floor(now / 1000);
    const name = nameOf(endpointId);
    this.#now = second;
    this.#select(key);
    const began = since >= 0 ? since : this.#beganElsewhere(name, second);
    const entry = table.claim(this.#staleness);
    const stale = second - table.get(entry, SEEN) > this.#ttlSeconds && table.get(entry, OPEN) === 0;
    if (table.get(entry, ENDPOINT) !== name || stale || second - table.get(entry, SINCE) > this.#maxAgeSeconds) {
      if (table.get(entry, ENDPOINT) !== name) table.set(entry, OPEN, 0);
      table.set(entry, ENDPOINT, name);
      table.set(entry, SINCE, began);
    }
    table.set(entry, POOL, this.#poolSlot + 1);
    table.set(entry, SEEN, second);
    return entry;
  }

  /** Another worker may know the key already: its age is not to begin again with each worker. */
  #beganElsewhere(name: number, second: number): number {
    if (this.#maxAgeSeconds === Number.POSITIVE_INFINITY || this.#table.workers === 1) return second;
    const table = this.#table;
    let began = second;
    for (let worker = 0; worker < table.workers; worker++) {
      const entry = table.find(worker);
      if (entry < 0 || table.get(entry, ENDPOINT) !== name) continue;
      if (second - table.get(entry, SEEN) > this.#ttlSeconds) continue;
      const since = table.get(entry, SINCE);
      if (second - since <= this.#maxAgeSeconds) began = Math.min(began, since);
    }
    return began;
  }

  readonly #staleness = (entry: number): number =>
    this.#table.get(entry, OPEN) > 0 ? 0 : Math.max(0, this.#now - this.#table.get(entry, SEEN));
}

/** A worker that died uses nothing any more, but its clients keep their endpoints. */
export function endAllUses(pins: KeyedTable): void {
  pins.setAll(OPEN, 0);
}

/** What a count of sessions must know of a pool. */
export interface CountedPool {
  readonly slot: number;
  readonly ttlMs: number;
  readonly endpoints: readonly { readonly id: string; readonly slot: number }[];
}

/** Looks at this many entries of a worker at most; beyond that it counts a part of them and says so many more. */
const MOST_LOOKS = 1 << 18;

/**
 * Sessions by slot of their endpoint, over all workers, each counted where it was seen last. Exact as long as tables are small
 * enough to be looked at whole.
 */
export function countPins(table: KeyedTable, pools: readonly CountedPool[], now: number): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  const bySlot = new Map(
    pools.map(({ slot, ttlMs, endpoints }) => [
      slot + 1,
      { ttl: ttlMs / 1000, slots: new Map(endpoints.map((one) => [nameOf(one.id), one.slot])) },
    ]),
  );
  const second = Math.floor(now / 1000);
  const share = Math.max(1, Math.ceil((table.size * table.workers) / MOST_LOOKS));
  table.visit(share, (entry) => {
    const pool = bySlot.get(table.get(entry, POOL));
    if (pool === undefined) return;
    const seen = table.get(entry, SEEN);
    if (table.get(entry, OPEN) === 0 && second - seen > pool.ttl) return;
    const slot = pool.slots.get(table.get(entry, ENDPOINT));
    if (slot === undefined || isNewerElsewhere(table, entry, seen)) return;
    counts.set(slot, (counts.get(slot) ?? 0) + share);
  });
  return counts;
}

/** Of two that are as new the one of the first worker counts. */
function isNewerElsewhere(table: KeyedTable, entry: number, seen: number): boolean {
  if (table.workers === 1) return false;
  table.selectAs(entry);
  for (let worker = 0; worker < table.workers; worker++) {
    const other = table.find(worker);
    if (other < 0 || other === entry) continue;
    const then = table.get(other, SEEN);
    if (then > seen || (then === seen && other < entry)) return true;
  }
  return false;
}

export function nameOf(id: string): number {
  return hash32(id, ENDPOINT_SEED) | 0;
}
