// Owns the spans of one request that is sampled: what they tell, one for each attempt while they run, and all of them once it is over.

import type { Clock } from '../core/env.ts';
import type { Outcome } from '../core/outcome.ts';
import type { SpanRecord, SpanValue, Tracer } from '../core/tracer.ts';
import type { Lease } from '../pool/lease.ts';
import type { Finished } from './account.ts';
import type { ClientPort } from './client-port.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { HeadView } from './head-view.ts';
import type { RequestRelay } from './request-relay.ts';

/** Of a path and such: what clients send is kept, but not at any length. */
const MOST_TEXT = 1024;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);

type Cause = 'first' | 'retry' | 'reconnect' | 'hedge';
type Attributes = Record<string, SpanValue>;

interface AttemptSpan {
  readonly spanId: string;
  readonly lease: Lease;
  readonly cause: Cause;
  readonly startedAt: number;
  sentAt: number;
  endedAt: number;
  outcome: Outcome | undefined;
}

/** Where the request stands in its trace. */
export interface SpanPlace {
  readonly traceId: string;
  readonly spanId: string;
  /** '' at the root. */
  readonly parentId: string;
  readonly state: string;
}

export class RequestSpans {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #place: SpanPlace;
  /** The span id that the kept copy of the request has now. */
  #stamped: string;
  readonly #attempts: AttemptSpan[] = [];
  readonly #attributes: Attributes = {};
  readonly #startedAt: number;
  #isGrpc = false;

  constructor(tracer: Tracer, clock: Clock, place: SpanPlace) {
    this.#tracer = tracer;
    this.#clock = clock;
    this.#place = place;
    this.#stamped = place.spanId;
    this.#startedAt = clock.now();
  }

  /** What only spans tell, while the head is at hand. */
  see(parser: RequestParser, view: HeadView, client: ClientPort): void {
    const { host, path, authority } = view;
    const attributes = this.#attributes;
    this.#isGrpc = client.grpc;
    attributes['url.path'] = clipped(path);
    attributes['url.scheme'] = client.additions().proto;
    attributes['client.address'] = view.client;
    attributes['network.protocol.version'] = client.plainBodies ? '2' : `1.${parser.minor}`;
    if (host !== '') attributes['server.address'] = clipped(host);
    const port = /:(\d{1,5})$/.exec(authority);
    if (port !== null) attributes['server.port'] = Number(port[1]);
    const agent = parser.fields.get('user-agent');
    if (agent !== undefined) attributes['user_agent.original'] = clipped(agent);
  }

  attempt(lease: Lease, isHedge: boolean): void {
    const now = this.#clock.now();
    const before = this.#current(lease);
    // The same lease once more: its connection was gone before anybody read the request.
    if (before !== undefined && before.outcome === undefined) end(before, STALE, now);
    const again: Cause = before === undefined ? 'retry' : 'reconnect';
    const cause: Cause = isHedge ? 'hedge' : this.#attempts.length === 0 ? 'first' : again;
    const spanId = this.#tracer.spanId();
    this.#attempts.push({ spanId, lease, cause, startedAt: now, sentAt: 0, endedAt: 0, outcome: undefined });
  }

  #current(lease: Lease | undefined): AttemptSpan | undefined {
    return this.#attempts.findLast((attempt) => attempt.lease === lease);
  }

  /** Right before the request is sent to the lease's endpoint: its parent there is this attempt. */
  stamp(request: RequestRelay, lease: Lease | undefined): void {
    const attempt = this.#current(lease);
    if (attempt === undefined) return;
    attempt.sentAt = this.#clock.now();
    if (!this.#tracer.propagate) return;
    const head = `traceparent: 00-${this.#place.traceId}-`;
    request.replace(head + this.#stamped, head + attempt.spanId);
    this.#stamped = attempt.spanId;
  }

  settled(lease: Lease, outcome: Outcome): void {
    const attempt = this.#current(lease);
    if (attempt !== undefined && attempt.outcome === undefined) end(attempt, outcome, this.#clock.now());
  }

  /** Everything is over: the spans go out. */
  finish(listener: string, finished: Finished): void {
    const { route, pool, status, error, facts, attempts } = finished;
    const last = this.#attempts.at(-1);
    const now = this.#clock.now();
    for (const attempt of this.#attempts) {
      // A tunnel's lease is its own.
      if (attempt.outcome === undefined) end(attempt, { kind: 'ok', status, firstByteMs: finished.firstByteMs }, now);
      this.#recordAttempt(attempt, finished);
    }
    const attributes = this.#attributes;
    setMethod(attributes, facts.method);
    attributes['evenkeel.listener'] = listener;
    if (route !== undefined) attributes['evenkeel.route'] = route.name;
    if (pool !== undefined) attributes['evenkeel.pool'] = pool.name;
    if (attempts.endpointId !== '') attributes['evenkeel.endpoint'] = attempts.endpointId;
    if (facts.id !== '') attributes['evenkeel.request_id'] = facts.id;
    if (finished.bytesOut > 0) attributes['evenkeel.bytes_out'] = finished.bytesOut;
    if (status > 0) attributes['http.response.status_code'] = status;
    // A call of gRPC fails behind a 200.
    const callFailed = this.#isGrpc && last?.outcome?.kind === 'ok' && last.outcome.status >= 500;
    const failed = status >= 500 || callFailed || (status === 0 && error !== undefined);
    if (error !== undefined || failed) attributes['error.type'] = error ?? (callFailed ? 'grpc' : String(status));
    this.#record(this.#place.spanId, this.#place.parentId, {
      name: nameOf(facts.method, route?.name),
      kind: 'server',
      startedAt: this.#startedAt,
      endedAt: now,
      failed,
      attributes,
    });
  }

  #recordAttempt({ spanId, lease, cause, startedAt, endedAt, sentAt, outcome }: AttemptSpan, finished: Finished): void {
    const { facts, pool } = finished;
    const { endpoint } = lease;
    const { host, port } = endpoint.address;
    const attributes: Attributes = { 'server.address': host, 'server.port': port, 'evenkeel.endpoint': endpoint.id };
    setMethod(attributes, facts.method);
    const scheme = pool?.terms.tls === undefined ? 'http' : 'https';
    attributes['url.full'] =
      `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${this.#attributes['url.path']}`;
    attributes['network.protocol.version'] = pool?.config.protocol === 'h2' ? '2' : '1.1';
    attributes['evenkeel.attempt'] = cause;
    const resent = this.#attempts.findIndex((attempt) => attempt.spanId === spanId);
    if (resent > 0) attributes['http.request.resend_count'] = resent;
    if (sentAt > 0) attributes['evenkeel.sent_after_ms'] = rounded(sentAt - startedAt);
    const failed = this.#tell(attributes, outcome!);
    const name = METHODS.has(facts.method) ? facts.method : 'HTTP';
    this.#record(spanId, this.#place.spanId, { name, kind: 'client', startedAt, endedAt, failed, attributes });
  }

  /** What came of an attempt. True when it failed. */
  #tell(attributes: Attributes, outcome: Outcome): boolean {
    if (outcome.kind === 'cancelled') {
      attributes['evenkeel.cancelled'] = true;
      return false;
    }
    if (outcome.kind === 'failed') {
      attributes['error.type'] = outcome.error.code;
      return true;
    }
    const { status, firstByteMs } = outcome;
    attributes['evenkeel.first_byte_ms'] = rounded(firstByteMs);
    // The outcome of a call is told as a status of HTTP, and its answer's status is 200.
    if (status > 0) attributes[this.#isGrpc ? 'evenkeel.outcome' : 'http.response.status_code'] = status;
    if (status >= 400) attributes['error.type'] = String(status);
    return status >= 400;
  }

  #record(spanId: string, parentId: string, span: Omit<SpanRecord, keyof SpanPlace>): void {
    const { traceId, state } = this.#place;
    this.#tracer.record({ traceId, spanId, parentId, state, ...span });
  }
}

const STALE: Outcome = { kind: 'cancelled' };

function end(attempt: AttemptSpan, outcome: Outcome, now: number): void {
  attempt.outcome = outcome;
  attempt.endedAt = now;
}

function clipped(text: string): string {
  return text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Methods that nobody knows would make too many names (semantic conventions: `_OTHER`). */
function setMethod(attributes: Attributes, method: string): void {
  if (METHODS.has(method)) attributes['http.request.method'] = method;
  else {
    attributes['http.request.method'] = '_OTHER';
    attributes['http.request.method_original'] = clipped(method);
  }
}

function nameOf(method: string, route: string | undefined): string {
  const verb = METHODS.has(method) ? method : 'HTTP';
  return route === undefined || route === '' ? verb : `${verb} ${route}`;
}
