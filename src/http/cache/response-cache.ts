// Owns one cache of one worker: memory before disk, who is fetching what right now, and what turned out not to be kept. Lives across
// reloads. It decides nothing about freshness.

import { LRUCache } from 'lru-cache';
import type { CacheConfig } from '../../config/types.ts';
import { hash32 } from '../../core/hash.ts';
import type { Resource } from '../resources.ts';
import { DiskStore } from './disk.ts';
import type { Entry } from './entry.ts';
import { variantOf } from './keys.ts';
import { MemoryStore, type Purge } from './memory.ts';

const MOST_UNKEPT = 65_536;
const MOST_SEEN = 262_144;
/** Seeds of two hashes, so that they say different things. */
const SEEDS = [0x2545f491, 0x9e3779b9] as const;

type Header = (name: string) => string | undefined;

/** Somebody fetches an answer; others wait for it. */
export class Flight {
  readonly over: Promise<void>;
  #land: (() => void) | undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  land(): void {
    this.#land?.();
    this.#land = undefined;
  }
}

export class ResponseCache implements Resource {
  readonly memory: MemoryStore;
  readonly disk: DiskStore | undefined;
  readonly maxObjectBytes: number;
  readonly #flights = new Map<string, Flight>();
  /** By `markOf`: addresses are as long as clients like, and what is bounded by number must be small. */
  readonly #unkept = new LRUCache<number, true>({ max: MOST_UNKEPT });
  /** Made when somebody counts. */
  #seen: LRUCache<number, number> | undefined;

  constructor({ memoryBytes, maxObjectBytes, disk }: CacheConfig, share: number, folder: string) {
    this.memory = new MemoryStore(Math.floor(memoryBytes / share));
    this.maxObjectBytes = maxObjectBytes;
    this.disk = disk === undefined ? undefined : new DiskStore(folder, Math.floor(disk.sizeBytes / share));
  }

  /** At once from memory; a promise where it has to be read from disk first. */
  find(primary: string, header: Header): Entry | undefined | Promise<Entry | undefined> {
    const key = this.memory.keyOf(primary, header);
    const entry = key === undefined ? undefined : this.memory.get(key);
    if (entry !== undefined || this.disk === undefined) return entry;
    const vary = this.disk.varyOf(primary) ?? [];
    const variant = variantOf(vary, header);
    if (variant === undefined || !this.disk.mayHave(primary + variant)) return undefined;
    return this.#promoted(primary, vary, primary + variant);
  }

  async #promoted(primary: string, vary: readonly string[], key: string): Promise<Entry | undefined> {
    const entry = await this.disk!.get(key);
    if (entry !== undefined) this.memory.put(primary, vary, entry);
    return entry;
  }

  put(primary: string, vary: readonly string[], entry: Entry): void {
    this.#unkept.delete(markOf(primary));
    this.memory.put(primary, vary, entry);
    void this.disk?.put(entry, vary);
  }

  flight(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  takeOff(key: string): Flight {
    const flight = new Flight();
    this.#flights.set(key, flight);
    return flight;
  }

  land(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    flight.land();
  }

  /** Answers of this key are not kept, so nobody should wait for one. */
  notKept(primary: string, ttlMs: number): void {
    this.#unkept.set(markOf(primary), true, { ttl: ttlMs });
  }

  isNotKept(primary: string): boolean {
    return this.#unkept.get(markOf(primary)) === true;
  }

  /** How often it was asked for, this time included. */
  asked(primary: string): number {
    this.#seen ??= new LRUCache({ max: MOST_SEEN });
    const mark = markOf(primary);
    const times = (this.#seen.get(mark) ?? 0) + 1;
    this.#seen.set(mark, times);
    return times;
  }

  purge(what: Purge): number {
    return this.memory.purge(what) + (this.disk?.purge(what) ?? 0);
  }

  close(): void {
    for (const flight of this.#flights.values()) flight.land();
    this.#flights.clear();
    this.memory.clear();
    this.disk?.close();
  }
}

/** 53 bits of it: who is taken for another is asked for a little too early, or not waited for. */
function markOf(primary: string): number {
  return hash32(primary, SEEDS[0]) * 0x20_0000 + (hash32(primary, SEEDS[1]) & 0x1f_ffff);
}
