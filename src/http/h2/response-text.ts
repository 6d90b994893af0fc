// Owns writing the head of an HTTP/2 response in the form of HTTP/1.1, so that one parser judges every response and one set
// of rules passes it on, whatever version either side speaks.

import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';

const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const BODILESS = new Set(['204', '304']);
const UNSAFE = /[\0\r\n]/;
/** Lower case, as all names are (RFC 9113 §8.2.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `fields`: names and values in turn. Undefined when they make no response. `isBare`: no body follows. */
export function responseText(fields: readonly string[], isBare: boolean, toHead: boolean): string | undefined {
  let status = '';
  let hasLength = false;
  let grpc = false;
  let lines = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (name === ':status') status = value;
    else if (!NAME.test(name) || CONNECTION_FIELDS.has(name) || UNSAFE.test(value)) return undefined;
    else {
      if (name === 'content-length') hasLength = true;
      else if (name === 'grpc-status') grpc = true;
      lines += `${name}: ${value}\r\n`;
    }
  }
  if (!/^[1-5]\d\d$/.test(status)) return undefined;
  // HTTP/1 would take the connection's end for the body's.
  if (isBare && !hasLength && !toHead && !grpc && !BODILESS.has(status) && status[0] !== '1')
    lines += 'content-length: 0\r\n';
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n`;
}

/** The answer that a WebSocket client of HTTP/1.1 waits for (RFC 6455 §4.2.2), from the success that HTTP/2 gave. */
export function upgradeText(fields: readonly string[], webSocketKey: string): string | undefined {
  const text = responseText(fields, false, true);
  if (text === undefined) return undefined;
  const accept = createHash('sha1').update(`${webSocketKey}${ACCEPT_SUFFIX}`).digest('base64');
  const rest = text.slice(text.indexOf('\r\n') + 2);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${rest}`;
}
