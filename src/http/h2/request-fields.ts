// Owns the head that goes to an endpoint of HTTP/2, from the head in the form of HTTP/1.1 that the exchange built: rules about
// what passes were applied there (RFC 9113 §8.2, §8.3, RFC 8441 §4).

import { isGrpc } from '../grpc.ts';

/** They said how HTTP/1 was framed, or are said in another way here. */
const LEFT_OUT = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'sec-websocket-key',
]);

export interface StreamRequest {
  /** Names and values in turn. */
  readonly fields: string[];
  /** What followed the head. */
  readonly body: string;
  /** The key of a WebSocket handshake, for the answer that HTTP/1 expects; '' when the request is none. */
  readonly webSocketKey: string;
}

/** `text` is a head as this proxy builds them: well-formed. */
export function streamRequest(text: string, scheme: 'http' | 'https'): StreamRequest {
  const headEnd = text.indexOf('\r\n\r\n');
  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  const rest: string[] = [];
  let authority = '';
  let upgrade = '';
  let webSocketKey = '';
  let grpc = false;
  for (let at = lineEnd + 2; at < headEnd + 2; ) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    const name = text.slice(at, colon).toLowerCase();
    let from = colon + 1;
    while (text.charCodeAt(from) === 0x20 || text.charCodeAt(from) === 0x09) from++;
    let to = end;
    while (to > from && (text.charCodeAt(to - 1) === 0x20 || text.charCodeAt(to - 1) === 0x09)) to--;
    at = end + 2;
    if (!LEFT_OUT.has(name)) rest.push(name, text.slice(from, to));
    else if (name === 'host') authority = text.slice(from, to);
    else if (name === 'upgrade') upgrade = text.slice(from, to).toLowerCase();
    else if (name === 'sec-websocket-key') webSocketKey = text.slice(from, to);
    if (name === 'content-type') grpc = isGrpc(text.slice(from, to));
  }
  const tunnels = upgrade === 'websocket';
  const fields = [
    ':method',
    tunnels ? 'CONNECT' : text.slice(0, methodEnd),
    ':scheme',
    scheme,
    ':authority',
    authority,
    ':path',
    text.slice(methodEnd + 1, targetEnd),
  ];
  if (tunnels) fields.push(':protocol', 'websocket');
  for (const one of rest) fields.push(one);
  // Without it a server of gRPC takes us for a proxy that loses trailers.
  if (grpc) fields.push('te', 'trailers');
  return { fields, body: text.slice(headEnd + 4), webSocketKey: tunnels ? webSocketKey || '?' : '' };
}
