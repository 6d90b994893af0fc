// Owns counting and logging one query, however it came.

import { D, L } from '../core/counters.ts';
import type { ErrorCode } from '../core/error.ts';
import type { DnsContext, DnsRecord } from './context.ts';
import type { Answerer } from './engine/answerer.ts';
import { traceQuery } from './trace.ts';
import { formatName } from './wire/name.ts';
import { rcodeName, TYPE, typeName } from './wire/types.ts';

const TYPE_COLUMN = new Map<number, number>([
  [TYPE.A, D.typeA],
  [TYPE.AAAA, D.typeAAAA],
  [TYPE.HTTPS, D.typeHTTPS],
  [TYPE.NS, D.typeNS],
  [TYPE.SOA, D.typeSOA],
  [TYPE.TXT, D.typeTXT],
  [TYPE.MX, D.typeMX],
  [TYPE.SRV, D.typeSRV],
]);
const RCODE_COLUMN = [
  D.rcodeNoerror,
  D.rcodeFormerr,
  D.rcodeServfail,
  D.rcodeNxdomain,
  D.rcodeNotimp,
  D.rcodeRefused,
] as const;
const RCODE_ERROR: readonly (ErrorCode | undefined)[] = [
  undefined,
  'dns-formerr',
  'dns-servfail',
  undefined,
  'dns-notimp',
  'dns-refused',
];

export function countQuery(
  ctx: DnsContext,
  slot: number,
  answerer: Answerer,
  transport: 'udp' | 'tcp',
  bytesIn: number,
  bytesOut: number,
): void {
  const { counters } = ctx;
  counters.listener(slot, L.requests);
  counters.listener(slot, L.bytesIn, bytesIn);
  counters.listener(slot, L.bytesOut, bytesOut);
  counters.dns(transport === 'udp' ? D.udp : D.tcp);
  if (answerer.suppressed === 'malformed') return counters.error(slot, 'dns-malformed');
  counters.dns(TYPE_COLUMN.get(answerer.query.type) ?? D.typeOther);
  if (answerer.suppressed === 'limited') {
    counters.error(slot, 'dns-rate-limited');
    if (bytesOut > 0) counters.dns(D.slipped);
    return;
  }
  const { rcode } = answerer;
  counters.dns(rcode < RCODE_COLUMN.length ? RCODE_COLUMN[rcode] : D.rcodeOther);
  const error = RCODE_ERROR[rcode];
  if (error !== undefined) counters.error(slot, error);
  if (answerer.truncated) counters.dns(D.truncated);
  if (answerer.lookup.decidedBy !== '') counters.dns(D.steered);
}

/** For the query log and the trace; `traced` was asked when the query came. */
export function logQuery(
  ctx: DnsContext,
  answerer: Answerer,
  client: string,
  transport: 'udp' | 'tcp',
  begun: number,
  bytesIn: number,
  bytesOut: number,
  traced: boolean,
): void {
  const { query, lookup, suppressed } = answerer;
  const { edns } = query;
  const now = ctx.env.clock.now();
  const record: DnsRecord = {
    protocol: 'dns',
    transport,
    client,
    name: query.hasQuestion ? formatName(query.name) : '',
    type: query.hasQuestion ? typeName(query.type) : '',
    rcode: bytesOut === 0 ? '' : rcodeName(answerer.rcode),
    suppressed,
    answers: lookup.sections.answers,
    truncated: answerer.truncated,
    durationMs: now - begun,
    ecs: edns.ecs && edns.ecsFamily !== 0 ? `${edns.ecsText}/${edns.ecsPrefix}` : '',
    decidedBy: lookup.decidedBy,
    bytesIn,
    bytesOut,
  };
  ctx.log?.(record);
  if (traced && ctx.tracer !== undefined) traceQuery(ctx.tracer, record, now);
}
