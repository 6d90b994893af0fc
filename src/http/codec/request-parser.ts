// Owns the parsing of a request head (RFC 9112 §3, §5): start line, fields, and how long the body is. Refuses every
// shape that two parsers could read differently. One instance serves a whole thread, because what it says is used up
// before the next head is read; only what must outlive that is copied out.

import type { ErrorCode } from '../../core/error.ts';
import { latin1 } from '../../net/latin1.ts';
import { CR, LF, SP, TARGET, TOKEN } from './chars.ts';
import { ConnectionField, F, Fields, INCOMPLETE, listMembers, TOO_MANY } from './fields.ts';
import { AUTHORITY, parseTarget, type Target } from './target.ts';

export interface HeadLimits {
  readonly headBytes: number;
  readonly fields: number;
  readonly targetBytes: number;
}

/** Length of a body that is chunked. Other lengths are bytes. */
export const CHUNKED = -1;

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS'].map((name) => ({
  name,
  bytes: Uint8Array.from(name, (c) => c.charCodeAt(0)),
}));
const VERSION = Uint8Array.from('HTTP/1.', (c) => c.charCodeAt(0));
const MAX_METHOD = 32;

export class RequestParser {
  readonly fields: Fields;
  method = '';
  /** HTTP/1.x minor version, 0 or 1. */
  minor = 1;
  /** Where the request target stands in `fields.text`. */
  targetStart = 0;
  targetEnd = 0;
  /** Where the fields begin in `fields.text`. */
  fieldsStart = 0;
  readonly target: Target = { path: '', query: '', authority: '', form: 'origin' };
  /** Bytes, or CHUNKED. */
  bodyLength = 0;
  keepAlive = true;
  expectContinue = false;
  /** Lower-case protocol of a wanted upgrade, or ''. */
  upgrade = '';
  /** Members of the Connection field other than close, keep-alive and upgrade; rarely any. */
  connectionNames: readonly string[] = [];
  readonly #connectionField = new ConnectionField();
  /** Known to be valid: most requests in a row name the same host. */
  #lastHost = '';
  /** Set when `parse` returned a negative number. */
  error: ErrorCode = 'bad-request';

  constructor(mostFields = 1000) {
    this.fields = new Fields(mostFields);
  }

  /** Returns the offset after the head, 0 when more bytes are needed, or -1 with `error` set. */
  parse(buffer: Buffer, start: number, end: number, limits: HeadLimits): number {
    let p = start;
    // RFC 9112 §2.2: at least one empty line before the start line is to be ignored.
    if (end - p >= 2 && buffer[p] === CR && buffer[p + 1] === LF) p += 2;
    else if (end - p === 1 && buffer[p] === CR) return INCOMPLETE;
    const base = p;
    const lineEnd = this.#startLine(buffer, base, end, limits);
    if (lineEnd <= 0) return this.#short(lineEnd, start, end, limits);
    const done = this.fields.parse(buffer, base, lineEnd, end, limits.fields);
    if (done <= 0) return this.#short(done, start, end, limits);
    if (done - start > limits.headBytes) return this.#refuse('head-too-large');
    this.fields.text = latin1(buffer, base, done);
    this.fieldsStart = lineEnd - base;
    return this.#interpret() ? done : -1;
  }

  /** What is known now, for somebody who needs it when the next head has been parsed. */
  copy(): RequestParser {
    const copy = new RequestParser(this.fields.count);
    copy.fields.take(this.fields);
    copy.method = this.method;
    copy.minor = this.minor;
    copy.targetStart = this.targetStart;
    copy.targetEnd = this.targetEnd;
    copy.fieldsStart = this.fieldsStart;
    Object.assign(copy.target, this.target);
    copy.bodyLength = this.bodyLength;
    copy.keepAlive = this.keepAlive;
    copy.expectContinue = this.expectContinue;
    copy.upgrade = this.upgrade;
    copy.connectionNames = this.connectionNames;
    return copy;
  }

  #short(result: number, start: number, end: number, limits: HeadLimits): number {
    if (result === INCOMPLETE) return end - start >= limits.headBytes ? this.#refuse('head-too-large') : INCOMPLETE;
    if (result === TOO_MANY) return this.#refuse('head-too-large');
    if (result === -1) this.error = 'bad-request';
    return -1;
  }

  #refuse(code: ErrorCode): -1 {
    this.error = code;
    return -1;
  }

  /** Returns the offset of the first field, INCOMPLETE, -1 (malformed) or -3 (`error` is set). */
  #startLine(buffer: Buffer, base: number, end: number, limits: HeadLimits): number {
    let p = base;
    const most = Math.min(end, base + MAX_METHOD);
    while (p < most && TOKEN[buffer[p]] === 1) p++;
    if (p >= end) return INCOMPLETE;
    if (buffer[p] !== SP) {
      if (p < most || p === base) return -1;
      this.error = 'not-implemented';
      return -3;
    }
    if (p === base) return -1;
    this.method = methodName(buffer, base, p);
    const targetStart = ++p;
    while (p < end && TARGET[buffer[p]] === 1) p++;
    if (p - targetStart > limits.targetBytes) {
      this.error = 'target-too-long';
      return -3;
    }
    if (p >= end) return INCOMPLETE;
    if (buffer[p] !== SP || p === targetStart) return -1;
    this.targetStart = targetStart - base;
    this.targetEnd = p - base;
    p++;
    for (let i = 0; i < 7; i++, p++) {
      if (p >= end) return INCOMPLETE;
      if (buffer[p] !== VERSION[i]) return this.#version(buffer, p - i, end);
    }
    if (p + 2 >= end) return INCOMPLETE;
    const minor = buffer[p] - 48;
    if (minor < 0 || minor > 9 || buffer[p + 1] !== CR || buffer[p + 2] !== LF) return -1;
    // RFC 9110 §2.5: a higher minor version is to be read as the highest one known.
    this.minor = minor === 0 ? 0 : 1;
    return p + 3;
  }

  #version(buffer: Buffer, at: number, end: number): number {
    const text = latin1(buffer, at, Math.min(end, at + 6));
    if (/^HTTP\/[02-9]$/.test(text)) {
      this.error = 'bad-version';
      return -3;
    }
    return -1;
  }

  #interpret(): boolean {
    const fields = this.fields;
    const target = fields.text.slice(this.targetStart, this.targetEnd);
    if (this.method === 'CONNECT') return this.#no('not-implemented');
    if (!parseTarget(target, this.method, this.target)) return this.#no('bad-request');
    if (!this.#host()) return this.#no('bad-host');
    this.keepAlive = this.minor === 1;
    this.upgrade = '';
    if (fields.has(F.connection)) this.#connection(fields.joined(F.connection)!);
    else if (this.connectionNames.length > 0) this.connectionNames = [];
    this.expectContinue = false;
    if (fields.has(F.expect) && this.minor === 1) {
      if (fields.joined(F.expect)!.toLowerCase() !== '100-continue') return this.#no('expectation-failed');
      this.expectContinue = true;
    }
    return this.#framing();
  }

  #no(code: ErrorCode): false {
    this.error = code;
    return false;
  }

  /** RFC 9112 §3.2: exactly one Host in HTTP/1.1; an absolute-form target overrides it. */
  #host(): boolean {
    const times = this.fields.times[F.host];
    if (times > 1 || (times === 0 && this.minor === 1)) return false;
    const host = times === 0 ? '' : this.fields.known(F.host)!;
    if (host !== '' && host !== this.#lastHost) {
      if (!AUTHORITY.test(host)) return false;
      this.#lastHost = host;
    }
    if (this.target.form !== 'absolute') this.target.authority = host;
    return true;
  }

  #connection(value: string): void {
    const field = this.#connectionField;
    field.read(value);
    this.connectionNames = field.names;
    this.keepAlive = !field.close && (this.minor === 1 || field.keepAlive);
    // h2c by Upgrade is obsolete (RFC 9113 §3.1) and a way past a proxy's rules, so it is never passed on.
    if (field.upgrade && this.minor === 1 && this.method === 'GET') {
      const wanted = this.fields.joined(F.upgrade)?.trim().toLowerCase() ?? '';
      this.upgrade = wanted.split(/[\s,]/)[0] === 'h2c' || wanted.includes(',') ? '' : wanted;
    }
  }

  /** RFC 9112 §6.3, without the leniencies: what is ambiguous is refused. */
  #framing(): boolean {
    const fields = this.fields;
    this.bodyLength = 0;
    if (fields.has(F.transferEncoding)) {
      if (fields.has(F.contentLength) || this.minor === 0) return this.#no('bad-framing');
      if (!isChunked(fields)) {
        const codings = listMembers(fields.joined(F.transferEncoding)!);
        const known = codings.length > 1 && codings.indexOf('chunked') === codings.length - 1;
        return this.#no(known ? 'not-implemented' : 'bad-framing');
      }
      this.bodyLength = CHUNKED;
    } else if (fields.has(F.contentLength)) {
      const length = contentLength(fields);
      if (length < 0) return this.#no('bad-framing');
      this.bodyLength = length;
    }
    if (this.upgrade !== '' && this.bodyLength !== 0) this.upgrade = '';
    return true;
  }
}

/** The one spelling that every parser reads alike: one field, one member, nothing around it but spaces before. */
export function isChunked(fields: Fields): boolean {
  if (fields.times[F.transferEncoding] !== 1) return false;
  if (fields.known(F.transferEncoding)!.toLowerCase() !== 'chunked') return false;
  const around = fields.around(fields.first[F.transferEncoding]);
  return around.charCodeAt(around.length - 1) !== 0x20 && !around.includes('\t');
}

/** Bytes, or -1 when the field is repeated or anything but digits between spaces. */
export function contentLength(fields: Fields): number {
  if (fields.times[F.contentLength] !== 1) return -1;
  const index = fields.first[F.contentLength];
  return fields.around(index).includes('\t') ? -1 : parseLength(fields.value(index));
}

/** Decimal digits only, at most 15 of them (so it is exact in a double); -1 otherwise. */
export function parseLength(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function methodName(buffer: Buffer, start: number, end: number): string {
  const length = end - start;
  next: for (const { name, bytes } of METHODS) {
    if (bytes.length !== length) continue;
    for (let i = 0; i < length; i++) if (buffer[start + i] !== bytes[i]) continue next;
    return name;
  }
  return latin1(buffer, start, end);
}
