// Owns turning a blueprint (plain data, the same for every worker) into what one worker runs: pools and handlers.
// Builds everything new beside what runs; publishing it is `data-plane.ts`.

import type { BalancerEnv } from '../balancing/balancer.ts';
import { type AnyBalancerKind, balancerByName } from '../balancing/index.ts';
import { compilePattern } from '../config/regex.ts';
import type { Config, KeySource, ListenerConfig } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import type { HttpHandler, HttpPool, HttpRoute } from '../http/context.ts';
import type { HeadView } from '../http/head-view.ts';
import { Pool } from '../pool/pool.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import { compileRoutes } from '../routing/compile.ts';
import { cookieOf, parameterOf } from '../routing/conditions.ts';

/** A configuration with slots assigned: what the main thread sends to every worker. */
export interface Blueprint {
  readonly version: number;
  readonly config: Config;
  readonly pools: readonly BlueprintPool[];
  /** Row of the counters by listener name. */
  readonly listenerSlots: Readonly<Record<string, number>>;
  /** A file that brings balancing kinds along; '' when there is none. */
  readonly kindsFile: string;
}

export interface BlueprintPool {
  readonly name: string;
  readonly slot: number;
  readonly endpoints: readonly PoolEndpoint[];
}

export interface Snapshot {
  readonly blueprint: Blueprint;
  readonly pools: ReadonlyMap<string, HttpPool>;
  readonly handlers: ReadonlyMap<string, HttpHandler>;
}

export interface SnapshotParts {
  readonly env: BalancerEnv;
  readonly kinds: readonly AnyBalancerKind[];
  readonly onSignal: () => void;
  readonly previous: Snapshot | undefined;
}

export function buildSnapshot(blueprint: Blueprint, parts: SnapshotParts): Snapshot {
  const { config } = blueprint;
  const pools = new Map(blueprint.pools.map((pool) => [pool.name, buildPool(pool, config, parts)]));
  const trusted = CidrSet.of(config.trustedProxies);
  const handlers = new Map(
    Object.values(config.listeners).map((listener) => [listener.name, buildHandler(listener, pools, trusted)]),
  );
  return { blueprint, pools, handlers };
}

function buildPool({ name, slot, endpoints }: BlueprintPool, config: Config, parts: SnapshotParts): HttpPool {
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
  return {
    name,
    slot,
    config: pool,
    pool: built,
    keyOf: kind.needs === 'key' ? keyFunction(pool.balance.key) : undefined,
  };
}

function buildHandler(listener: ListenerConfig, pools: ReadonlyMap<string, HttpPool>, trusted: CidrSet): HttpHandler {
  const routes = listener.routes.map((config) => {
    const target: HttpRoute = { name: config.name, pool: pools.get(config.pool)!, timeouts: config.timeouts };
    return { config, target };
  });
  const router = compileRoutes(routes, compilePattern);
  return {
    config: listener,
    limits: listener.limits,
    match: (head) => router.match(head),
    isTrusted: (address) => trusted.has(address),
  };
}

function keyFunction(key: KeySource): (head: HeadView) => string {
  switch (key.from) {
    case 'source':
      return (head) => head.client;
    case 'path':
      return (head) => head.path;
    case 'header':
      return (head) => head.header(key.name) ?? '';
    case 'cookie':
      return (head) => cookieOf(head.header('cookie'), key.name) ?? '';
    case 'query':
      return (head) => parameterOf(head.query, key.name) ?? '';
  }
}
