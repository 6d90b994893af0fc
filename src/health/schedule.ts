// Owns when the next probe is due. Pure; probes/runner.ts keeps the timers.
// Jitter keeps many balancers and many endpoints from probing in step.

import type { Random } from '../core/env.ts';

export interface SchedulePolicy {
  readonly intervalMs: number;
  readonly pendingIntervalMs: number;
  /** 0.1 spreads each delay by ±10 %. */
  readonly jitter: number;
}

const MAX_FIRST_SPREAD_MS = 200;

/** The first probe comes at once, but not all in the same millisecond. */
export function firstDelay(policy: SchedulePolicy, random: Random): number {
  return random.unit() * Math.min(policy.intervalMs / 10, MAX_FIRST_SPREAD_MS);
}

/** From the end of one probe to the start of the next; shorter while a verdict is pending. */
export function nextDelay(policy: SchedulePolicy, pending: boolean, random: Random): number {
  const base = pending ? Math.min(policy.pendingIntervalMs, policy.intervalMs) : policy.intervalMs;
  return base * (1 + policy.jitter * (2 * random.unit() - 1));
}
