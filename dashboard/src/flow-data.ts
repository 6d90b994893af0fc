// Owns what the picture of traffic is made of: nodes and bands out of the numbers of the last seconds. Of a large pool only those
// endpoints that matter are named; the others are one band.

import type { Status } from '../../src/runtime/facade.ts';
import type { FlowBand, FlowNode } from './flow-layout.ts';
import { endpointLink, linkTo } from './router.ts';
import type { EndpointRow, Rows } from './rows.ts';
import type { ConfigState } from './store.ts';

export interface FlowData {
  readonly nodes: readonly FlowNode[];
  readonly bands: readonly FlowBand[];
}

const NEW = 0.25;
/** More are hard to read. */
const MOST_ROUTES = 12;

/** Rates of routes come fresh every second; they are smoothed here, by name. */
const smoothed = new Map<string, number>();

function smooth(key: string, value: number): number {
  const was = smoothed.get(key) ?? value;
  const next = Math.abs(was) < 0.01 && value === 0 ? 0 : was + NEW * (value - was);
  smoothed.set(key, next);
  return next;
}

export function flowOf(
  rows: Rows,
  status: Status | undefined,
  config: ConfigState | undefined,
  most: number,
): FlowData {
  const nodes: FlowNode[] = [];
  const bands: FlowBand[] = [];
  const nameless = { listener: '', name: 'other routes', pools: [] as readonly string[] };
  const routes = [...rows.routes].sort((a, b) => b.rate - a.rate);
  const shown = routes.slice(0, MOST_ROUTES);
  const used = new Map<string, number>();
  for (const { name, rate } of rows.listeners) {
    const from = `l ${name}`;
    const own = shown.filter(({ listener }) => listener === name);
    nodes.push(node(from, 0, name, '#/traffic', smooth(from, rate)));
    const direct = own.length === 0 ? config?.pools[name] : undefined;
    if (direct !== undefined) bands.push({ from, to: `p ${direct}`, rate: smooth(from, rate), mark: '' });
    for (const route of own) {
      const id = `r ${name} ${route.name}`;
      const through = smooth(id, route.rate);
      nodes.push(node(id, 1, route.name, '#/traffic', through, route.errors > 0.01 ? 'bad' : ''));
      bands.push({ from, to: id, rate: through, mark: '' });
      for (const [pool, share] of sharesOf(route, rows, status)) {
        bands.push({ from: id, to: `p ${pool}`, rate: through * share, mark: '' });
        used.set(pool, (used.get(pool) ?? 0) + through * share);
      }
    }
  }
  const left = routes.slice(MOST_ROUTES);
  if (left.length > 0) nodes.push(node('r', 1, `${left.length} ${nameless.name}`, '#/traffic', sum(left)));
  for (const pool of rows.pools.values()) {
    const id = `p ${pool.name}`;
    // Mirrored and layer-4 traffic reaches pools without a route.
    if (!used.has(pool.name) && pool.smoothRate === 0 && rows.pools.size > MOST_ROUTES) continue;
    nodes.push(
      node(id, 2, pool.name, linkTo('pools', pool.name), pool.smoothRate, pool.mode === 'normal' ? '' : 'bad'),
    );
    endpointsOf(pool.endpoints, pool.smoothRate, id, most, nodes, bands);
  }
  return { nodes, bands };
}

const sum = (all: readonly { readonly rate: number }[]): number => all.reduce((total, { rate }) => total + rate, 0);

function node(id: string, column: FlowNode['column'], label: string, link: string, rate: number, mark = ''): FlowNode {
  return { id, column, label, link, rate, mark };
}

/** Of a split by its shares, otherwise as the pools have their traffic. */
function sharesOf(
  route: { readonly listener: string; readonly name: string; readonly pools: readonly string[] },
  rows: Rows,
  status: Status | undefined,
): readonly (readonly [pool: string, share: number])[] {
  const { pools } = route;
  if (pools.length === 1) return [[pools[0], 1]];
  const split = status?.splits.find(({ name }) => name === `${route.listener}/${route.name}`);
  if (split !== undefined && split.rollout === undefined) {
    const shares = new Map<string, number>();
    for (const { pool, share } of split.variants) shares.set(pool, (shares.get(pool) ?? 0) + share);
    return [...shares];
  }
  const names = [...new Set(pools)];
  const rates = names.map((name) => rows.pools.get(name)?.smoothRate ?? 0);
  const all = rates.reduce((a, b) => a + b, 0);
  return names.map((name, i) => [name, all === 0 ? 1 / names.length : rates[i] / all]);
}

function endpointsOf(
  endpoints: readonly EndpointRow[],
  rate: number,
  pool: string,
  most: number,
  nodes: FlowNode[],
  bands: FlowBand[],
): void {
  const few = endpoints.length <= most + 1;
  // In the order of the configuration, so that nothing jumps about; of many, those that are marked and the busiest.
  const told = few ? endpoints : [...endpoints].sort((a, b) => worth(b) - worth(a)).slice(0, most);
  const names = new Set(told);
  const weigh = endpoints.reduce((all, one) => all + one.smoothShare, 0);
  const part = (one: EndpointRow): number => (weigh === 0 ? 0 : (one.smoothShare / weigh) * rate);
  for (const one of endpoints) {
    if (!names.has(one)) continue;
    const mark = one.slow > 0 ? 'slow' : one.serves ? '' : one.state;
    const id = `e ${one.id}`;
    nodes.push(node(id, 3, one.address, endpointLink(one.id), part(one), mark));
    bands.push({ from: pool, to: id, rate: part(one), mark });
  }
  const others = endpoints.filter((one) => !names.has(one));
  if (others.length === 0) return;
  const through = others.reduce((all, one) => all + part(one), 0);
  const id = `e ${pool} others`;
  nodes.push(node(id, 3, `${others.length} others`, linkTo('pools', pool.slice(2)), through));
  bands.push({ from: pool, to: id, rate: through, mark: '' });
}

const worth = (row: EndpointRow): number => (row.slow > 0 ? 2 : row.state === 'draining' ? 1 : 0) + row.smoothShare;
