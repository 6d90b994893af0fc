// Owns the head that goes upstream: what of the client's head passes, what stops here (hop-by-hop, RFC 9110 §7.6.1),
// what is added (Via, forwarding fields, request id). Builds one string from as few slices as possible.

import type { TlsFacts, TlsPeer } from '../net/conn.ts';
import { F } from './codec/fields.ts';
import type { RequestParser } from './codec/request-parser.ts';
import { UNTIL_CLOSE } from './codec/response-parser.ts';
import type { HttpHandler } from './context.ts';
import type { RequestEdits } from './head-edits.ts';
import type { RequestTrace } from './trace.ts';

/** The connection whose requests get something added. */
export interface AddedTo {
  /** The address the client reached us at; asked of the system only when it is needed. */
  localAuthority(): string;
}

/** What this connection and listener add to every request. */
export interface RequestAdditions {
  /** The peer is one of ours: its forwarding fields are kept and extended. */
  readonly trusted: boolean;
  readonly peer: string;
  readonly xForwarded: boolean;
  readonly forwarded: boolean;
  /** Field name in lower case, '' for none. */
  readonly requestIdName: string;
  readonly proto: 'http' | 'https';
  /** Undefined: in the clear. */
  readonly tls: TlsFacts | undefined;
  /** Undefined: the client showed none that was verified. */
  readonly certificate: TlsPeer | undefined;
  /** Host for a client of HTTP/1.0 that named none. */
  readonly local: AddedTo;
  /** What was added for `knownHost` up to the request id: requests of one connection mostly name one host. */
  known: string;
  knownHost: string | undefined;
}

export function additionsFor(
  { config, isTrusted }: HttpHandler,
  peer: string,
  tls: TlsFacts | undefined,
  local: AddedTo,
): RequestAdditions {
  const { xForwarded, forwarded, requestId } = config.forwarded;
  return {
    trusted: isTrusted(peer),
    peer,
    xForwarded,
    forwarded,
    requestIdName: requestId,
    proto: tls === undefined ? 'http' : 'https',
    tls,
    certificate: tls?.peer,
    local,
    known: '',
    knownHost: undefined,
  };
}

/** Names that a Connection field may not take away: they belong to us or carry the message itself. */
const PROTECTED = new Set<number>([
  F.host,
  F.contentLength,
  F.transferEncoding,
  F.expect,
  F.xForwardedFor,
  F.xForwardedProto,
  F.xForwardedHost,
  F.xForwardedPort,
  F.xRealIp,
  F.forwarded,
  F.via,
  F.requestId,
  F.clientCertSubject,
  F.clientCertFingerprint,
]);

const PASS = 0;
const DROP = 1;
const DROP_UNTRUSTED = 2;
const DROP_X_FORWARDED = 3;
const RULES = new Uint8Array(32);
for (const kind of [F.connection, F.keepAlive, F.proxyConnection, F.te, F.upgrade, F.proxyAuthorization, F.folded])
  RULES[kind] = DROP;
for (const kind of [F.xRealIp, F.xForwardedPort, F.clientCertSubject, F.clientCertFingerprint])
  RULES[kind] = DROP_UNTRUSTED;
for (const kind of [F.xForwardedFor, F.xForwardedProto, F.xForwardedHost]) RULES[kind] = DROP_X_FORWARDED;

/** `path` is the normalized one; when it differs from what the client sent, it is what goes upstream. */
export function buildRequestHead(
  parser: RequestParser,
  path: string,
  requestId: string,
  add: RequestAdditions,
  edits: RequestEdits | undefined,
  trace?: RequestTrace,
): string {
  const { fields, target } = parser;
  const text = fields.text;
  const plain =
    target.form !== 'absolute' &&
    path === target.path &&
    edits?.query === undefined &&
    text.charCodeAt(parser.fieldsStart - 3) === 0x31;
  let out = '';
  let run = 0;
  if (!plain) {
    const query = edits?.query ?? target.query;
    out = `${parser.method} ${path}${query === '' ? '' : `?${query}`} HTTP/1.1\r\n`;
    run = parser.fieldsStart;
  }
  const dropHost = target.form === 'absolute';
  let lineStart = parser.fieldsStart;
  for (let i = 0; i < fields.count; i++) {
    const lineEnd = i + 1 < fields.count ? fields.at[(i + 1) << 2] : text.length - 2;
    const gone = dropped(parser, i, add) || edits?.takes(fields, i) === true || trace?.takes(fields, i) === true;
    if (gone || (dropHost && fields.kind[i] === F.host)) {
      if (lineStart > run) out += text.slice(run, lineStart);
      run = lineEnd;
    }
    lineStart = lineEnd;
  }
  if (lineStart > run) out += text.slice(run, lineStart);
  const ownHost = edits?.now('host') != null;
  if (!ownHost && (dropHost || !fields.has(F.host)))
    out += `Host: ${target.authority === '' ? add.local.localAuthority() : target.authority}\r\n`;
  if (parser.bodyLength > 0 && !fields.has(F.contentLength)) out += `Content-Length: ${parser.bodyLength}\r\n`;
  // A stream delimits its body by itself; here somebody has to say that it comes in chunks.
  if (parser.bodyLength === UNTIL_CLOSE) out += 'Transfer-Encoding: chunked\r\n';
  if (edits !== undefined) {
    if (trace !== undefined) trace.clear(edits);
    out += edits.lines(fields);
  }
  if (trace !== undefined) out += trace.lines;
  return out + additions(parser, requestId, add);
}

function dropped(parser: RequestParser, index: number, add: RequestAdditions): boolean {
  const { fields } = parser;
  const kind = fields.kind[index];
  if (parser.connectionNames.length > 0 && !PROTECTED.has(kind)) {
    if (parser.connectionNames.includes(fields.name(index).toLowerCase())) return true;
  }
  switch (kind) {
    case F.other:
      // x-request-id is known by its kind; any other name for it is compared.
      if (add.requestIdName === '' || add.requestIdName === 'x-request-id') return false;
      return fields.name(index).toLowerCase() === add.requestIdName;
    case F.forwarded:
      return !add.trusted || add.forwarded;
    case F.requestId:
      return add.requestIdName === 'x-request-id';
    case F.expect:
      return parser.minor === 0;
  }
  const rule = RULES[kind];
  if (rule === PASS) return false;
  if (rule === DROP_X_FORWARDED) return !add.trusted || add.xForwarded;
  return rule === DROP || !add.trusted;
}

const VIA = ['Via: 1.0 evenkeel\r\n\r\n', 'Via: 1.1 evenkeel\r\n\r\n'];
const ID_VIA = VIA.map((via) => `\r\n${via}`);

function additions(parser: RequestParser, requestId: string, add: RequestAdditions): string {
  if (add.trusted || parser.upgrade !== '' || add.requestIdName === '') {
    const own = add.requestIdName === '' ? '' : `${add.requestIdName}: ${requestId}\r\n`;
    return forwarding(parser, add) + own + VIA[parser.minor];
  }
  if (add.knownHost !== parser.target.authority) {
    add.known = `${forwarding(parser, add)}${add.requestIdName}: `;
    add.knownHost = parser.target.authority;
  }
  return add.known + requestId + ID_VIA[parser.minor];
}

/** A trusted proxy that says whose certificate it saw is believed; its own is not the client's then. */
function certificateFields({ fields }: RequestParser, { certificate, trusted }: RequestAdditions): string {
  if (certificate === undefined) return '';
  if (trusted && (fields.has(F.clientCertSubject) || fields.has(F.clientCertFingerprint))) return '';
  return `X-Client-Cert-Subject: ${certificate.subject}\r\nX-Client-Cert-Fingerprint: ${certificate.fingerprint}\r\n`;
}

function forwarding(parser: RequestParser, add: RequestAdditions): string {
  const { fields, target } = parser;
  let out = parser.upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${fields.known(F.upgrade)}\r\n`;
  const host = target.authority;
  if (add.xForwarded) {
    let from = add.peer;
    let proto: string = add.proto;
    let forHost = host;
    if (add.trusted) {
      const earlier = fields.joined(F.xForwardedFor);
      if (earlier !== undefined) from = `${earlier}, ${from}`;
      proto = fields.known(F.xForwardedProto) ?? proto;
      forHost = fields.known(F.xForwardedHost) ?? forHost;
    }
    out += `X-Forwarded-For: ${from}\r\nX-Forwarded-Proto: ${proto}\r\n`;
    if (forHost !== '') out += `X-Forwarded-Host: ${forHost}\r\n`;
  }
  out += certificateFields(parser, add);
  if (add.forwarded) {
    const node = add.peer.includes(':') ? `"[${add.peer}]"` : add.peer;
    const element = `for=${node};proto=${add.proto}${host === '' ? '' : `;host="${host}"`}`;
    const earlier = add.trusted ? fields.joined(F.forwarded) : undefined;
    out += `Forwarded: ${earlier === undefined ? element : `${earlier}, ${element}`}\r\n`;
  }
  return out;
}

/** The client's own connection is encrypted: this one, or the one to a proxy of ours in front. */
export function isSecure(parser: RequestParser, { proto, trusted }: RequestAdditions): boolean {
  if (proto === 'https') return true;
  return trusted && parser.fields.known(F.xForwardedProto)?.toLowerCase() === 'https';
}
