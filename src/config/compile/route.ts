// Owns the step from a parsed route of an HTTP listener to the normalized one, and what a route must be to the parts around it.

import { captureNames, hasCapture, namesCaptured } from '../../routing/captures.ts';
import { valuesOf } from '../../routing/tables.ts';
import { type Path, suggest } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { RouteConfig, TableConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { compileSplit } from './split.ts';

type ParsedHttp = Extract<ParsedDocument['listeners'][string], { readonly protocol: 'http' | 'https' }>;
type ParsedRoute = ParsedHttp['routes'][number];

/** What routes may name. */
export interface RoutingNames {
  readonly pools: readonly string[];
  readonly maps: Readonly<Record<string, TableConfig>>;
  /** That a TypeScript configuration brings along. */
  readonly predicates: readonly string[];
}

/** Takes every request. */
export const ANY_ROUTE: RouteConfig = {
  name: '',
  host: [],
  path: undefined,
  method: [],
  header: {},
  cookie: {},
  query: {},
  client: [],
  country: [],
  continent: [],
  userAgent: [],
  language: [],
  tls: undefined,
  clientCertificate: undefined,
  identity: undefined,
  map: {},
  when: '',
  filters: [],
  pool: '',
  poolMap: '',
  split: undefined,
  timeouts: { firstByteMs: 30_000, attemptMs: 0, totalMs: 0 },
  retries: undefined,
  hedge: undefined,
};

export function compileRoute(
  route: ParsedRoute,
  path: Path,
  fallback: { readonly name: string; readonly isAnswered: boolean },
  names: RoutingNames,
  findings: Findings,
): RouteConfig {
  const host = route.host.map(lowered);
  checkPatterns({ host, path: route.path as RouteConfig['path'] }, path, findings);
  findings.cidrs(route.client, [...path, 'client']);
  findings.serverNames(route.tls?.sni ?? [], [...path, 'tls', 'sni']);
  if (route.clientCertificate?.subject !== undefined)
    findings.match(route.clientCertificate.subject, [...path, 'clientCertificate', 'subject']);
  if (route.identity !== undefined) findings.match(route.identity, [...path, 'identity']);
  for (const field of ['header', 'cookie', 'query', 'map'] as const) {
    for (const [key, match] of Object.entries(route[field])) findings.match(match, [...path, field, key]);
  }
  for (const name of Object.keys(route.map)) checkMap(name, [...path, 'map', name], names, findings);
  if (route.when !== undefined) checkPredicate(route.when, [...path, 'when'], names, findings);
  const { name, pool: _, split, ...conditions } = route;
  return {
    ...ANY_ROUTE,
    ...conditions,
    host,
    when: route.when ?? '',
    hedge: route.hedge ?? undefined,
    ...targetOf(route, fallback.isAnswered, path, names, findings),
    name: name === '' ? fallback.name : name,
    split: split === undefined ? undefined : compileSplit(split, [...path, 'split'], findings),
  } as RouteConfig;
}

/** Names of captures keep their case. */
const lowered = (host: string): string =>
  host.replace(/\{[^}]*\}|[^{]+/g, (part) => (part.startsWith('{') ? part : part.toLowerCase()));

function checkPatterns(route: Pick<RouteConfig, 'host' | 'path'>, path: Path, findings: Findings): void {
  for (const [i, host] of route.host.entries()) {
    const at = [...path, 'host', i];
    if (!hasCapture(host)) {
      findings.host(host, at);
      continue;
    }
    const whole = host.split('.').every((label) => !/[{}]/.test(label) || /^\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(label));
    if (!whole) findings.add(at, `has "${host}", where a capture is no whole label`, 'write {tenant}.example.com');
    else findings.host(host.replace(/\{[^}]*\}/g, 'x'), at);
    noneTwice(captureNames(host) ?? [], at, findings);
  }
  const { path: pattern } = route;
  if (pattern?.kind === 'regex') findings.pattern(pattern.value, [...path, 'path']);
  if (pattern?.kind !== 'template') return;
  const names = captureNames(pattern.value);
  if (names === undefined)
    findings.add([...path, 'path'], `has "${pattern.value}", where a brace is no capture`, 'write {name} or {name**}');
  const inHosts = [...namesCaptured({ host: route.host, path: undefined })];
  noneTwice([...(names ?? []), ...inHosts], [...path, 'path'], findings);
}

function noneTwice(names: readonly string[], path: Path, findings: Findings): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) findings.add(path, `captures "${twice}" twice`, 'give one of them another name');
}

function checkMap(name: string, path: Path, { maps }: RoutingNames, findings: Findings): void {
  if (maps[name] !== undefined) return;
  findings.add(path, `names the map "${name}", which does not exist`, suggest(name, Object.keys(maps)));
}

function checkPredicate(name: string, path: Path, { predicates }: RoutingNames, findings: Findings): void {
  if (predicates.includes(name)) return;
  const hint = suggest(name, predicates) ?? 'predicates come with a configuration in TypeScript: see routing.md';
  findings.add(path, `names the predicate "${name}", which does not exist`, hint);
}

/** One of the three must say where requests go. */
function targetOf(
  { pool, split }: ParsedRoute,
  isAnswered: boolean,
  path: Path,
  names: RoutingNames,
  findings: Findings,
): Pick<RouteConfig, 'pool' | 'poolMap'> {
  if (pool === undefined && split === undefined && !isAnswered)
    findings.add(
      path,
      'needs a "pool", a "split", or a filter that answers',
      'pool: NAME, or filters: [{ respond: 204 }]',
    );
  if (pool !== undefined && split !== undefined)
    findings.add([...path, 'split'], 'stands beside "pool"', 'leave one of them out');
  if (pool === undefined) return { pool: '', poolMap: '' };
  if ('name' in pool) return { pool: pool.name, poolMap: '' };
  const at = [...path, 'pool', 'map'];
  const table = names.maps[pool.map];
  checkMap(pool.map, at, names, findings);
  if (table === undefined) return { pool: '', poolMap: pool.map };
  if (table.default === undefined)
    findings.add(at, `names the map "${pool.map}", which has no default: requests could go nowhere`);
  for (const value of valuesOf(table)) {
    if (!names.pools.includes(value))
      findings.add(at, `can become "${value}", which is no pool`, suggest(value, names.pools));
  }
  return { pool: '', poolMap: pool.map };
}

/** What clients show, where none of them is asked for it. */
export function checkTlsConditions(
  routes: readonly ParsedRoute[],
  has: { readonly tls: boolean; readonly clients: boolean },
  at: Path,
  findings: Findings,
): void {
  for (const [i, { clientCertificate, tls }] of routes.entries()) {
    if (clientCertificate !== undefined && !has.clients)
      findings.add(
        [...at, i, 'clientCertificate'],
        'has no meaning: clients are not asked for one',
        'tls: { clients: { ca: clients.pem } }',
      );
    if (tls !== undefined && !has.tls)
      findings.add([...at, i, 'tls'], 'has no meaning: no TLS ends at this listener', 'protocol: https');
  }
}

/** Metrics, and percentages changed at runtime, find a split by the name of its route. */
export function checkSplitNames(routes: readonly RouteConfig[], at: Path, findings: Findings): void {
  const seen = new Set<string>();
  routes.forEach(({ name, split }, i) => {
    if (split === undefined) return;
    if (seen.has(name)) findings.add([...at, i, 'name'], `is "${name}", as another route with a split is called`);
    seen.add(name);
  });
}

/** The pools that a route may lead to. */
export function poolsOfRoute(
  { pool, poolMap, split }: RouteConfig,
  maps: Readonly<Record<string, TableConfig>>,
): readonly string[] {
  if (split !== undefined) return split.variants.map((variant) => variant.pool);
  if (poolMap !== '') return maps[poolMap] === undefined ? [] : valuesOf(maps[poolMap]);
  return pool === '' ? [] : [pool];
}
