// Owns writing the head of an HTTP/2 request in the form of HTTP/1.1, so that one parser judges every request, whatever
// version it came in, and rules about fields stand in one place (RFC 9113 §8.2, §8.3, RFC 8441). What could be read as more
// than it is, is refused here: nothing may end a line that this file did not end.

import { randomBytes } from 'node:crypto';

/** Fields that say how HTTP/1 is framed: no request of HTTP/2 has them (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const UNSAFE = /[\0\r\n]/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Lower case, as all names are (RFC 9113 §8.2.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const NEEDS_LENGTH = new Set(['POST', 'PUT', 'PATCH']);

/** `fields`: names and values in turn, as they came. Undefined when they make no request. */
export function requestText(fields: readonly string[], endsWithHead: boolean): string | undefined {
  let method = '';
  let scheme = '';
  let authority: string | undefined;
  let path = '';
  let protocol = '';
  let host: string | undefined;
  let cookies = '';
  let hasLength = false;
  let lines = '';
  let regular = false;
  let webSocketKey = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (UNSAFE.test(value)) return undefined;
    const isPseudo = name.charCodeAt(0) === 0x3a;
    // Pseudo fields come first, each once (RFC 9113 §8.3).
    if (isPseudo && regular) return undefined;
    regular = !isPseudo;
    switch (name) {
      case ':method':
        if (method !== '') return undefined;
        method = value;
        break;
      case ':scheme':
        if (scheme !== '') return undefined;
        scheme = value;
        break;
      case ':authority':
        if (authority !== undefined) return undefined;
        authority = value;
        break;
      case ':path':
        if (path !== '') return undefined;
        path = value;
        break;
      case ':protocol':
        if (protocol !== '') return undefined;
        protocol = value;
        break;
      case 'host':
        if (host !== undefined) return undefined;
        host = value;
        break;
      case 'cookie':
        cookies = cookies === '' ? value : `${cookies}; ${value}`;
        break;
      case 'sec-websocket-key':
        webSocketKey = value;
        break;
      case 'te':
        // Whether the next hop wants trailers is between us and it.
        if (value.toLowerCase() !== 'trailers') return undefined;
        break;
      default:
        if (!NAME.test(name) || CONNECTION_FIELDS.has(name)) return undefined;
        if (name === 'content-length') hasLength = true;
        lines += `${name}: ${value}\r\n`;
    }
  }
  if (!TOKEN.test(method) || scheme === '' || path === '' || path.includes(' ')) return undefined;
  // Two names for one server: whoever believes the other one is fooled.
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  const named = authority ?? host;
  if (named === undefined || !(path.startsWith('/') || path === '*')) return undefined;
  if (protocol !== '') {
    if (method !== 'CONNECT' || protocol !== 'websocket' || endsWithHead || hasLength) return undefined;
    method = 'GET';
    lines += `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n`;
  }
  // The handshake of HTTP/1 is ours to make; a stream has none.
  else if (webSocketKey !== '') lines += `sec-websocket-key: ${webSocketKey}\r\n`;
  if (cookies !== '') lines += `cookie: ${cookies}\r\n`;
  if (endsWithHead && !hasLength && NEEDS_LENGTH.has(method)) lines += 'content-length: 0\r\n';
  return `${method} ${path} HTTP/1.1\r\nhost: ${named}\r\n${lines}\r\n`;
}
