// Owns the micro-benchmark of picks: ns per pick for every balancing kind at 10 and 1,000 endpoints, warm, the median of
// several rounds, with real time and chance. `--json` prints rows for a machine.

import { fileURLToPath } from 'node:url';
import type { BalancerEnv, PickRequest } from '../src/balancing/balancer.ts';
import { type AnyBalancerKind, BALANCERS } from '../src/balancing/index.ts';
import { endpointsOf, viewOf } from '../src/balancing/world.ts';
import { LoadTable } from '../src/core/load-table.ts';
import { defaultsOf } from '../src/core/schema.ts';
import { nsPerCall, printRows } from './lib/micro.ts';

export interface PickRow {
  readonly kind: string;
  readonly endpoints: number;
  /** Nanoseconds per pick, median over the rounds. */
  readonly ns: number;
}

const VARIANTS: readonly (readonly [string, Record<string, unknown>])[] = [
  ['weighted-round-robin', { mode: 'block' }],
  ['ring-hash', { bound: 1.25 }],
  ['ring-hash', { variant: 'ketama' }],
];

export function benchPicks(): readonly PickRow[] {
  const rows: PickRow[] = [];
  for (const size of [10, 1000]) {
    for (const kind of BALANCERS) {
      rows.push({ kind: kind.name, endpoints: size, ns: measure(kind, {}, size) });
      for (const [name, config] of VARIANTS) {
        if (name !== kind.name) continue;
        const label = `${name} ${Object.entries(config).join(' ').replaceAll(',', '=')}`;
        rows.push({ kind: label, endpoints: size, ns: measure(kind, config, size) });
      }
    }
  }
  return rows;
}

function measure(kind: AnyBalancerKind, config: Record<string, unknown>, size: number): number {
  const load = LoadTable.local(size);
  const env: BalancerEnv = {
    load,
    random: { u32: () => Math.floor(Math.random() * 4294967296), unit: () => Math.random() },
    clock: { now: () => performance.now(), epoch: () => Date.now(), after: () => ({ cancel: () => {} }) },
  };
  for (let slot = 0; slot < size; slot++) {
    load.sample(slot, 5 + (slot % 7), performance.now());
    for (let i = 0; i < slot % 3; i++) load.begin(slot);
  }
  // Two weights: the general case of every kind, and the one that pools have during a slow start.
  const endpoints = endpointsOf(Array.from({ length: size }, (_, i) => 1 + (i % 2)));
  const balancer = kind.build(viewOf(endpoints), { ...defaultsOf(kind.schema), ...config } as never, env);
  const requests: PickRequest[] = Array.from({ length: 1024 }, (_, i) => ({
    key: `192.168.${i >> 8}.${i & 255}`,
    excluding: false,
    excludes: () => false,
  }));
  let sink = 0;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) sink += balancer.pick(requests[i & 1023])!.slot;
  };
  const ns = nsPerCall(run);
  if (sink < 0) throw new Error('unreachable: keeps the picks from being optimized away');
  return ns;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printRows(
    benchPicks(),
    ({ kind, endpoints, ns }) =>
      `${kind.padEnd(36)} ${String(endpoints).padStart(5)} endpoints ${ns.toFixed(0).padStart(7)} ns/pick`,
  );
}
