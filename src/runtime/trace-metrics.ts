// Owns what the metrics say of tracing.

import { type Counters, W } from '../core/counters.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import { sum } from './metrics.ts';

export function traceMetrics(text: PrometheusText, counters: readonly Counters[]): void {
  text.family('evenkeel_traces_exported_total', 'counter', 'Spans that their collector has taken.');
  text.sample(
    'evenkeel_traces_exported_total',
    {},
    sum(counters, (one) => one.readWorker(W.spansSent)),
  );
  text.family('evenkeel_traces_dropped_total', 'counter', 'Spans dropped: the collector did not take them in time.');
  text.sample(
    'evenkeel_traces_dropped_total',
    {},
    sum(counters, (one) => one.readWorker(W.spansDropped)),
  );
}
