// Owns what the metrics say of discovery.

import type { PrometheusText } from '../observe/prometheus.ts';
import type { DiscoveryReport } from './facade.ts';

export function discoveryMetrics(text: PrometheusText, sources: readonly DiscoveryReport[], epochMs: number): void {
  if (sources.length === 0) return;
  const rows = sources.map((source) => ({
    source,
    labels: { pool: source.pool, kind: source.kind, where: source.where },
  }));
  const family = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (of: DiscoveryReport) => number,
  ): void => {
    text.family(name, type, help);
    for (const { source, labels } of rows) text.sample(name, labels, value(source));
  };
  family('evenkeel_discovery_endpoints', 'gauge', 'Endpoints that a source found last.', (one) => one.endpoints);
  family('evenkeel_discovery_up', 'gauge', '1: the last look was good. 0: what was found before is kept.', (one) =>
    one.state === 'ok' ? 1 : 0,
  );
  family('evenkeel_discovery_updates_total', 'counter', 'Sets that a source brought.', (one) => one.updates);
  family('evenkeel_discovery_errors_total', 'counter', 'Looks that failed.', (one) => one.errors);
  text.family('evenkeel_discovery_last_success_age_seconds', 'gauge', 'Since a source last brought a set.');
  for (const { source, labels } of rows) {
    if (source.lastSuccess === 0) continue;
    const age = Math.max(0, epochMs - source.lastSuccess) / 1000;
    text.sample('evenkeel_discovery_last_success_age_seconds', labels, age);
  }
}
