// Owns the trace of one request, which exists while tracing is on: the fields that its head carries upstream, and its spans if it is
// sampled. One that is not costs a field and a small object.

import type { Clock } from '../core/env.ts';
import { boundedTracestate, formatTraceparent, parseTraceparent } from '../core/trace-context.ts';
import { idInLine, type Tracer } from '../core/tracer.ts';
import type { ClientPort } from './client-port.ts';
import type { Fields } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import type { HeadView } from './head-view.ts';
import { RequestSpans } from './request-spans.ts';

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';

export class RequestTrace {
  /** '': it stands in `lines`, and few ask. */
  readonly #traceId: string;
  /** For the head that goes upstream, each with its CRLF; '' when its own trace fields pass as they are. */
  readonly lines: string;
  /** Undefined: not sampled. */
  readonly spans: RequestSpans | undefined;

  constructor(traceId: string, lines: string, spans: RequestSpans | undefined) {
    this.#traceId = traceId;
    this.lines = lines;
    this.spans = spans;
  }

  get traceId(): string {
    return this.#traceId === '' ? idInLine(this.lines) : this.#traceId;
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
}

function linesOf(tracer: Tracer, traceId: string, spanId: string, sampled: boolean, state: string): string {
  if (!tracer.propagate) return '';
  const own = `${TRACEPARENT}: ${formatTraceparent(traceId, spanId, sampled)}\r\n`;
  return state === '' ? own : `${own}${TRACESTATE}: ${state}\r\n`;
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
  const sent = fields.get(TRACEPARENT);
  const parent = sent === undefined ? undefined : parseTraceparent(sent);
  const { propagate } = tracer;
  let traceId: string;
  let state = '';
  let sampled: boolean;
  if (parent === undefined) {
    tracer.begin();
    sampled = tracer.isPicked;
    if (!sampled) return propagate ? new RequestTrace('', tracer.unsampledLine, undefined) : undefined;
    traceId = tracer.newest;
  } else {
    traceId = parent.traceId;
    sampled = tracer.follows(parent.sampled, client.additions().trusted);
    if (!sampled && !propagate) return undefined;
    state = boundedTracestate(fields.get(TRACESTATE) ?? '');
  }
  // A span that nobody records would only hide the one that is: whoever is not sampled keeps its parent.
  const spanId = sampled || parent === undefined ? tracer.spanId() : parent.spanId;
  const lines = linesOf(tracer, traceId, spanId, sampled, state);
  if (!sampled) return new RequestTrace(traceId, lines, undefined);
  const spans = new RequestSpans(tracer, clock, { traceId, spanId, parentId: parent?.spanId ?? '', state });
  spans.see(parser, view, client);
  return new RequestTrace(traceId, lines, spans);
}
