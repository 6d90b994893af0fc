// Owns what a trace tells of a DNS answer: one span, from what the query log is told as well. Resolvers carry no trace context.

import type { SpanValue, Tracer } from '../core/tracer.ts';
import type { DnsRecord } from './context.ts';

export function traceQuery(tracer: Tracer, record: DnsRecord, endedAt: number): void {
  const { transport, client, name, type, rcode, suppressed, answers, truncated, ecs, decidedBy, durationMs } = record;
  const attributes: Record<string, SpanValue> = {
    'network.transport': transport,
    'client.address': client,
    'evenkeel.dns.answers': answers,
  };
  if (name !== '') attributes['dns.question.name'] = name;
  if (type !== '') attributes['dns.question.type'] = type;
  if (rcode !== '') attributes['dns.response.code'] = rcode;
  if (truncated) attributes['evenkeel.dns.truncated'] = true;
  if (ecs !== '') attributes['evenkeel.dns.client_subnet'] = ecs;
  if (decidedBy !== '') attributes['evenkeel.dns.decided_by'] = decidedBy;
  if (suppressed !== '') attributes['evenkeel.dns.suppressed'] = suppressed;
  const failed = rcode === 'SERVFAIL';
  if (failed) attributes['error.type'] = rcode;
  tracer.record({
    traceId: tracer.traceId(),
    spanId: tracer.spanId(),
    parentId: '',
    state: '',
    name: type === '' ? 'dns' : `dns ${type}`,
    kind: 'server',
    startedAt: endedAt - durationMs,
    endedAt,
    failed,
    attributes,
  });
}
