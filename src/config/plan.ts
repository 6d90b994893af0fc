// Owns the difference between two configurations: what a reload would start, stop and change, in words a person reads
// before applying it. Empty means there is nothing to do.

import { formatAddress } from '../core/address.ts';
import type { Config, ListenerConfig, PoolConfig } from './types.ts';

export interface PlanEntry {
  readonly action: 'add' | 'remove' | 'change';
  /** `listener web`, `pool api`, `endpoint api/10.0.0.1:80`, `settings`. */
  readonly what: string;
  readonly detail: string;
}

export interface Plan {
  readonly entries: readonly PlanEntry[];
  /** Listeners whose socket is new: bound before anything is published. */
  readonly bind: readonly string[];
  /** Listeners whose socket goes away. */
  readonly unbind: readonly string[];
}

export function plan(current: Config | undefined, next: Config): Plan {
  const entries: PlanEntry[] = [];
  const bind: string[] = [];
  const unbind: string[] = [];
  const before = current?.listeners ?? {};
  for (const [name, listener] of Object.entries(next.listeners)) {
    const old = before[name];
    if (old === undefined) {
      bind.push(name);
      entries.push({ action: 'add', what: `listener ${name}`, detail: `binds ${formatAddress(listener.bind)}` });
    } else if (!sameSocket(old, listener)) {
      bind.push(name);
      unbind.push(name);
      const detail = `moves from ${socketText(old)} to ${socketText(listener)}`;
      entries.push({ action: 'change', what: `listener ${name}`, detail });
    } else if (!same(old, listener)) {
      entries.push({ action: 'change', what: `listener ${name}`, detail: changedKeys(old, listener) });
    }
  }
  for (const [name, old] of Object.entries(before)) {
    if (next.listeners[name] !== undefined) continue;
    unbind.push(name);
    entries.push({ action: 'remove', what: `listener ${name}`, detail: `closes ${formatAddress(old.bind)}` });
  }
  pools(current, next, entries);
  for (const key of [
    'workers',
    'zone',
    'trustedProxies',
    'admin',
    'cluster',
    'accessLog',
    'tracing',
    'drain',
    'acme',
    'dns',
    'geo',
    'maps',
    'sites',
    'policies',
    'site',
    'latency',
  ] as const) {
    if (current !== undefined && !same(current[key], next[key]))
      entries.push({ action: 'change', what: 'settings', detail: key });
  }
  return { entries, bind, unbind };
}

/** The socket of one can serve the other. */
export function sameSocket(a: ListenerConfig, b: ListenerConfig): boolean {
  return a.protocol === b.protocol && formatAddress(a.bind) === formatAddress(b.bind);
}

function socketText({ protocol, bind }: ListenerConfig): string {
  return `${protocol} ${formatAddress(bind)}`;
}

function pools(current: Config | undefined, next: Config, entries: PlanEntry[]): void {
  const before = current?.pools ?? {};
  for (const [name, pool] of Object.entries(next.pools)) {
    const old = before[name];
    if (old === undefined)
      entries.push({ action: 'add', what: `pool ${name}`, detail: `${pool.endpoints.length} endpoints` });
    else endpointsAndSettings(old, pool, entries);
  }
  for (const name of Object.keys(before)) {
    if (next.pools[name] === undefined)
      entries.push({ action: 'remove', what: `pool ${name}`, detail: 'running requests finish' });
  }
}

function endpointsAndSettings(old: PoolConfig, pool: PoolConfig, entries: PlanEntry[]): void {
  const was = new Map(old.endpoints.map((endpoint) => [formatAddress(endpoint.address), endpoint]));
  for (const endpoint of pool.endpoints) {
    const id = formatAddress(endpoint.address);
    const earlier = was.get(id);
    was.delete(id);
    const what = `endpoint ${pool.name}/${id}`;
    if (earlier === undefined) entries.push({ action: 'add', what, detail: `weight ${endpoint.weight}` });
    else if (!same(earlier, endpoint)) entries.push({ action: 'change', what, detail: changedKeys(earlier, endpoint) });
  }
  for (const id of was.keys())
    entries.push({ action: 'remove', what: `endpoint ${pool.name}/${id}`, detail: 'drains' });
  const { endpoints: _a, ...before } = old;
  const { endpoints: _b, ...after } = pool;
  if (!same(before, after))
    entries.push({ action: 'change', what: `pool ${pool.name}`, detail: changedKeys(before, after) });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function changedKeys(a: object, b: object): string {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const at = (from: object, key: string) => (from as Record<string, unknown>)[key];
  return [...keys].filter((key) => !same(at(a, key), at(b, key))).join(', ');
}

export function formatPlan({ entries }: Plan): string {
  if (entries.length === 0) return 'nothing to change';
  const sign = { add: '+', remove: '-', change: '~' } as const;
  return entries.map(({ action, what, detail }) => `${sign[action]} ${what}: ${detail}`).join('\n');
}
