// Owns which sources are watched for the pools of a configuration, over reloads: what did not change goes on, and what a source
// found last is kept whatever happens to it. The sets of a pool's sources are joined; whoever listens is told whole sets, many
// changes at once, and only real ones. Main thread only; no request ever waits for it.
//
//   follow(next) ──starts what is new──▶ both are watched ──settle(next) or settle(current)──▶ what is not in it ends

import type { Config, DiscoverConfig, EndpointConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { Env, Timer } from '../core/env.ts';
import type { watch } from '../discovery/watcher.ts';
import type { Log } from '../observe/log.ts';
import { DiscoverySource } from './discovery-source.ts';
import type { DiscoveryReport } from './facade.ts';

export type FoundSets = ReadonlyMap<string, readonly EndpointConfig[]>;

export interface DiscoveryKeeperOptions {
  readonly env: Env;
  readonly log: Log;
  readonly folder: string;
  /** Whole sets of pools that have changed. */
  readonly onSets: (sets: FoundSets) => void;
  readonly watch?: typeof watch;
}

type Pools = Config['pools'];

/** So long changes gather before they are told. */
const GATHER_MS = 20;
/** What was refused is told again after this time. */
const AGAIN_MS = 5000;

export class DiscoveryKeeper {
  readonly #options: DiscoveryKeeperOptions;
  readonly #sources = new Map<string, DiscoverySource>();
  /** Keys of sources by pool, in the order of the configuration. */
  #order = new Map<string, readonly string[]>();
  /** What was told of each pool. */
  readonly #told = new Map<string, string>();
  readonly #dirty = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #gathering: Timer | undefined;
  #again: Timer | undefined;

  constructor(options: DiscoveryKeeperOptions) {
    this.#options = options;
  }

  /** Starts what is new in this configuration; the rest goes on. Ends when all have told something, or after `waitMs`. */
  async follow({ pools }: Config, waitMs: number): Promise<void> {
    const order = orderOf(pools);
    for (const [pool, keys] of order) {
      for (const [i, key] of keys.entries()) {
        if (this.#sources.has(key)) continue;
        const config = pools[pool].discover[i];
        this.#sources.set(key, this.#start(pool, config));
      }
    }
    this.#reorder(order);
    await this.#ready([...order.values()].flat(), waitMs);
    this.#flush();
  }

  /** This configuration is in effect: what it does not name ends. */
  settle({ pools }: Pick<Config, 'pools'>): void {
    const order = orderOf(pools);
    const wanted = new Set([...order.values()].flat());
    for (const [key, source] of this.#sources) {
      if (wanted.has(key)) continue;
      source.close();
      this.#sources.delete(key);
    }
    this.#reorder(order);
    this.#flush();
  }

  /** Nobody could use what was told of these pools: it is told again later. */
  refused(pools: Iterable<string>): void {
    for (const pool of pools) this.#told.delete(pool);
    this.#again?.cancel();
    this.#again = this.#options.env.clock.after(AGAIN_MS, () => {
      for (const pool of this.#order.keys()) if (!this.#told.has(pool)) this.#dirty.add(pool);
      this.#flush();
    });
  }

  report(): readonly DiscoveryReport[] {
    return [...this.#order.values()].flat().map((key) => this.#sources.get(key)!.report());
  }

  close(): void {
    this.settle({ pools: {} });
    this.#gathering?.cancel();
    this.#again?.cancel();
    for (const done of this.#waiting) done();
  }

  #start(pool: string, config: DiscoverConfig): DiscoverySource {
    const { env, log, folder } = this.#options;
    const before = (this.#order.get(pool) ?? [])
      .map((key) => this.#sources.get(key)!)
      .find((source) => source.config.kind === config.kind && isSamePlace(source.config, config));
    const parts = { env, log, folder, onTold: () => this.#onTold(pool) };
    const { watch } = this.#options;
    return new DiscoverySource(pool, config, { ...parts, ...(watch && { watch }) }, before?.endpoints);
  }

  /** Pools that have no source any more have an empty set. */
  #reorder(order: Map<string, readonly string[]>): void {
    for (const pool of [...this.#order.keys(), ...order.keys()]) this.#dirty.add(pool);
    this.#order = order;
  }

  #onTold(pool: string): void {
    this.#dirty.add(pool);
    for (const done of this.#waiting) done();
    this.#gathering ??= this.#options.env.clock.after(GATHER_MS, () => this.#flush());
  }

  #ready(keys: readonly string[], waitMs: number): Promise<void> {
    const isReady = (): boolean => keys.every((key) => this.#sources.get(key)?.hasTold ?? true);
    if (isReady()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isReady()) end();
      };
      const timer = this.#options.env.clock.after(waitMs, end);
      this.#waiting.add(look);
    });
  }

  #flush(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    const sets = new Map<string, readonly EndpointConfig[]>();
    for (const pool of this.#dirty) {
      const joined = this.#joined(pool);
      // Nothing was ever found: nothing to tell.
      if (joined === undefined && !this.#told.has(pool)) continue;
      const print = fingerprint(joined ?? []);
      if (this.#told.get(pool) === print) continue;
      if (this.#order.has(pool)) this.#told.set(pool, print);
      else this.#told.delete(pool);
      sets.set(pool, joined ?? []);
    }
    this.#dirty.clear();
    if (sets.size > 0) this.#options.onSets(sets);
  }

  /** Of several that have one address the first source counts. Undefined: no source has found anything yet. */
  #joined(pool: string): readonly EndpointConfig[] | undefined {
    const found = (this.#order.get(pool) ?? []).map((key) => this.#sources.get(key)?.endpoints);
    const sets = found.filter((set) => set !== undefined);
    if (sets.length < 2) return sets[0];
    const all = new Map<string, EndpointConfig>();
    for (const endpoint of sets.flat()) {
      const id = formatAddress(endpoint.address);
      if (!all.has(id)) all.set(id, endpoint);
    }
    return [...all.values()];
  }
}

function orderOf(pools: Pools): Map<string, readonly string[]> {
  const order = new Map<string, readonly string[]>();
  for (const { name, discover } of Object.values(pools)) {
    if (discover.length === 0) continue;
    order.set(
      name,
      discover.map((config) => `${name} ${JSON.stringify(config)}`),
    );
  }
  return order;
}

/** Everything but how often, how long and what endpoints are by default. */
function isSamePlace(a: DiscoverConfig, b: DiscoverConfig): boolean {
  const place = ({ defaults: _d, intervalMs: _i, timeoutMs: _t, ...rest }: DiscoverConfig): string =>
    JSON.stringify(rest);
  return place(a) === place(b);
}

/** The same for the same set in whatever order. */
function fingerprint(endpoints: readonly EndpointConfig[]): string {
  const lines = endpoints.map(
    ({ address, weight, tier, zone, maxInFlight, maxRate }) =>
      `${address.host} ${address.port} ${weight} ${tier} ${maxInFlight} ${maxRate} ${zone}`,
  );
  return lines.sort().join('\n');
}
