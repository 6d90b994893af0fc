// Owns turning a blueprint (plain data, the same for every worker) into what one worker runs: pools and handlers.
// Builds everything new beside what runs; publishing it is `data-plane.ts`.

import type { HttpAffinity } from '../affinity/affinity.ts';
import { affinityByName } from '../affinity/index.ts';
import { PinTable } from '../affinity/pin-table.ts';
import type { BalancerEnv } from '../balancing/balancer.ts';
import { type AnyBalancerKind, balancerByName } from '../balancing/index.ts';
import type { Config, FilterEntry, PoolConfig, RedisConfig } from '../config/types.ts';
import type { FilterEvent } from '../core/counters.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { GeoFile } from '../geo/files.ts';
import type { ResponseCache } from '../http/cache/response-cache.ts';
import type { HttpContext } from '../http/context.ts';
import type { Filter, FilterKind, FilterTools, SharedRates } from '../http/filter.ts';
import { buildChain, type FilterChain } from '../http/filter-chain.ts';
import type { Resources } from '../http/resources.ts';
import { sealOf } from '../http/seal.ts';
import { type Shadow, shadowOf } from '../http/shadow.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { RateTable } from '../limits/rate-table.ts';
import type { GivenSockets } from '../net/listener.ts';
import { Pool } from '../pool/pool.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import type { SharedStores } from '../store/shared-stores.ts';
import { ClientTerms } from '../tls/client.ts';
import type { KnownStaples } from '../tls/staples.ts';
import { buildDnsHandler, dnsListenerNames } from './dns-handler.ts';
import { type Handler, handlerBuilder } from './handlers.ts';
import type { RoutingParts } from './http-routes.ts';
import { membersOf } from './members.ts';
import type { TlsBlueprint } from './tls-keeper.ts';
import type { DnsBlueprint } from './zones.ts';

/** A configuration with slots assigned: what the main thread sends to every worker. */
export interface Blueprint {
  readonly version: number;
  readonly config: Config;
  readonly pools: readonly BlueprintPool[];
  /** In the form of a pool: each site's slot is where an operator's word about it stands. */
  readonly sites: BlueprintPool;
  readonly dns: DnsBlueprint | undefined;
  /** Databases of places; none when nobody asks. */
  readonly geo: readonly GeoFile[];
  readonly tls: TlsBlueprint;
  /** Keys that seal affinity cookies, by pool; the first one is in use. */
  readonly affinityKeys: Readonly<Record<string, readonly string[]>>;
  /** Row of the counters by listener name. */
  readonly listenerSlots: Readonly<Record<string, number>>;
  /** Row of the counters by listener, route and variant. */
  readonly variantSlots: Readonly<Record<string, number>>;
  /** Sockets that this process was given, by listener; of the first configuration only. */
  readonly sockets: Readonly<Record<string, GivenSockets>>;
  /** Listeners whose packets the kernel forwards: workers leave them alone. */
  readonly kernel: readonly string[];
  /** A file that brings balancing kinds or predicates along; '' when there is none. */
  readonly kindsFile: string;
}

export interface BlueprintPool {
  readonly name: string;
  readonly slot: number;
  readonly endpoints: readonly PoolEndpoint[];
}

/** A pool of this worker, whatever protocol uses it. */
export interface ServedPool {
  readonly name: string;
  readonly slot: number;
  readonly config: PoolConfig;
  readonly pool: Pool;
  /** How connections to its endpoints are encrypted; undefined: not at all. */
  readonly tls: ClientTerms | undefined;
  readonly affinity: HttpAffinity | undefined;
  /** Which client address uses which endpoint, for layer 4. */
  readonly pins: PinTable | undefined;
  /** The pool's kind hashes a key. */
  readonly keyed: boolean;
}

export interface Snapshot {
  readonly blueprint: Blueprint;
  readonly pools: ReadonlyMap<string, ServedPool>;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Of all handlers. */
  readonly filters: readonly Filter[];
}

export interface FilterParts {
  readonly kinds: ReadonlyMap<string, FilterKind>;
  readonly resources: Resources;
  readonly rates: RateTable;
  readonly cache: (name: string) => ResponseCache;
  readonly sharedRates: (store: RedisConfig) => SharedRates;
  readonly counts: KeyedCounts;
  readonly count: (listener: string, event: FilterEvent) => void;
  /** What requests of filters' own are sent with. */
  readonly http: HttpContext;
  readonly log: FilterTools['log'];
}

export interface SnapshotParts {
  readonly env: BalancerEnv;
  /** Which client uses which endpoint. */
  readonly pins: KeyedTable;
  readonly kinds: readonly AnyBalancerKind[];
  /** What filters are made of; undefined where no request ever comes. */
  readonly policy: FilterParts | undefined;
  readonly onSignal: () => void;
  readonly staples: KnownStaples;
  /** Absent where nothing is served. */
  readonly stores?: Pick<SharedStores, 'pins'>;
  readonly routing: Omit<RoutingParts, 'maps' | 'random' | 'variantSlots'>;
  readonly previous: Snapshot | undefined;
}

export function buildSnapshot(blueprint: Blueprint, parts: SnapshotParts): Snapshot {
  const { config } = blueprint;
  const pools = new Map(blueprint.pools.map((pool) => [pool.name, buildPool(pool, blueprint, parts)]));
  const before = (name: string): Handler | undefined => parts.previous?.handlers.get(name);
  const filters: Filter[] = [];
  const tls = { ...blueprint.tls, staples: parts.staples, before };
  const { maps, trustedProxies } = config;
  const { variantSlots } = blueprint;
  const build = handlerBuilder(
    pools,
    trustedProxies,
    tls,
    (listener, place, entries) => chainOf(parts, pools, listener, place, entries, filters),
    { ...parts.routing, maps, variantSlots, random: parts.env.random },
  );
  const handlers = new Map<string, Handler>(
    Object.values(config.listeners).map((listener) => [listener.name, build(listener)]),
  );
  if (config.dns !== undefined && blueprint.dns !== undefined) {
    const handler = buildDnsHandler(config.dns, blueprint.dns, membersOf(blueprint, pools, parts.env.load));
    for (const name of dnsListenerNames(config.dns)) handlers.set(name, handler);
  }
  return { blueprint, pools, handlers, filters };
}

function chainOf(
  { env, policy }: SnapshotParts,
  pools: ReadonlyMap<string, ServedPool>,
  listener: string,
  place: string,
  entries: readonly FilterEntry[],
  all: Filter[],
): FilterChain | undefined {
  if (policy === undefined) return undefined;
  const { kinds, count, log, http, ...shared } = policy;
  const shadow = (name: string): Shadow => {
    const { slot, pool, config, tls } = pools.get(name)!;
    return shadowOf(http, { slot, pool, terms: { config: config.connection, tls } });
  };
  const chain = buildChain(entries, kinds, (i) => ({
    env,
    listener,
    ...shared,
    shadow,
    place: `${place}/${i}`,
    count: (event) => count(listener, event),
    log: (message, fields) => log(message, { listener, ...fields }),
  }));
  if (chain !== undefined) all.push(...chain.filters);
  return chain;
}

function buildPool(
  { name, slot, endpoints }: BlueprintPool,
  { config, tls, affinityKeys }: Blueprint,
  parts: SnapshotParts,
): ServedPool {
  const pool = config.pools[name];
  const kind = balancerByName(pool.balance.kind, parts.kinds);
  if (kind === undefined) throw new Error(`the balancing kind "${pool.balance.kind}" is not known to this worker`);
  const built = new Pool({
    name,
    slot,
    config: pool,
    endpoints,
    kind,
    env: parts.env,
    zone: config.zone,
    onSignal: parts.onSignal,
    previous: parts.previous?.pools.get(name)?.pool,
  });
  const pins = pool.affinity === undefined ? undefined : new PinTable(parts.pins, slot, pool.affinity, endpoints);
  const affinity = pins && buildAffinity({ name, slot, endpoints }, built, affinityKeys[name], pins, parts);
  const alpn = pool.protocol === 'h2' ? ['h2'] : ['http/1.1'];
  const terms = pool.tls === undefined ? undefined : new ClientTerms(pool.tls, tls.upstreams[name], alpn);
  return { name, slot, config: pool, pool: built, tls: terms, affinity, pins, keyed: kind.needs === 'key' };
}

function buildAffinity(
  { name, slot, endpoints }: BlueprintPool,
  pool: Pool,
  keys: readonly string[] | undefined,
  pins: PinTable,
  { env, pins: table, stores }: SnapshotParts,
): HttpAffinity {
  const config = pool.config.affinity!;
  return affinityByName(config.by)!.build({
    config,
    poolSlot: slot,
    endpoints,
    clock: env.clock,
    random: env.random,
    table,
    pins,
    serves: (endpoint) => pool.servesPinned(endpoint),
    seal: keys && sealOf(keys, name, config.by, config.name),
    store: config.store && stores?.pins(config.store, name, slot),
    dateText: (ms) => new Date(ms).toUTCString(),
  });
}
