// Owns the head that goes to the client: what of the upstream's head passes, and how this connection goes on.

import type { ResponseTerms } from './client-port.ts';
import { F } from './codec/fields.ts';
import { CHUNKED } from './codec/request-parser.ts';
import { type ResponseParser, UNTIL_CLOSE } from './codec/response-parser.ts';
import type { HeadEdits } from './head-edits.ts';

const HOP_BY_HOP = new Uint8Array(32);
for (const kind of [F.connection, F.keepAlive, F.proxyConnection, F.te, F.upgrade, F.folded]) HOP_BY_HOP[kind] = 1;

/** True when a body that ends with the upstream's connection is passed on in chunks. */
export function rechunks(parser: ResponseParser, clientMinor: number): boolean {
  return parser.bodyLength === UNTIL_CLOSE && clientMinor === 1;
}

/** True when the client cannot read chunks: they are taken off and the connection's end delimits the body. */
export function dechunks(parser: ResponseParser, clientMinor: number): boolean {
  return parser.bodyLength === CHUNKED && clientMinor === 0;
}

/** True when the body ends with the client's connection, because nothing else can say where it ends. */
export function endsWithConnection(parser: ResponseParser, clientMinor: number): boolean {
  return clientMinor === 0 && (parser.bodyLength === CHUNKED || parser.bodyLength === UNTIL_CLOSE);
}

export function buildResponseHead(parser: ResponseParser, { minor, close, date, hsts, edits }: ResponseTerms): string {
  const clientMinor = minor;
  const { fields } = parser;
  const text = fields.text;
  const dropCoding = dechunks(parser, clientMinor);
  const bodiless = parser.status === 204;
  let out = '';
  let run = 0;
  if (parser.minor !== 1 || text.charCodeAt(7) !== 0x31 || text.charCodeAt(12) !== 0x20) {
    out = `HTTP/1.1 ${text.slice(9, 12)} ${text.slice(parser.reasonStart, parser.reasonEnd)}\r\n`;
    run = parser.fieldsStart;
  }
  let lineStart = parser.fieldsStart;
  for (let i = 0; i < fields.count; i++) {
    const lineEnd = i + 1 < fields.count ? fields.at[(i + 1) << 2] : text.length - 2;
    const kind = fields.kind[i];
    let drop = HOP_BY_HOP[kind] === 1;
    if (kind === F.transferEncoding) drop = clientMinor === 0 || bodiless;
    else if (kind === F.contentLength) drop = bodiless || edits?.forgetsLength === true;
    else if (kind === F.trailer) drop = dropCoding;
    if (!drop && kind === F.other && parser.connectionNames.length > 0) {
      drop = parser.connectionNames.includes(fields.name(i).toLowerCase());
    }
    if (drop || edits?.takes(fields, i) === true) {
      if (lineStart > run) out += text.slice(run, lineStart);
      run = lineEnd;
    }
    lineStart = lineEnd;
  }
  if (lineStart > run) out += text.slice(run, lineStart);
  if (edits !== undefined) out += edits.lines(fields);
  if (!fields.has(F.date)) out += `Date: ${date}\r\n`;
  if (hsts !== '' && !fields.has(F.strictTransportSecurity)) out += `Strict-Transport-Security: ${hsts}\r\n`;
  if (rechunks(parser, clientMinor)) out += 'Transfer-Encoding: chunked\r\n';
  if (close) out += 'Connection: close\r\n';
  else if (clientMinor === 0) out += 'Connection: keep-alive\r\n';
  return `${out}\r\n`;
}

/** 1xx answers other than 101 are passed on without hop-by-hop fields. */
export function buildInformationalHead(parser: ResponseParser): string {
  const { fields } = parser;
  let out = `HTTP/1.1 ${parser.status} ${fields.text.slice(parser.reasonStart, parser.reasonEnd)}\r\n`;
  for (let i = 0; i < fields.count; i++) {
    if (HOP_BY_HOP[fields.kind[i]] === 1 || fields.kind[i] === F.contentLength || fields.kind[i] === F.transferEncoding)
      continue;
    if (parser.connectionNames.includes(fields.name(i).toLowerCase())) continue;
    out += `${fields.name(i)}: ${fields.value(i)}\r\n`;
  }
  return `${out}\r\n`;
}

/** 101: the connection changes its protocol, so these two fields pass. */
export function buildUpgradeHead(parser: ResponseParser, edits?: HeadEdits): string {
  const { fields } = parser;
  let out = `HTTP/1.1 101 ${fields.text.slice(parser.reasonStart, parser.reasonEnd)}\r\nConnection: Upgrade\r\n`;
  for (let i = 0; i < fields.count; i++) {
    if (edits?.takes(fields, i) === true) continue;
    if (HOP_BY_HOP[fields.kind[i]] === 1 && fields.kind[i] !== F.upgrade) continue;
    if (fields.kind[i] === F.contentLength || fields.kind[i] === F.transferEncoding) continue;
    out += `${fields.name(i)}: ${fields.value(i)}\r\n`;
  }
  return `${out}${edits?.lines(fields) ?? ''}\r\n`;
}

export function statusLine({ status, fields, reasonStart, reasonEnd }: ResponseParser): string {
  return `HTTP/1.1 ${status} ${fields.text.slice(reasonStart, reasonEnd)}\r\n`;
}

/** Fields as lines, without those that end here or say how the body is framed. */
export function unframedLines({ fields, connectionNames }: ResponseParser): string {
  let out = '';
  for (let i = 0; i < fields.count; i++) {
    const kind = fields.kind[i];
    if (HOP_BY_HOP[kind] === 1 || kind === F.contentLength || kind === F.transferEncoding) continue;
    const name = fields.name(i);
    if (connectionNames.length > 0 && connectionNames.includes(name.toLowerCase())) continue;
    out += `${name}: ${fields.value(i)}\r\n`;
  }
  return out;
}
