// Owns what is wanted of pools beside the configuration: whole sets that somebody found (discovery) or started (autoscaling), and
// what operators changed while it runs. A configuration and all of that become one configuration, which is what comes into
// effect. Pure but for its own maps; what is written in the configuration is never changed, so that every word can be taken back.

import type { Config, EndpointConfig, PoolConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { EndpointId } from '../core/endpoint.ts';
import { err, ok, type Result } from '../core/result.ts';

export type EndpointSource = 'discovery' | 'autoscale';
/** Who brought an endpoint into its pool. */
export type Origin = 'config' | EndpointSource | 'operator';

/** An operator's word about one endpoint. */
export interface EndpointEdit {
  readonly id: EndpointId;
  readonly pool: string;
  /** Undefined: as it was. */
  readonly weight?: number | undefined;
  /** It exists by this word alone. */
  readonly added?: EndpointConfig | undefined;
  readonly removed: boolean;
  /** Wall-clock ms. */
  readonly at: number;
  readonly note: string;
}

/** Words about endpoints that never come back must not pile up. */
export const MAX_EDITS = 10_000;

export class Desired {
  readonly #sets = new Map<string, Map<EndpointSource, readonly EndpointConfig[]>>();
  readonly #edits = new Map<EndpointId, EndpointEdit>();

  /** A whole set; in place of the one that this source gave before. */
  setEndpoints(source: EndpointSource, pool: string, endpoints: readonly EndpointConfig[]): void {
    const sets = this.#sets.get(pool) ?? new Map<EndpointSource, readonly EndpointConfig[]>();
    sets.set(source, endpoints);
    this.#sets.set(pool, sets);
  }

  endpointsOf(source: EndpointSource, pool: string): readonly EndpointConfig[] {
    return this.#sets.get(pool)?.get(source) ?? [];
  }

  /** Pools that are not configured any more take what was found for them along. */
  retain(pools: Config['pools']): void {
    for (const name of this.#sets.keys()) if (pools[name] === undefined) this.#sets.delete(name);
  }

  edits(): readonly EndpointEdit[] {
    return [...this.#edits.values()];
  }

  edit(edit: EndpointEdit): Result<void, string> {
    if (!this.#edits.has(edit.id) && this.#edits.size >= MAX_EDITS)
      return err(`there are ${MAX_EDITS} changes of endpoints already; take some back`);
    this.#edits.set(edit.id, edit);
    return ok(undefined);
  }

  /** The word about it, if there is one. */
  editOf(id: EndpointId): EndpointEdit | undefined {
    return this.#edits.get(id);
  }

  /** False when there was none. */
  takeBack(id: EndpointId): boolean {
    return this.#edits.delete(id);
  }

  /** What comes into effect. The same object when nobody has a word to say. */
  merge(config: Config): Config {
    if (this.#sets.size === 0 && this.#edits.size === 0) return config;
    const pools = Object.values(config.pools).map((pool) => [pool.name, this.#merged(pool)] as const);
    return { ...config, pools: Object.fromEntries(pools) };
  }

  /** Who brought the endpoints of a pool, by address. */
  originsOf(config: Config, pool: string): ReadonlyMap<string, Origin> {
    const origins = new Map<string, Origin>();
    const add = ({ address }: EndpointConfig, origin: Origin): void => {
      const id = formatAddress(address);
      if (!origins.has(id)) origins.set(id, origin);
    };
    for (const endpoint of config.pools[pool]?.endpoints ?? []) add(endpoint, 'config');
    for (const [source, set] of this.#sets.get(pool) ?? []) for (const endpoint of set) add(endpoint, source);
    for (const { added } of this.#editsOf(pool)) if (added !== undefined) add(added, 'operator');
    return origins;
  }

  #merged(pool: PoolConfig): PoolConfig {
    const sets = this.#sets.get(pool.name);
    const edits = this.#editsOf(pool.name);
    if (sets === undefined && edits.length === 0) return pool;
    const all = new Map<string, EndpointConfig>();
    const add = (endpoint: EndpointConfig): void => {
      const address = formatAddress(endpoint.address);
      // Whoever wrote it down knows it best.
      if (!all.has(address)) all.set(address, endpoint);
    };
    pool.endpoints.forEach(add);
    for (const set of sets?.values() ?? []) set.forEach(add);
    for (const { added } of edits) if (added !== undefined) add(added);
    for (const { id, weight, removed } of edits) {
      const address = id.slice(pool.name.length + 1);
      const endpoint = all.get(address);
      if (removed) all.delete(address);
      else if (endpoint !== undefined && weight !== undefined) all.set(address, { ...endpoint, weight });
    }
    return { ...pool, endpoints: [...all.values()] };
  }

  #editsOf(pool: string): readonly EndpointEdit[] {
    return [...this.#edits.values()].filter((edit) => edit.pool === pool);
  }
}
