// Owns what is known of every endpoint and pool: the structure, the newest numbers, and the last minutes of them. Plain objects that
// are changed in place, a thousand a second at no cost; views are told once a second that something changed (store.ts).

import type { Tick } from '../../src/admin/tick-rows.ts';
import type { EndpointReport, HealthChange, PoolStatus } from '../../src/runtime/facade.ts';
import { History } from './history.ts';
import { markSlow, type Paced } from './slow.ts';

const KEPT = 300;
/** A value of the last second counts so much. */
const NEW = 0.2;
/** Of shares: who drains should be seen to drain. */
const NEW_SHARE = 0.35;
/** A pace without new answers is forgotten after so many seconds. */
const STALE = 20;
const SERVING: ReadonlySet<string> = new Set(['up', 'trial', 'checking']);

export interface EndpointRow extends Paced {
  readonly id: string;
  readonly pool: string;
  readonly address: string;
  report: EndpointReport;
  state: string;
  /** Wall-clock ms. */
  since: number;
  weight: number;
  inFlight: number;
  streams: number;
  rate: number;
  errors: number;
  p50: number | null;
  p95: number | null;
  share: number;
  /** Of the last seconds. */
  smoothShare: number;
  smoothRate: number;
  pace: number;
  serves: boolean;
  slow: number;
  quiet: number;
  readonly p95s: History;
  readonly rates: History;
}

export interface PoolRow {
  readonly name: string;
  report: PoolStatus;
  mode: string;
  rate: number;
  smoothRate: number;
  errors: number;
  inFlight: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  endpoints: EndpointRow[];
  readonly past: PastColumns;
}

/** One value a second, oldest first. */
export interface PastColumns {
  at: number[];
  rate: number[];
  errors: number[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  /** What was before this page was opened is there as well. */
  filled: boolean;
}

export interface RouteRow {
  readonly listener: string;
  readonly name: string;
  readonly rate: number;
  readonly errors: number;
  readonly pools: readonly string[];
}

export interface ListenerRow {
  readonly name: string;
  readonly rate: number;
  readonly errors: number;
  readonly open: number;
}

const emptyPast = (): PastColumns => ({ at: [], rate: [], errors: [], p50: [], p95: [], p99: [], filled: false });

export class Rows {
  readonly endpoints = new Map<string, EndpointRow>();
  readonly pools = new Map<string, PoolRow>();
  routes: readonly RouteRow[] = [];
  listeners: readonly ListenerRow[] = [];

  /** Whoever stays keeps his past. */
  structure(pools: readonly PoolStatus[]): void {
    const ids = new Set<string>();
    const names = new Set<string>();
    for (const report of pools) {
      names.add(report.name);
      const endpoints = report.endpoints.map((one) => {
        ids.add(one.id);
        return this.#endpoint(one);
      });
      const known = this.pools.get(report.name);
      if (known === undefined) this.pools.set(report.name, newPool(report, endpoints));
      else Object.assign(known, { report, endpoints });
    }
    for (const id of this.endpoints.keys()) if (!ids.has(id)) this.endpoints.delete(id);
    for (const name of this.pools.keys()) if (!names.has(name)) this.pools.delete(name);
  }

  #endpoint(report: EndpointReport): EndpointRow {
    const known = this.endpoints.get(report.id);
    const { state, since, weight, inFlight } = report;
    if (known !== undefined) return Object.assign(known, { report, state, since, weight, serves: SERVING.has(state) });
    const row: EndpointRow = {
      id: report.id,
      pool: report.pool,
      address: report.address,
      report,
      state,
      since,
      weight,
      inFlight,
      streams: report.streams,
      rate: 0,
      errors: 0,
      p50: null,
      p95: null,
      share: 0,
      smoothShare: 0,
      smoothRate: 0,
      pace: Number.NaN,
      serves: SERVING.has(state),
      slow: 0,
      quiet: 0,
      p95s: new History(KEPT),
      rates: new History(KEPT),
    };
    this.endpoints.set(report.id, row);
    return row;
  }

  tick({ at, endpoints, pools, routes, listeners }: Tick): void {
    for (const cells of endpoints) {
      const row = this.endpoints.get(cells[0] as string);
      if (row === undefined) continue;
      [, row.state, row.weight, row.inFlight, row.streams, row.rate, row.errors, row.p50, row.p95, row.share] =
        cells as [string, string, number, number, number, number, number, number | null, number | null, number];
      row.serves = SERVING.has(row.state);
    }
    for (const row of this.endpoints.values()) smooth(row);
    for (const [name, mode, rate, errors, inFlight, p50, p95, p99] of pools) {
      const row = this.pools.get(name as string);
      if (row === undefined) continue;
      Object.assign(row, { mode, rate, errors, inFlight, p50, p95, p99 });
      row.smoothRate += (row.past.at.length === 0 ? 1 : NEW) * (row.rate - row.smoothRate);
      remember(row, at);
      markSlow(row.endpoints);
    }
    this.routes = routes.map(([listener, name, rate, errors, to]) => {
      const names = to === '' ? [] : String(to).split(' ');
      return { listener, name, rate, errors, pools: names } as RouteRow;
    });
    this.listeners = listeners.map(([name, rate, errors, open]) => ({ name, rate, errors, open }) as ListenerRow);
  }

  health({ id, to, at }: HealthChange): void {
    const row = this.endpoints.get(id);
    if (row === undefined) return;
    row.state = to;
    row.since = at;
    row.serves = SERVING.has(to);
  }

  /** What was before this page was opened. */
  fill(name: string, past: Omit<PastColumns, 'filled'>): void {
    const row = this.pools.get(name);
    if (row === undefined) return;
    const { past: own } = row;
    const first = own.at[0] ?? Number.POSITIVE_INFINITY;
    const older = past.at.filter((at) => at < first).length;
    for (const key of ['at', 'rate', 'errors', 'p50', 'p95', 'p99'] as const)
      (own[key] as unknown[]).unshift(...past[key].slice(0, older));
    own.filled = true;
  }
}

function newPool(report: PoolStatus, endpoints: EndpointRow[]): PoolRow {
  const { name, mode } = report;
  const nothing = { rate: 0, smoothRate: 0, errors: 0, inFlight: 0, p50: null, p95: null, p99: null };
  return { name, report, mode, ...nothing, endpoints, past: emptyPast() };
}

function smooth(row: EndpointRow): void {
  const isFirst = row.rates.count === 0;
  row.smoothShare += (isFirst ? 1 : NEW_SHARE) * (row.share - row.smoothShare);
  row.smoothRate += (isFirst ? 1 : NEW) * (row.rate - row.smoothRate);
  if (row.smoothRate < 0.05 && row.rate === 0) row.smoothRate = 0;
  if (row.rate === 0 && row.smoothShare < 0.0005) row.smoothShare = 0;
  if (row.p95 === null || row.rate === 0) {
    if (++row.quiet > STALE) row.pace = Number.NaN;
  } else {
    row.quiet = 0;
    row.pace = Number.isNaN(row.pace) ? row.p95 : row.pace + NEW * (row.p95 - row.pace);
  }
  row.p95s.push(row.rate === 0 ? Number.NaN : (row.p95 ?? Number.NaN));
  row.rates.push(row.rate);
}

function remember({ past, rate, errors, p50, p95, p99 }: PoolRow, at: number): void {
  past.at.push(at);
  past.rate.push(rate);
  past.errors.push(errors);
  past.p50.push(p50);
  past.p95.push(p95);
  past.p99.push(p99);
  if (past.at.length <= KEPT) return;
  for (const key of ['at', 'rate', 'errors', 'p50', 'p95', 'p99'] as const) past[key].shift();
}
