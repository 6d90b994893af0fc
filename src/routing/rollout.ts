// Owns the judgement of a rollout: whether the new variant may grow, must wait, or is worse than the others and must go. Pure:
// who counts and when it is asked is the runtime's.

import type { RolloutConfig } from '../config/types.ts';
import { LATENCY_BOUNDS_MS } from '../core/counters.ts';

/** What was answered within some time. */
export interface Sample {
  readonly requests: number;
  /** 5xx */
  readonly failures: number;
  /** Response times, as counted: one number for each bound and one for the rest. */
  readonly buckets: readonly number[];
}

export const NO_SAMPLE: Sample = { requests: 0, failures: 0, buckets: LATENCY_BOUNDS_MS.map(() => 0).concat(0) };

export function difference(now: Sample, before: Sample): Sample {
  return {
    requests: now.requests - before.requests,
    failures: now.failures - before.failures,
    buckets: now.buckets.map((count, i) => count - before.buckets[i]),
  };
}

export function added(a: Sample, b: Sample): Sample {
  return {
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    buckets: a.buckets.map((count, i) => count + b.buckets[i]),
  };
}

export interface Window {
  readonly target: Sample;
  readonly others: Sample;
  /** The others' in an earlier step that had enough of them. */
  readonly earlier: Sample | undefined;
  readonly elapsedMs: number;
}

export type Judgement =
  | { readonly kind: 'wait' | 'advance' | 'finish' }
  | { readonly kind: 'halt'; readonly reason: string };

/** A difference below this is the machine's, not the variant's. */
const NOTICEABLE_MS = 5;
const WAIT: Judgement = { kind: 'wait' };

export function judge({ steps, everyMs, halt }: RolloutConfig, step: number, window: Window): Judgement {
  const { target, others, earlier, elapsedMs } = window;
  if (target.requests < halt.minRequests) return WAIT;
  const reference = others.requests >= halt.minRequests ? others : (earlier ?? others);
  const reason = worse(halt, target, reference);
  if (reason !== undefined) return { kind: 'halt', reason };
  if (elapsedMs < everyMs) return WAIT;
  return { kind: step + 1 < steps.length ? 'advance' : 'finish' };
}

function worse(halt: RolloutConfig['halt'], target: Sample, reference: Sample): string | undefined {
  const share = shareOf(target);
  const usual = shareOf(reference);
  if (halt.maxErrors > 0 && share > halt.maxErrors)
    return `${percent(share)} of its answers are errors, more than ${percent(halt.maxErrors)}`;
  if (halt.errors > 0 && share > usual + halt.errors)
    return `${percent(share)} of its answers are errors, ${percent(usual)} of the others'`;
  if (halt.latency === 0 || reference.requests === 0) return undefined;
  const slow = p95(target);
  const usually = p95(reference);
  if (slow <= usually * halt.latency || slow - usually < NOTICEABLE_MS) return undefined;
  return `its 95th percentile is ${Math.round(slow)} ms, the others' ${Math.round(usually)} ms`;
}

const shareOf = ({ requests, failures }: Sample): number => (requests === 0 ? 0 : failures / requests);
const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** Within the bucket where it lies, as if that were filled evenly. In ms; 0 without answers. */
export function p95({ buckets }: Sample): number {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  let left = total * 0.95;
  if (total === 0) return 0;
  for (const [i, count] of buckets.entries()) {
    if (count < left) {
      left -= count;
      continue;
    }
    const from = i === 0 ? 0 : LATENCY_BOUNDS_MS[i - 1];
    const to = LATENCY_BOUNDS_MS[i] ?? from;
    return from + ((to - from) * left) / count;
  }
  return LATENCY_BOUNDS_MS[LATENCY_BOUNDS_MS.length - 1];
}
