// Owns what the metrics say of hedges, breakers and adaptive limits; nothing where nobody asked for any.

import { type Counters, P } from '../core/counters.ts';
import type { BreakerReport } from '../health/breakers.ts';
import type { EndpointStatus } from '../health/status.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import type { Blueprint } from './snapshot.ts';

export interface ResilienceInput {
  readonly blueprint: Blueprint;
  readonly counters: readonly Counters[];
  readonly endpoints: readonly EndpointStatus[];
  readonly breaker: (pool: string) => BreakerReport | undefined;
}

const PHASES = ['closed', 'open', 'half-open'] as const;

export function resilienceMetrics(text: PrometheusText, input: ResilienceInput): void {
  hedges(text, input);
  breakers(text, input);
  limits(text, input);
}

function hedges(text: PrometheusText, { blueprint, counters }: ResilienceInput): void {
  const read = (slot: number, column: number): number => {
    let total = 0;
    for (const one of counters) total += one.readPool(slot, column);
    return total;
  };
  const used = blueprint.pools.filter(({ slot }) => read(slot, P.hedges) > 0);
  if (used.length === 0) return;
  const name = 'evenkeel_pool_hedges_total';
  text.family(name, 'counter', 'Second attempts beside a silent first one, by whether they answered first.');
  for (const { name: pool, slot } of used) {
    const won = read(slot, P.hedgesWon);
    text.sample(name, { pool, result: 'won' }, won);
    text.sample(name, { pool, result: 'lost' }, read(slot, P.hedges) - won);
  }
}

function breakers(text: PrometheusText, { blueprint, breaker }: ResilienceInput): void {
  const known = blueprint.pools.flatMap(({ name }) => {
    const report = breaker(name);
    return report === undefined ? [] : [{ pool: name, report }];
  });
  if (known.length === 0) return;
  text.family('evenkeel_pool_breaker_state', 'gauge', "1 for the phase the pool's breaker is in.");
  for (const { pool, report } of known)
    for (const phase of PHASES)
      text.sample('evenkeel_pool_breaker_state', { pool, phase }, report.phase === phase ? 1 : 0);
  text.family('evenkeel_pool_breaker_opened_total', 'counter', "Times the pool's breaker opened.");
  for (const { pool, report } of known) text.sample('evenkeel_pool_breaker_opened_total', { pool }, report.opened);
}

function limits(text: PrometheusText, { endpoints }: ResilienceInput): void {
  const adaptive = endpoints.filter(({ limit }) => limit > 0);
  if (adaptive.length === 0) return;
  text.family('evenkeel_endpoint_limit', 'gauge', 'Adaptive limit of requests in flight.');
  for (const { id, pool, limit } of adaptive)
    text.sample('evenkeel_endpoint_limit', { pool, endpoint: id.slice(pool.length + 1) }, limit);
}
