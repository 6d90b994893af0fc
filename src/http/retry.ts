// Owns what a failed attempt means: which counter it raises, and whether the request may be sent again. Only what is
// provably safe is: nothing was done with it, or it may be repeated, and the pool's budget allows it.

import type { RetryFailure, RetryPolicy } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import { E, P } from '../core/counters.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { HttpPool } from './context.ts';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** What the configuration calls a failure; undefined for what nothing helps against. */
function failureOf(code: ErrorCode): RetryFailure | undefined {
  if (ERRORS[code].retry === 'safe') return 'connect-failure';
  if (code === 'upstream-reset') return 'reset';
  return code === 'upstream-timeout' ? 'timeout' : undefined;
}

/** May the request be sent again after such a failure, as far as it is concerned? `repeatable`: it may be done twice. */
export function allowsRetry({ on }: RetryPolicy, code: ErrorCode, repeatable: boolean): boolean {
  const failure = failureOf(code);
  if (failure === undefined || !on.failures.includes(failure)) return false;
  return failure === 'connect-failure' || repeatable;
}

export function isRetriableStatus({ on }: RetryPolicy, status: number): boolean {
  for (const [low, high] of on.status) if (status >= low && status <= high) return true;
  return false;
}

/** Takes one more attempt out of the pool's budget. */
export function inBudget({ pool, slot }: HttpPool, now: number, counters: Counters): boolean {
  if (pool.retryBudget.tryRetry(now)) return true;
  counters.pool(slot, P.retriesDenied);
  return false;
}

/** Before retry number `retry` (from 1): exponential with jitter. `unit` is chance, in [0, 1). */
export function backoffMs({ backoffMs: base, maxBackoffMs }: RetryPolicy, retry: number, unit: number): number {
  return Math.min(base * 2 ** (retry - 1), Math.max(base, maxBackoffMs)) * (0.5 + unit);
}

/** What Retry-After asks for, in ms from now; 0 for nothing. */
export function retryAfterMs(value: string | undefined, epoch: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, at - epoch);
}

export function countFailure(counters: Counters, slot: number, code: ErrorCode): void {
  if (code === 'connect-failed' || code === 'connect-timeout') counters.endpoint(slot, E.connectFailed);
  else if (code === 'upstream-timeout' || code === 'upstream-stalled') counters.endpoint(slot, E.timeout);
  else if (code === 'upstream-malformed') counters.endpoint(slot, E.malformed);
  else if (code === 'out-of-sockets') return;
  else counters.endpoint(slot, E.reset);
}
