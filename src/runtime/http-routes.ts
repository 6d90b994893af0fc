// Owns the compiled routing of one HTTP listener: which route a request takes, which pool it goes to, and what its patterns
// and the tables say of it.

import { compilePattern } from '../config/regex.ts';
import type { Config, HttpListenerConfig, KeySource, RouteConfig, SplitKey } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import type { HttpHandler, HttpPool, HttpRoute } from '../http/context.ts';
import type { HeadView } from '../http/head-view.ts';
import { HedgeDelay } from '../http/hedge.ts';
import { agentClass } from '../routing/agent.ts';
import { capturesOf } from '../routing/captures.ts';
import { compileRoutes, type RoutingFacts } from '../routing/compile.ts';
import { cookieOf, parameterOf } from '../routing/conditions.ts';
import { explainRoutes } from '../routing/explain.ts';
import { looseReading } from '../routing/normalize.ts';
import type { ClientPlace, Predicate } from '../routing/route.ts';
import { type LiveWeights, Split, setCookieText, splitName } from '../routing/split.ts';
import { Tables, valuesOf } from '../routing/tables.ts';
import type { ChainBuilder } from './handlers.ts';
import type { ServedPool } from './snapshot.ts';
import { routeKey } from './variant-slots.ts';

/** What routes lean on beside the request; the same for all listeners of a configuration. */
export interface RoutingParts {
  readonly maps: Config['maps'];
  readonly predicates: ReadonlyMap<string, Predicate>;
  readonly place: (client: string) => ClientPlace;
  readonly onThrow: (predicate: string, error: unknown) => void;
  readonly live: LiveWeights;
  readonly random: Random;
  /** Rows of the counters by `listener/route/variant`. */
  readonly variantSlots: Readonly<Record<string, number>>;
}

type Captures = ReturnType<typeof capturesOf>;

type PoolOf = (name: string) => HttpPool | undefined;

export function httpRouting(
  listener: HttpListenerConfig,
  pools: ReadonlyMap<string, ServedPool>,
  parts: RoutingParts,
  chainOf: ChainBuilder,
): Pick<HttpHandler, 'match' | 'lookUp' | 'explain'> {
  const { maps, predicates, place, onThrow } = parts;
  const base = { regex: compilePattern, place };
  const tables = new Tables(Object.values(maps), base);
  const facts: RoutingFacts = { ...base, predicates, onThrow, table: (name, head) => tables.value(name, head) };
  const captures = new Map<HttpRoute, Captures>();
  const poolOf = poolsFor(listener, pools, chainOf);
  const routes = listener.routes.map((config) => {
    const poolFor = chooser(config, listener, poolOf, parts, tables);
    const filters = chainOf(listener.name, `${listener.name}/route ${config.name}`, config.filters);
    const { name, timeouts, retries } = config;
    const hedge = config.hedge && new HedgeDelay(config.hedge);
    const slot = parts.variantSlots[routeKey(listener.name, name)] ?? -1;
    const target: HttpRoute = { name, slot, poolFor, timeouts, retries, hedge, filters };
    captures.set(target, capturesOf(config, compilePattern));
    return { config, target };
  });
  const router = compileRoutes(routes, facts);
  const strict = routes.some(({ config }) => config.path !== undefined);
  return {
    match(head) {
      head.routedPath = head.path;
      return strict ? matchSafely(router, head) : router.match(head);
    },
    explain: (head) => explainRoutes(listener.routes, facts, head),
    lookUp: (name, argument, head, route) => {
      switch (name) {
        case 'capture':
          return (route && captures.get(route)?.(head.host, head.routedPath)[argument]) ?? '';
        case 'map':
          return tables.value(argument, head) ?? '';
        case 'country':
          return place(head.client).country;
        case 'device':
          return agentClass(head);
        case 'variant':
          return head.variant;
      }
    },
  };
}

/**
 * What a backend might read differently (`%2F`, `//`, `;x`) takes a route only if every reading takes that same one: else
 * one spelling would get around what another route is for, and the request is refused.
 */
function matchSafely(router: { match(head: HeadView): HttpRoute | undefined }, head: HeadView): HttpRoute | undefined {
  const found = router.match(head);
  const { path } = head;
  const loose = looseReading(path);
  if (loose === path || found === undefined) return found;
  head.path = loose;
  const other = router.match(head);
  head.path = path;
  if (other === found) return found;
  head.ambiguous = true;
  return undefined;
}

function chooser(
  config: RouteConfig,
  listener: HttpListenerConfig,
  poolOf: PoolOf,
  parts: RoutingParts,
  tables: Tables,
): (head: HeadView) => HttpPool | undefined {
  if (config.split !== undefined) return splitChooser(config, listener, poolOf, parts);
  if (config.poolMap !== '') {
    const names = valuesOf(parts.maps[config.poolMap]);
    const known = new Map(names.map((name) => [name, poolOf(name)]));
    return (head) => known.get(tables.value(config.poolMap, head) ?? '');
  }
  const only = poolOf(config.pool);
  return () => only;
}

function splitChooser(
  { name: route, split: config }: RouteConfig,
  listener: HttpListenerConfig,
  poolOf: PoolOf,
  { live, random, variantSlots }: RoutingParts,
): (head: HeadView) => HttpPool {
  const name = splitName(listener.name, route);
  const { by, variants } = config!;
  const targets = variants.map((variant): HttpPool => {
    return { ...poolOf(variant.pool)!, variant: { name: variant.name, slot: variantSlots[`${name}/${variant.name}`] } };
  });
  const split = new Split({ name, config: config!, live, facts: { regex: compilePattern }, random });
  const secure = listener.tls !== undefined;
  return (head) => {
    const at = split.choose(head);
    head.variant = variants[at].name;
    if (split.issued !== '') head.setCookie = setCookieText(by as SplitKey & { from: 'cookie' }, split.issued, secure);
    return targets[at];
  };
}

/** Each pool is made once a listener, so that its filters are the same for all routes there. */
function poolsFor(listener: HttpListenerConfig, pools: ReadonlyMap<string, ServedPool>, chainOf: ChainBuilder): PoolOf {
  const known = new Map<string, HttpPool>();
  return (name) => {
    const before = known.get(name);
    const served = pools.get(name);
    if (before !== undefined || served === undefined) return before;
    const keyOf = served.keyed ? keyFunction(served.config.balance.key) : undefined;
    const terms = { config: served.config.connection, tls: served.tls };
    const filters = chainOf(listener.name, `${listener.name}/pool ${name}`, served.config.filters);
    const pool = { ...served, keyOf, terms, filters, variant: undefined };
    known.set(name, pool);
    return pool;
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
    case 'sni':
      throw new Error('plain HTTP has no SNI; refused when the configuration was compiled');
  }
}
