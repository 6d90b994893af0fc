// Owns the micro-benchmark of routing: ns per match with 10 and with 10,000 routes, warm, the median of several rounds.
// The two should be close: the cost must not grow with the number of routes. `--json` prints rows for a machine.

import { fileURLToPath } from 'node:url';
import { ANY_ROUTE } from '../src/config/compile/route.ts';
import type { PathPattern, RouteConfig } from '../src/config/types.ts';
import { compileRoutes, plainFacts, type RequestHead } from '../src/routing/compile.ts';
import { nsPerCall, printRows } from './lib/micro.ts';

export interface RouteRow {
  /** What tells the routes apart. */
  readonly by: string;
  readonly routes: number;
  /** Nanoseconds per match, median over the rounds. */
  readonly ns: number;
}

type Shape = (i: number) => { readonly host?: string; readonly path?: PathPattern; readonly request: [string, string] };

const SHAPES: Readonly<Record<string, Shape>> = {
  host: (i) => ({ host: `site-${i}.example.com`, request: [`site-${i}.example.com`, '/index.html'] }),
  'wildcard host': (i) => ({ host: `*.site-${i}.example.com`, request: [`www.site-${i}.example.com`, '/index.html'] }),
  'exact path': (i) => ({ path: { kind: 'exact', value: `/p/${i}` }, request: ['a.com', `/p/${i}`] }),
  prefix: (i) => ({
    path: { kind: 'prefix', value: `/api/service-${i}/` },
    request: ['a.com', `/api/service-${i}/items/7`],
  }),
  'prefix within a segment': (i) => ({
    path: { kind: 'prefix', value: `/u${100_000 + i}` },
    request: ['a.com', `/u${100_000 + i}/x`],
  }),
  glob: (i) => ({ path: { kind: 'glob', value: `/shop-${i}/*/cart` }, request: ['a.com', `/shop-${i}/anna/cart`] }),
};

export function benchRoutes(): readonly RouteRow[] {
  const rows: RouteRow[] = [];
  for (const [by, shape] of Object.entries(SHAPES)) {
    for (const routes of [10, 10_000]) rows.push({ by, routes, ns: measure(shape, routes) });
  }
  return rows;
}

function routeOf(host: string | undefined, path: PathPattern | undefined): RouteConfig {
  return { ...ANY_ROUTE, host: host === undefined ? [] : [host], path, pool: 'p' };
}

function measure(shape: Shape, count: number): number {
  const shapes = Array.from({ length: count }, (_, i) => shape(i));
  const router = compileRoutes(
    shapes.map(({ host, path }, target) => ({ config: routeOf(host, path), target })),
    plainFacts((pattern) => new RegExp(pattern)),
  );
  const heads = Array.from({ length: 1024 }, (_, i): RequestHead => {
    const [host, path] = shapes[(i * 7919) % count].request;
    const request = { method: 'GET', host, path, query: '', client: '192.0.2.1' };
    return { ...request, tls: undefined, certificate: undefined, identity: '', header: () => undefined };
  });
  let sink = 0;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) sink += router.match(heads[i & 1023])!;
  };
  const ns = nsPerCall(run);
  if (sink < 0) throw new Error('unreachable: keeps the matches from being optimized away');
  return ns;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printRows(
    benchRoutes(),
    ({ by, routes, ns }) =>
      `${by.padEnd(24)} ${String(routes).padStart(6)} routes ${ns.toFixed(0).padStart(6)} ns/match`,
  );
}
