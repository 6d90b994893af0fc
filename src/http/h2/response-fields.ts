// Owns the head that goes to a client of HTTP/2: what of the upstream's head passes, and in what form (RFC 9113 §8.2).

import { F } from '../codec/fields.ts';
import type { ResponseParser } from '../codec/response-parser.ts';
import type { HeadEdits } from '../head-edits.ts';
import { fieldsOf } from './field-lines.ts';

const HOP_BY_HOP = new Uint8Array(32);
for (const kind of [F.connection, F.keepAlive, F.proxyConnection, F.te, F.upgrade, F.transferEncoding, F.folded])
  HOP_BY_HOP[kind] = 1;

/** Names and values in turn. `hsts` is added where there is none. */
export function responseFields(
  parser: ResponseParser,
  status: number,
  date: string,
  hsts = '',
  edits?: HeadEdits,
): string[] {
  const { fields, connectionNames } = parser;
  const out = [':status', String(status)];
  const lengthless = parser.status === 204 || edits?.forgetsLength === true;
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind[i];
    if (edits?.takes(fields, i) === true) continue;
    if (HOP_BY_HOP[kind] === 1 || (kind === F.contentLength && lengthless)) continue;
    const name = fields.name(i).toLowerCase();
    if (connectionNames.length > 0 && connectionNames.includes(name)) continue;
    out.push(name, fields.value(i));
  }
  if (edits !== undefined) out.push(...fieldsOf(edits.lines(fields)));
  if (date !== '' && !fields.has(F.date)) out.push('date', date);
  if (hsts !== '' && !fields.has(F.strictTransportSecurity)) out.push('strict-transport-security', hsts);
  return out;
}
