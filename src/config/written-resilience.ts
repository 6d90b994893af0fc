// Owns the way back of retries, hedging and breakers.

import type { BreakerConfig, HedgeConfig, RetryPolicy } from './types.ts';
import { formatDuration } from './units.ts';
import { ranges, written } from './written-text.ts';

type Json = Record<string, unknown>;

export function retriesForm({ on, ...rest }: RetryPolicy): Json {
  return { ...written(rest), on: [...on.failures, ...ranges(on.status)] };
}

export function hedgeForm({ after, ...rest }: HedgeConfig): Json {
  return { after: after.kind === 'fixed' ? formatDuration(after.ms) : `p${after.percent}`, ...written(rest) };
}

export function breakerForm({ status, latency, ...rest }: BreakerConfig): Json {
  return { ...written(rest), status: ranges(status), ...(latency === undefined ? {} : { latency: written(latency) }) };
}
