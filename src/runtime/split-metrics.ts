// Owns what the metrics say of splits and rollouts.

import { type Counters, LATENCY_BOUNDS_MS, V } from '../core/counters.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import type { SplitStatus } from './facade.ts';
import { sum } from './metrics.ts';

const PHASES = ['running', 'done', 'halted', 'stopped'] as const;

export interface SplitReport {
  readonly splits: readonly SplitStatus[];
  readonly halts: ReadonlyMap<string, number>;
  readonly variantSlots: Readonly<Record<string, number>>;
}

export function splitMetrics(
  text: PrometheusText,
  { splits, halts, variantSlots }: SplitReport,
  counters: readonly Counters[],
): void {
  if (splits.length === 0) return;
  const rows = splits.flatMap(({ name, variants }) =>
    variants.map((variant) => ({
      ...variant,
      labels: { split: name, variant: variant.name },
      slot: variantSlots[`${name}/${variant.name}`],
    })),
  );
  text.family('evenkeel_variant_requests_total', 'counter', 'Requests that a variant of a split answered.');
  for (const { labels, requests } of rows) text.sample('evenkeel_variant_requests_total', labels, requests);
  text.family('evenkeel_variant_failures_total', 'counter', 'Those of them that ended with a 5xx.');
  for (const { labels, failures } of rows) text.sample('evenkeel_variant_failures_total', labels, failures);
  text.family('evenkeel_variant_share', 'gauge', 'Share of clients that a variant gets now, 0-1.');
  for (const { labels, share } of rows) text.sample('evenkeel_variant_share', labels, share);
  const name = 'evenkeel_variant_response_time_seconds';
  text.family(name, 'histogram', 'From the end of the request head to the end of the response.');
  const bounds = LATENCY_BOUNDS_MS.map((ms) => ms / 1000);
  for (const { slot, labels } of rows) {
    const read = (column: number): number => sum(counters, (one) => one.readVariant(slot, column));
    const counts = [...bounds, 0].map((_, i) => read(V.buckets + i));
    text.histogram(name, labels, bounds, counts, read(V.durationMsSum) / 1000);
  }
  const rollouts = splits.filter(({ rollout }) => rollout !== undefined);
  if (rollouts.length === 0) return;
  text.family('evenkeel_rollout_state', 'gauge', '1 for the state that a rollout is in.');
  for (const { name: split, rollout } of rollouts)
    for (const state of PHASES)
      text.sample('evenkeel_rollout_state', { split, state }, rollout!.phase === state ? 1 : 0);
  text.family('evenkeel_rollout_halts_total', 'counter', 'Times a rollout was taken back because it was worse.');
  for (const { name: split } of rollouts) text.sample('evenkeel_rollout_halts_total', { split }, halts.get(split) ?? 0);
}
