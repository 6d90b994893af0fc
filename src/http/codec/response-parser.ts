// Owns the parsing of a response head (RFC 9112 §4, §6.3): status line, fields, and how long the body is. An upstream
// that sends an ambiguous head is not believed. One instance serves a whole thread; see `request-parser.ts`.

import { latin1 } from '../../net/latin1.ts';
import { CR, LF, SP, VALUE } from './chars.ts';
import { ConnectionField, F, Fields, INCOMPLETE } from './fields.ts';
import { CHUNKED, contentLength, isChunked } from './request-parser.ts';

/** Length of a body that ends when the connection does. */
export const UNTIL_CLOSE = -2;

const MAX_HEAD = 64 * 1024;
const PREFIX = Uint8Array.from('HTTP/1.', (c) => c.charCodeAt(0));

export class ResponseParser {
  readonly fields = new Fields(1000);
  status = 0;
  minor = 1;
  /** Where the reason phrase stands in `fields.text`. */
  reasonStart = 0;
  reasonEnd = 0;
  fieldsStart = 0;
  /** Bytes, CHUNKED or UNTIL_CLOSE. */
  bodyLength = 0;
  keepAlive = true;
  connectionNames: readonly string[] = [];
  readonly #connectionField = new ConnectionField();

  /** `toHead`: the request was HEAD. Returns the offset after the head, 0 for "more bytes", or -1 for a malformed head. */
  parse(buffer: Buffer, start: number, end: number, toHead: boolean): number {
    let p = start;
    for (let i = 0; i < 7; i++, p++) {
      if (p >= end) return INCOMPLETE;
      if (buffer[p] !== PREFIX[i]) return -1;
    }
    if (end - p < 7) return INCOMPLETE;
    const minor = buffer[p] - 48;
    if (minor < 0 || minor > 9 || buffer[p + 1] !== SP) return -1;
    const status = (buffer[p + 2] - 48) * 100 + (buffer[p + 3] - 48) * 10 + (buffer[p + 4] - 48);
    for (let i = 2; i < 5; i++) if (buffer[p + i] < 48 || buffer[p + i] > 57) return -1;
    if (status < 100 || status > 599) return -1;
    p += 5;
    // Some servers leave out the space before an empty reason phrase; nothing can be read two ways there.
    if (buffer[p] === SP) p++;
    else if (buffer[p] !== CR) return -1;
    const reasonStart = p;
    while (p < end && VALUE[buffer[p]] === 1) p++;
    if (p + 1 >= end) return end - start > MAX_HEAD ? -1 : INCOMPLETE;
    if (buffer[p] !== CR || buffer[p + 1] !== LF) return -1;
    const done = this.fields.parse(buffer, start, p + 2, end);
    if (done < 0) return -1;
    if (done === INCOMPLETE) return end - start > MAX_HEAD ? -1 : INCOMPLETE;
    this.status = status;
    this.minor = minor === 0 ? 0 : 1;
    this.reasonStart = reasonStart - start;
    this.reasonEnd = p - start;
    this.fieldsStart = p + 2 - start;
    this.fields.text = latin1(buffer, start, done);
    return this.#interpret(toHead) ? done : -1;
  }

  #interpret(toHead: boolean): boolean {
    const fields = this.fields;
    this.keepAlive = this.minor === 1;
    if (fields.has(F.connection)) {
      const field = this.#connectionField;
      field.read(fields.joined(F.connection)!);
      this.connectionNames = field.names;
      this.keepAlive = !field.close && (this.minor === 1 || field.keepAlive);
    } else if (this.connectionNames.length > 0) this.connectionNames = [];
    return this.#framing(toHead);
  }

  #framing(toHead: boolean): boolean {
    const fields = this.fields;
    const hasLength = fields.has(F.contentLength);
    const hasCoding = fields.has(F.transferEncoding);
    if (hasLength && hasCoding) return false;
    let length: number;
    if (hasCoding) {
      if (!isChunked(fields) || this.minor === 0) return false;
      length = CHUNKED;
    } else if (hasLength) {
      length = contentLength(fields);
      if (length < 0) return false;
    } else {
      length = UNTIL_CLOSE;
    }
    const bodiless = toHead || this.status < 200 || this.status === 204 || this.status === 304;
    this.bodyLength = bodiless ? 0 : length;
    return true;
  }
}
