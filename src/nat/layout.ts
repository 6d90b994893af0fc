// Owns what stands in the map that the kernel looks an endpoint up in: how many entries, and whose they are. The number of
// entries depends on the configured endpoints alone, so that health and drain change entries and never the rule.

import type { BalancerEnv, PickRequest } from '../balancing/balancer.ts';
import { inPlaceOrder } from '../balancing/keys.ts';
import { maglevTable, nextPrime } from '../balancing/maglev.ts';
import { weightedRoundRobin } from '../balancing/weighted-round-robin.ts';
import { isKernelKind, type KernelKind } from '../config/compile/nat.ts';
import type { BalanceConfig } from '../config/types.ts';
import type { Endpoint } from '../core/endpoint.ts';

/** How the kernel finds the entry. */
export type Selector = 'rotation' | 'chance' | 'source';

const SELECTORS: Readonly<Record<KernelKind, Selector>> = {
  'round-robin': 'rotation',
  'weighted-round-robin': 'rotation',
  random: 'chance',
  'source-hash': 'source',
  maglev: 'source',
};

export function selectorOf(kind: string): Selector {
  if (!isKernelKind(kind)) throw new Error(`${kind} cannot be done by the kernel; refused when it was compiled`);
  return SELECTORS[kind];
}

/** More entries take long to load: 65,537 about 0.3 s. */
const MOST = 65_537;
const MOST_ROTATING = 65_536;
/** The least common multiple of 1 … 10: up to ten equal endpoints have exactly equal shares, whoever of them is out. */
const SMOOTH = 2520;
const ENTRIES_EACH = 32;
const LEAST_HASHED = 1009;
const HASHED_EACH = 100;

/** Entries for a pool with these configured endpoints. */
export function entriesFor(kind: string, configured: readonly Endpoint[]): number {
  const n = configured.length;
  if (n === 0) return 1;
  if (selectorOf(kind) === 'source') return Math.min(MOST, nextPrime(Math.max(LEAST_HASHED, HASHED_EACH * n)));
  const weights = kind === 'round-robin' ? configured.map(() => 1) : configured.map(({ weight }) => weight);
  const cycle = cycleOf(weights.filter((weight) => weight > 0));
  if (kind === 'round-robin' && n <= 10) return upTo(n).reduce(lcm, 1);
  // Whole cycles only: with every endpoint in, the shares are exact.
  const cycles = Math.ceil(Math.max(SMOOTH, ENTRIES_EACH * n) / cycle);
  if (cycle <= MOST_ROTATING) return cycle * Math.max(1, Math.min(cycles, Math.floor(MOST_ROTATING / cycle)));
  return MOST_ROTATING;
}

/** Index of the owner of every entry; empty when nobody may be picked. */
export function layOut(balance: BalanceConfig, pickable: readonly Endpoint[], entries: number): readonly Endpoint[] {
  const { kind } = balance;
  if (pickable.length === 0) return [];
  if (selectorOf(kind) === 'source') {
    const ordered = inPlaceOrder(pickable);
    return Array.from(maglevTable(ordered, entries), (owner) => ordered[owner]);
  }
  if (kind === 'round-robin') return Array.from({ length: entries }, (_, i) => pickable[i % pickable.length]);
  return byWeight(balance, pickable, entries);
}

/** Largest remainders decide who gets the entries that do not divide; the order is that of the algorithm itself. */
function byWeight({ kind, options }: BalanceConfig, pickable: readonly Endpoint[], entries: number): Endpoint[] {
  const total = pickable.reduce((sum, { weight }) => sum + weight, 0);
  const ideal = pickable.map(({ weight }) => (weight / total) * entries);
  const counts = ideal.map((share) => Math.floor(share + 1e-9));
  const order = ideal.map((_, i) => i).sort((a, b) => ideal[b] - counts[b] - (ideal[a] - counts[a]) || a - b);
  for (let left = entries - sum(counts), k = 0; left > 0; left--, k++) counts[order[k]]++;
  const divisor = counts.filter((count) => count > 0).reduce(gcd);
  const owners = pickable.map((endpoint, i) => ({ ...endpoint, weight: counts[i] / divisor }));
  const taking = owners.filter(({ weight }) => weight > 0);
  const view = { version: 0, endpoints: taking, mode: 'normal' } as const;
  const mode = kind === 'weighted-round-robin' && options.mode === 'block' ? 'block' : 'smooth';
  const rotation = weightedRoundRobin.build(view, { mode }, NO_ENV);
  const cycle = Array.from({ length: entries / divisor }, () => rotation.pick(ANY)!);
  return Array.from({ length: entries }, (_, i) => cycle[i % cycle.length]);
}

const ANY: PickRequest = { key: '', excluding: false, excludes: () => false };
/** Weighted round robin looks at neither time, chance nor load. */
const NO_ENV = undefined as unknown as BalancerEnv;

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** The shortest rotation in which integer weights come out whole; fractions are met as nearly as many entries allow. */
function cycleOf(weights: readonly number[]): number {
  if (weights.length === 0) return 1;
  if (!weights.every(Number.isInteger)) return MOST_ROTATING / 16;
  return sum(weights) / weights.reduce(gcd);
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function lcm(a: number, b: number): number {
  return (a / gcd(a, b)) * b;
}
