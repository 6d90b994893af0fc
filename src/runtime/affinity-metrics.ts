// Owns what the metrics say of session persistence: where sessions are, how they were found, what was refused, and whether the
// stores that balancers share can be reached.

import { countPins } from '../affinity/pin-table.ts';
import { type Counters, P, W } from '../core/counters.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import { sum } from './metrics.ts';
import type { Blueprint } from './snapshot.ts';

const PICKS = { pinned: P.pinned, moved: P.moved, begun: P.begun, unpinned: P.unpinned } as const;
const REFUSED = { forged: P.forged, expired: P.expired, oversized: P.oversized } as const;
const LOOKUPS = { known: P.storeHits, unknown: P.storeMisses, failed: P.storeFailures } as const;

export function affinityMetrics(
  text: PrometheusText,
  { config, pools }: Blueprint,
  counters: readonly Counters[],
  pins: KeyedTable,
  now: number,
): void {
  const mine = pools.filter(({ name }) => config.pools[name].affinity !== undefined);
  if (mine.length === 0) return;
  const family = (name: string, label: string, help: string, columns: Readonly<Record<string, number>>): void => {
    text.family(name, 'counter', help);
    for (const { name: pool, slot } of mine) {
      for (const [value, column] of Object.entries(columns))
        text.sample(
          name,
          { pool, [label]: value },
          sum(counters, (one) => one.readPool(slot, column)),
        );
    }
  };
  const picks = 'evenkeel_affinity_picks_total';
  family(picks, 'result', 'Picks of HTTP pools with affinity: where the session was, elsewhere, or anew.', PICKS);
  const refused = 'evenkeel_affinity_refused_total';
  family(refused, 'reason', 'Proofs of a session that were ignored.', REFUSED);
  const sessions = 'evenkeel_affinity_sessions';
  text.family(sessions, 'gauge', 'Sessions that are remembered, by the endpoint where they were last.');
  const counted = mine.map(({ name, slot, endpoints }) => ({
    slot,
    endpoints,
    ttlMs: config.pools[name].affinity!.ttlMs,
  }));
  const counts = countPins(pins, counted, now);
  for (const { name: pool, endpoints } of mine) {
    for (const { id, slot } of endpoints)
      text.sample(sessions, { pool, endpoint: id.slice(pool.length + 1) }, counts.get(slot) ?? 0);
  }
  if (mine.every(({ name }) => config.pools[name].affinity!.store === undefined)) return;
  const lookups = 'evenkeel_affinity_store_lookups_total';
  family(lookups, 'result', 'Sessions that a shared store was asked for; failed: it did not answer in time.', LOOKUPS);
}

/** Of all that share something by them. */
export function storeMetrics(text: PrometheusText, counters: readonly Counters[]): void {
  const up = sum(counters, (one) => one.readWorker(W.storesUp));
  const down = sum(counters, (one) => one.readWorker(W.storesDown));
  if (up + down === 0) return;
  text.family('evenkeel_store_connections', 'gauge', 'Connections of workers to shared stores, by state.');
  text.sample('evenkeel_store_connections', { state: 'up' }, up);
  text.sample('evenkeel_store_connections', { state: 'down' }, down);
}
