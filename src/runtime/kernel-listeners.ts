// Owns which listeners the kernel forwards for, and keeps the kernel path fed: services from the configuration, what may
// be picked from the same view as the proxies', and the kernel's counts for the metrics. Main thread only.

import { natObstacles } from '../config/compile/nat.ts';
import type { ConfigIssue } from '../config/issues.ts';
import type { Config } from '../config/types.ts';
import { type Counters, E, L, P } from '../core/counters.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { HealthTable } from '../health/table.ts';
import type { Count } from '../nat/counts.ts';
import { KernelPath } from '../nat/kernel-path.ts';
import { isLayer4, type NatService, serviceOf } from '../nat/service.ts';
import type { Log } from '../observe/log.ts';
import { buildView, type PoolEndpoint, type ViewConfig } from '../pool/view.ts';
import type { Blueprint, BlueprintPool } from './snapshot.ts';

export interface KernelListenersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly load: LoadTable;
  readonly health: HealthTable;
  /** The control plane's own region: workers count nothing for these listeners. */
  readonly counters: Counters;
}

/** How a layer 4 listener's packets go, for the status and the metrics. */
export interface ListenerPath {
  readonly path: 'kernel' | 'proxy';
  /** Why `mode: auto` became a proxy; '' when there is nothing to say. */
  readonly note: string;
}

interface Plan {
  readonly services: readonly NatService[];
  readonly notes: ReadonlyMap<string, string>;
}

const NOBODY: readonly Endpoint[] = [];

export class KernelListeners {
  readonly #options: KernelListenersOptions;
  readonly #path: KernelPath;
  #blueprint: Blueprint | undefined;
  #pools = new Map<string, BlueprintPool>();
  #slots = new Map<string, number>();
  #notes: ReadonlyMap<string, string> = new Map();
  #preparedNotes: ReadonlyMap<string, string> = new Map();
  /** Of the pools' views that the kernel has. */
  #versions = '';

  constructor(options: KernelListenersOptions) {
    this.#options = options;
    const { clock, log, health } = options;
    this.#path = new KernelPath({
      clock,
      pickable: (pool) => this.#pickable(pool),
      onCounts: (counts) => this.#count(counts),
      onProblem: (what, reason) => log.error(`kernel NAT: ${what}`, { reason }),
    });
    health.subscribe(({ pool }) => {
      if (this.#pools.has(pool)) this.#touch();
    });
  }

  get updates(): { readonly applied: number; readonly failed: number } {
    return this.#path.updates;
  }

  /** The names that the kernel will forward for, after everything that it needs was proven to be there. */
  async prepare(blueprint: Blueprint): Promise<Result<readonly string[], ConfigIssue>> {
    const must = this.#planFor(blueprint, 'nat');
    const may = this.#planFor(blueprint, 'auto');
    const notes = new Map(may.notes);
    this.#preparedNotes = notes;
    const both = await this.#path.prepare([...must.services, ...may.services]);
    if (both.ok) return ok([...must.services, ...may.services].map(({ name }) => name));
    for (const { name } of may.services) notes.set(name, both.error);
    const needed = may.services.length === 0 ? both : await this.#path.prepare(must.services);
    if (needed.ok) return ok(must.services.map(({ name }) => name));
    const { name } = must.services[0];
    const message = `${name}: mode nat ${needed.error}`;
    return err({ path: ['listeners', name, 'mode'], message, hint: 'mode: auto falls back to the proxy' });
  }

  #planFor({ config, pools, kindsFile }: Blueprint, mode: 'nat' | 'auto'): Plan {
    const endpoints = new Map(pools.map((pool) => [pool.name, pool.endpoints]));
    const services: NatService[] = [];
    const notes = new Map<string, string>();
    for (const listener of Object.values(config.listeners)) {
      if (!isLayer4(listener) || listener.mode !== mode) continue;
      const note = mode === 'auto' ? obstacle(listener.name, config, kindsFile) : undefined;
      if (note !== undefined) notes.set(listener.name, note);
      else services.push(serviceOf(listener, config, (pool) => endpoints.get(pool) ?? NOBODY));
    }
    return { services, notes };
  }

  async abort(): Promise<void> {
    await this.#path.abort();
  }

  async commit(blueprint: Blueprint): Promise<void> {
    this.#blueprint = blueprint;
    this.#pools = new Map(blueprint.pools.map((pool) => [pool.name, pool]));
    this.#slots = new Map(blueprint.pools.flatMap(({ endpoints }) => endpoints.map(({ id, slot }) => [id, slot])));
    for (const [name, note] of this.#preparedNotes)
      if (this.#notes.get(name) !== note)
        this.#options.log.warn(`${name} is served by the proxy, not by the kernel`, { reason: note });
    this.#notes = this.#preparedNotes;
    this.#versions = this.#poolVersions();
    await this.#path.commit();
  }

  pathOf(listener: string): ListenerPath | undefined {
    const blueprint = this.#blueprint;
    const config = blueprint?.config.listeners[listener];
    if (blueprint === undefined || config === undefined || !isLayer4(config)) return undefined;
    if (blueprint.kernel.includes(listener)) return { path: 'kernel', note: '' };
    return { path: 'proxy', note: this.#notes.get(listener) ?? '' };
  }

  drain(): Promise<void> {
    return this.#path.drain();
  }

  /** Packets of established connections were seen lately. */
  get busy(): boolean {
    return this.#path.busy;
  }

  close(): Promise<void> {
    return this.#path.close();
  }

  #touch(): void {
    this.#versions = this.#poolVersions();
    this.#path.touch();
  }

  #pickable(name: string): readonly Endpoint[] {
    const pool = this.#pools.get(name);
    if (pool === undefined || this.#blueprint === undefined) return NOBODY;
    const { config } = this.#blueprint;
    return kernelPickable(
      pool.endpoints,
      this.#options.load,
      config.pools[name],
      config.zone,
      this.#options.clock.now(),
    );
  }

  /** Slow start and reloads raise versions without a verdict that anybody would be told of. */
  #poolVersions(): string {
    const { load } = this.#options;
    return [...this.#pools.values()].map(({ slot }) => Atomics.load(load.poolVersion, slot)).join();
  }

  #count(counts: readonly Count[]): void {
    for (const count of counts) this.#countOne(count);
    if (this.#poolVersions() !== this.#versions) this.#touch();
  }

  #countOne({ what, listener, pool, endpoint, protocol, packets, bytes }: Count): void {
    const { counters } = this.#options;
    const row = this.#blueprint?.listenerSlots[listener];
    if (row === undefined) return;
    if (what === 'accepted') return counters.listener(row, L.accepted, packets);
    const slot = this.#slots.get(endpoint);
    if (slot === undefined) return;
    if (what === 'new') {
      counters.endpoint(slot, E.requests, packets);
      counters.endpoint(slot, E.connects, packets);
      counters.pool(this.#pools.get(pool)!.slot, P.requests, packets);
      return;
    }
    const sent = what === 'sent';
    counters.listener(row, sent ? L.bytesIn : L.bytesOut, bytes);
    counters.endpoint(slot, sent ? E.bytesSent : E.bytesReceived, bytes);
    if (protocol === 'udp') counters.endpoint(slot, sent ? E.datagramsSent : E.datagramsReceived, packets);
  }
}

/**
 * The same view that proxies balance over. An endpoint on trial takes one request at a time there, and a success ends the
 * trial. The kernel neither counts nor learns, so here the end of the ejection is the end of it: probes decide.
 */
export function kernelPickable(
  endpoints: readonly PoolEndpoint[],
  load: LoadTable,
  config: ViewConfig,
  zone: string,
  now: number,
): readonly Endpoint[] {
  return buildView(endpoints, load, config, zone, now, 0).endpoints;
}

/** Why a listener in mode auto cannot be the kernel's, by its configuration alone. */
export function obstacle(name: string, config: Config, kindsFile: string): string | undefined {
  if (kindsFile !== '') return 'the configuration brings code of its own along, which the kernel cannot run';
  const [first] = natObstacles(config.listeners[name], config.pools);
  return first === undefined ? undefined : `${first.path.slice(0, 3).join('.')} ${first.message}`;
}
