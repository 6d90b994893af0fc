// Owns the list of balancing kinds: one line each. Configuration, conformance, benchmarks and docs checks iterate it.

import type { BalancerKind } from './balancer.ts';
import { leastConnections } from './least-connections.ts';
import { leastResponseTime } from './least-response-time.ts';
import { maglev } from './maglev.ts';
import { p2c } from './p2c.ts';
import { peakEwma } from './peak-ewma.ts';
import { random } from './random.ts';
import { rendezvous } from './rendezvous.ts';
import { ringHash } from './ring-hash.ts';
import { roundRobin } from './round-robin.ts';
import { sourceHash } from './source-hash.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** A kind whose options are checked elsewhere, against its own schema. */
// biome-ignore lint/suspicious/noExplicitAny: a list of kinds with different options has no narrower type.
export type AnyBalancerKind = BalancerKind<any>;

export const BALANCERS: readonly AnyBalancerKind[] = [
  roundRobin,
  weightedRoundRobin,
  leastConnections,
  leastResponseTime,
  peakEwma,
  random,
  p2c,
  sourceHash,
  ringHash,
  rendezvous,
  maglev,
];

/** Looks a kind up by its configuration name; a user's own kinds come first, so that they may replace a built-in one. */
export function balancerByName(name: string, own: readonly AnyBalancerKind[] = []): AnyBalancerKind | undefined {
  return own.find((kind) => kind.name === name) ?? BALANCERS.find((kind) => kind.name === name);
}
