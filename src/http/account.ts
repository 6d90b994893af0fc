// Owns what a finished request leaves behind: counters, and a line for the access log when there is one.

import { E, L } from '../core/counters.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Attempts } from './attempts.ts';
import type { HttpContext, HttpPool, HttpRoute, RequestRecord } from './context.ts';
import type { RequestFacts } from './request-facts.ts';

export interface Finished {
  readonly facts: RequestFacts;
  readonly attempts: Attempts;
  /** Undefined when no route matched. */
  readonly route: HttpRoute | undefined;
  readonly pool: HttpPool | undefined;
  readonly identity: string;
  /** 0 when nothing was answered. */
  readonly status: number;
  readonly error: ErrorCode | undefined;
  readonly durationMs: number;
  readonly firstByteMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

function statusColumn(first: number, status: number): number {
  return first + Math.floor(status / 100) - 1;
}

/** Settles the lease that is left, if any, with what the whole exchange proved. */
export function settleWith(outcome: Outcome, attempts: Attempts, { counters }: HttpContext): void {
  const { lease } = attempts;
  if (lease === undefined) return;
  if (outcome.kind === 'ok') {
    const { slot } = lease.endpoint;
    counters.endpoint(slot, statusColumn(E.status1xx, outcome.status));
    counters.firstByte(slot, outcome.firstByteMs);
  }
  attempts.settle(outcome);
}

/** The counters of the listener and of the pool's response times. */
export function countFinished(
  { counters }: HttpContext,
  listenerSlot: number,
  status: number,
  route: HttpRoute | undefined,
  pool: HttpPool | undefined,
  durationMs: number,
  bytesOut: number,
): void {
  if (route !== undefined) counters.route(route.slot, status >= 500 || status === 0);
  if (status !== 0) {
    counters.listener(listenerSlot, statusColumn(L.status1xx, status));
    if (pool !== undefined && status !== 101) counters.duration(pool.slot, durationMs);
  }
  counters.listener(listenerSlot, L.bytesOut, bytesOut);
}

/** What a rollout is judged by: of gRPC its own status, of an upgrade that it came about. */
export function countVariant({ counters }: HttpContext, pool: HttpPool, status: number, durationMs: number): void {
  if (pool.variant === undefined || status === 0) return;
  // How long a tunnel was open says nothing about how fast the variant is.
  counters.variant(pool.variant.slot, status >= 500, status === 101 ? 0 : durationMs);
}

/** One line of the access log, and the spans of a request that is traced. */
export function logFinished({ log }: HttpContext, listener: string, finished: Finished): void {
  const { facts, attempts, route, pool, error, ...rest } = finished;
  const { logged } = facts;
  const { trace } = attempts;
  trace?.spans?.finish(listener, finished);
  if (log === undefined || logged === undefined) return;
  facts.logged = undefined;
  log({
    ...logged,
    ...rest,
    listener,
    route: route?.name ?? '',
    pool: pool?.name ?? '',
    variant: pool?.variant?.name ?? '',
    endpoint: attempts.endpointId,
    // Worked out only if it is wanted.
    get why(): string {
      return whyOf(pool, attempts);
    },
    method: facts.method,
    error: error ?? '',
    attempts: attempts.count,
    requestId: facts.id,
    traceId: trace?.traceId ?? '',
  });
}

/** In a line what an explanation says at length: by affinity or by which algorithm, among how many, at which try. */
function whyOf(pool: HttpPool | undefined, { endpointId, pinned, count }: Attempts): string {
  if (pool === undefined || endpointId === '') return '';
  const { view, endpoints, config } = pool.pool;
  const isPinned = pinned >= 0 && endpoints.some(({ slot, id }) => slot === pinned && id === endpointId);
  const by = isPinned ? 'affinity' : config.balance.kind;
  return `${by}, ${view.endpoints.length} of ${endpoints.length}, ${view.mode}${count > 1 ? `, try ${count}` : ''}`;
}

/** A line for a head that was no request: of what the client sent, nothing is known to be what it seems. */
export function refusedRecord(listener: string, client: string, error: ErrorCode): RequestRecord {
  return {
    listener,
    client,
    error,
    status: ERRORS[error].status,
    route: '',
    pool: '',
    variant: '',
    identity: '',
    endpoint: '',
    why: '',
    method: '',
    host: '',
    path: '',
    query: '',
    attempts: 0,
    durationMs: 0,
    firstByteMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    requestId: '',
    traceId: '',
    userAgent: '',
    referer: '',
  };
}
