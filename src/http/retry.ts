// Owns what a failed attempt means: which counter it raises, and whether the request may be sent again. Only what is
// provably safe is: nothing was sent, or the method may be repeated, and the pool's budget allows it.

import type { Counters } from '../core/counters.ts';
import { E, P } from '../core/counters.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { HttpPool } from './context.ts';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** What an idempotent request may be tried again after. */
const RETRIABLE = new Set<ErrorCode>(['connect-failed', 'connect-timeout', 'upstream-reset', 'upstream-timeout']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Takes the retry out of the budget when it says yes. `attempts` is how many were made. */
export function mayRetry(
  pool: HttpPool,
  code: ErrorCode,
  method: string,
  attempts: number,
  now: number,
  counters: Counters,
): boolean {
  if (attempts > pool.config.retries.attempts) return false;
  const safe = ERRORS[code].retry === 'safe' || (isIdempotent(method) && RETRIABLE.has(code));
  if (!safe) return false;
  if (pool.pool.retryBudget.tryRetry(now)) return true;
  counters.pool(pool.slot, P.retriesDenied);
  return false;
}

export function countFailure(counters: Counters, slot: number, code: ErrorCode): void {
  if (code === 'connect-failed' || code === 'connect-timeout') counters.endpoint(slot, E.connectFailed);
  else if (code === 'upstream-timeout' || code === 'upstream-stalled') counters.endpoint(slot, E.timeout);
  else if (code === 'upstream-malformed') counters.endpoint(slot, E.malformed);
  else if (code === 'out-of-sockets') return;
  else counters.endpoint(slot, E.reset);
}
