// Owns what a trace tells of a TCP connection: one span, from accepted to closed, from what the access log is told as well.

import type { SpanValue, Tracer } from '../core/tracer.ts';
import type { ConnectionRecord } from './context.ts';

export function traceConnection(tracer: Tracer, record: ConnectionRecord, endedAt: number): void {
  const { listener, route, pool, endpoint, client, sni, error, attempts, durationMs, closedBy } = record;
  const attributes: Record<string, SpanValue> = {
    'network.transport': 'tcp',
    'client.address': client,
    'evenkeel.listener': listener,
    'evenkeel.attempts': attempts,
    'evenkeel.bytes_in': record.bytesIn,
    'evenkeel.bytes_out': record.bytesOut,
    'evenkeel.first_byte_ms': record.firstByteMs,
  };
  if (route !== '') attributes['evenkeel.route'] = route;
  if (pool !== '') attributes['evenkeel.pool'] = pool;
  if (endpoint !== '') attributes['evenkeel.endpoint'] = endpoint;
  if (sni !== '') attributes['tls.client.server_name'] = sni;
  if (closedBy !== '') attributes['evenkeel.closed_by'] = closedBy;
  if (error !== '') attributes['error.type'] = error;
  tracer.record({
    traceId: tracer.traceId(),
    spanId: tracer.spanId(),
    parentId: '',
    state: '',
    name: `tcp ${listener}`,
    kind: 'server',
    startedAt: endedAt - durationMs,
    endedAt,
    failed: error !== '' && error !== 'client-gone',
    attributes,
  });
}
