// Owns the trace of one request: the fields that its head carries upstream, a span for each attempt while they run, and all spans
// once it is over. It exists only while tracing is on; of a request that is not sampled it knows its id and its fields alone.

import type { Clock } from '../core/env.ts';
import type { Outcome } from '../core/outcome.ts';
import { boundedTracestate, formatTraceparent } from '../core/trace-context.ts';
import type { SpanValue, Tracer, TraceStart } from '../core/tracer.ts';
import type { Lease } from '../pool/lease.ts';
import type { Finished } from './account.ts';
import type { ClientPort } from './client-port.ts';
import type { Fields } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import type { HeadView } from './head-view.ts';
import type { RequestRelay } from './request-relay.ts';

/** Of a path and such: what clients send is kept, but not at any length. */
const MOST_TEXT = 1024;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);
const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';

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

export class RequestTrace {
  readonly traceId: string;
  readonly sampled: boolean;
  /** For the head that goes upstream, each with its CRLF; '' when its own trace fields pass as they are. */
  readonly lines: string;
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #start: TraceStart;
  readonly #state: string;
  readonly #spanId: string;
  /** The span id that the kept copy of the request has now. */
  #stamped: string;
  readonly #attempts: AttemptSpan[] = [];
  readonly #attributes: Attributes = {};
  readonly #startedAt: number;
  #isGrpc = false;

  constructor(tracer: Tracer, clock: Clock, start: TraceStart, tracestate: string | undefined) {
    const { traceId, parent, sampled } = start;
    this.#tracer = tracer;
    this.#clock = clock;
    this.#start = start;
    this.traceId = traceId;
    this.sampled = sampled;
    this.#startedAt = sampled ? clock.now() : 0;
    // A span that nobody records would only hide the one that is: whoever is not sampled keeps its parent.
    this.#spanId = sampled || parent === undefined ? tracer.spanId() : parent.spanId;
    this.#stamped = this.#spanId;
    this.#state = parent === undefined || tracestate === undefined ? '' : boundedTracestate(tracestate);
    this.lines = tracer.propagate ? this.#lines() : '';
  }

  #lines(): string {
    const own = `${TRACEPARENT}: ${formatTraceparent(this.traceId, this.#spanId, this.sampled)}\r\n`;
    return this.#state === '' ? own : `${own}${TRACESTATE}: ${this.#state}\r\n`;
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

  /** A field of the client's head that `lines` replaces. */
  takes(fields: Fields, index: number): boolean {
    if (this.lines === '') return false;
    const o = index << 2;
    const length = fields.at[o + 1] - fields.at[o];
    if (length !== TRACEPARENT.length && length !== TRACESTATE.length) return false;
    const name = fields.name(index).toLowerCase();
    return name === TRACEPARENT || name === TRACESTATE;
  }

  /** Nor do filters write beside them. */
  clear(edits: HeadEdits): void {
    if (this.lines === '') return;
    edits.forget(TRACEPARENT);
    edits.forget(TRACESTATE);
  }

  attempt(lease: Lease, isHedge: boolean): void {
    if (!this.sampled) return;
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
    const attempt = this.sampled ? this.#current(lease) : undefined;
    if (attempt === undefined) return;
    attempt.sentAt = this.#clock.now();
    if (this.lines === '') return;
    const head = `${TRACEPARENT}: 00-${this.traceId}-`;
    request.replace(head + this.#stamped, head + attempt.spanId);
    this.#stamped = attempt.spanId;
  }

  settled(lease: Lease, outcome: Outcome): void {
    const attempt = this.sampled ? this.#current(lease) : undefined;
    if (attempt !== undefined && attempt.outcome === undefined) end(attempt, outcome, this.#clock.now());
  }

  /** Everything is over: the spans go out. */
  finish(listener: string, finished: Finished): void {
    if (!this.sampled) return;
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
    this.#record(this.#spanId, this.#start.parent?.spanId ?? '', {
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
    this.#record(spanId, this.#spanId, { name, kind: 'client', startedAt, endedAt, failed, attributes });
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

  #record(spanId: string, parentId: string, span: Omit<Parameters<Tracer['record']>[0], IdName>): void {
    this.#tracer.record({ traceId: this.traceId, spanId, parentId, state: this.#state, ...span });
  }
}

type IdName = 'traceId' | 'spanId' | 'parentId' | 'state';

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

/** Undefined: the request passes as if tracing were off. */
export function beginTrace(
  tracer: Tracer,
  clock: Clock,
  client: ClientPort,
  parser: RequestParser,
  view: HeadView,
): RequestTrace | undefined {
  const { fields } = parser;
  const start = tracer.begin(fields.get(TRACEPARENT), client.additions().trusted);
  if (start === undefined) return undefined;
  const state = start.parent === undefined ? undefined : fields.get(TRACESTATE);
  const trace = new RequestTrace(tracer, clock, start, state);
  if (start.sampled) trace.see(parser, view, client);
  return trace;
}
