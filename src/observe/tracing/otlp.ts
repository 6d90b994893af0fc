// Owns the step from our plain spans to what OpenTelemetry's exporter sends: times, status, kinds, and who we are.

import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { SpanRecord } from '../../core/tracer.ts';

export interface Sender {
  readonly service: string;
  readonly version: string;
  /** Of this process. */
  readonly instance: string;
}

type Resource = ReadableSpan['resource'];

/** What is known at once: nothing is detected, and nothing of the machine is told. */
export function resourceOf({ service, version, instance }: Sender): Resource {
  const attributes = {
    'service.name': service,
    'service.version': version,
    'service.instance.id': instance,
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.language': 'nodejs',
  };
  const resource: Resource = {
    attributes,
    asyncAttributesPending: false,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

const SERVER = 1;
const CLIENT = 2;
const UNSET = 0;
const ERROR = 2;
const SAMPLED = 1;

function hrTime(epochMs: number): HrTime {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
}

function contextOf(traceId: string, spanId: string, state: string): SpanContext {
  const context = { traceId, spanId, traceFlags: SAMPLED };
  if (state === '') return context;
  const traceState = { serialize: () => state, get: () => undefined, set: () => traceState, unset: () => traceState };
  return { ...context, traceState };
}

/** `epochOffset`: from monotonic ms to ms since 1970. */
export function readableSpan(span: SpanRecord, epochOffset: number, resource: Resource, version: string): ReadableSpan {
  const { traceId, spanId, parentId, state, name, kind, startedAt, endedAt, failed, attributes } = span;
  const context = contextOf(traceId, spanId, state);
  return {
    name,
    kind: kind === 'server' ? SERVER : CLIENT,
    spanContext: () => context,
    ...(parentId === ''
      ? {}
      : { parentSpanContext: { traceId, spanId: parentId, traceFlags: SAMPLED, isRemote: kind === 'server' } }),
    startTime: hrTime(startedAt + epochOffset),
    endTime: hrTime(endedAt + epochOffset),
    duration: hrTime(Math.max(0, endedAt - startedAt)),
    status: { code: failed ? ERROR : UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'evenkeel', version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
