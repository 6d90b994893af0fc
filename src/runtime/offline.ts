// Owns a balancer without traffic: the pools, members and zones of a configuration over memory of its own, with everything up
// but what the caller says is down. For commands that tell what would happen.

import type { AnyBalancerKind } from '../balancing/index.ts';
import type { Config } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { Env } from '../core/env.ts';
import { KeyedTable } from '../core/keyed-table.ts';
import { LoadTable } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import { HealthTable } from '../health/table.ts';
import { SlotRegistry } from '../pool/registry.ts';
import type { Predicate } from '../routing/route.ts';
import { LiveWeights } from '../routing/split.ts';
import { NOWHERE } from '../steering/unknown.ts';
import { KnownStaples } from '../tls/staples.ts';
import { assignSlots, healthSets, siteId } from './health-sets.ts';
import { type Blueprint, buildSnapshot, type Snapshot } from './snapshot.ts';
import { NO_TLS } from './tls-keeper.ts';
import type { DnsBlueprint } from './zones.ts';

const ENDPOINTS = 16_384;
const POOLS = 2048;

export interface OfflineOptions {
  readonly env: Env;
  readonly kinds: readonly AnyBalancerKind[];
  readonly predicates: ReadonlyMap<string, Predicate>;
  readonly dns: DnsBlueprint | undefined;
  /** Sites, pools and endpoints (`pool/host:port`) that are down. */
  readonly down: readonly string[];
}

/** The error names what is said to be down and does not exist. */
export function offlineSnapshot(
  config: Config,
  { env, kinds, predicates, dns, down }: OfflineOptions,
): Result<Snapshot, string> {
  const load = LoadTable.local(ENDPOINTS, POOLS);
  const registry = new SlotRegistry(load);
  const slots = assignSlots(registry, config);
  if (!slots.ok) return slots;
  const blueprint: Blueprint = {
    version: 1,
    config,
    ...slots.value,
    dns,
    geo: [],
    tls: NO_TLS,
    listenerSlots: {},
    variantSlots: {},
    sockets: {},
    kernel: [],
    affinityKeys: {},
    kindsFile: '',
  };
  const health = new HealthTable({ load, clock: env.clock });
  for (const set of healthSets(blueprint, config.pools)) health.setPool(set, { initial: true });
  const known = new Set(health.snapshot().map(({ id }) => id));
  for (const id of known) health.probeResult(id, { ok: true, tookMs: 0, evidence: 'taken for healthy' });
  for (const name of down) {
    const ids = idsOf(name, config).filter((id) => known.has(id));
    if (ids.length === 0) return err(`there is no site, pool or endpoint "${name}"`);
    for (const id of ids) health.override(id, 'maintenance', 'said to be down');
  }
  health.stop();
  const snapshot = buildSnapshot(blueprint, {
    env: { ...env, load },
    pins: KeyedTable.local(),
    kinds,
    onSignal: () => undefined,
    staples: new KnownStaples(),
    policy: undefined,
    routing: { predicates, place: () => NOWHERE, onThrow: () => undefined, live: new LiveWeights() },
    previous: undefined,
  });
  return ok(snapshot);
}

/** A site that is down has nobody left in its pool. */
function idsOf(name: string, { sites, pools }: Config): readonly string[] {
  const site = sites[name];
  if (site !== undefined && site.pool === undefined) return [siteId(name)];
  const pool = pools[site?.pool ?? name];
  if (pool === undefined) return [name];
  return pool.endpoints.map(({ address }) => `${pool.name}/${formatAddress(address)}`);
}
