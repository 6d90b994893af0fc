// Owns a second, independent reading of HTTP/1.1 messages for tests: slow, strict, by regular expressions, and sharing no
// code with the codec, so that the two can be held against each other. Throws `Unreadable` for anything ambiguous.

export type Field = readonly [name: string, value: string];

export interface Message {
  /** Start line without CRLF. */
  readonly start: string;
  readonly fields: readonly Field[];
  /** Decoded payload. */
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  /** Bytes from the start line to the message's end. */
  readonly size: number;
  /** How the end was found. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
}

export interface ReadOptions {
  readonly kind: 'request' | 'response';
  /** Responses: the method they answer. */
  readonly method?: string;
  /** Responses: the connection was closed cleanly after these bytes. */
  readonly ended?: boolean;
}

export class Unreadable extends Error {}

const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const REQUEST = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.[01]$/;
const RESPONSE = /^HTTP\/1\.[01] ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$/;

/** The first message in `bytes`, or undefined when it is not complete. */
export function readMessage(bytes: Buffer, options: ReadOptions): Message | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const lines = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const start = lines[0];
  if (!(options.kind === 'request' ? REQUEST : RESPONSE).test(start)) throw new Unreadable(`start line ${start}`);
  const fields = lines.slice(1).map(readField);
  const framing = framingOf(fields, start, options);
  const from = headEnd + 4;
  const base = { start, fields, framing: framing.kind };
  if (framing.kind === 'none') return { ...base, body: Buffer.alloc(0), trailers: [], size: from };
  if (framing.kind === 'length') {
    const size = from + framing.length;
    return size > bytes.length ? undefined : { ...base, body: bytes.subarray(from, size), trailers: [], size };
  }
  if (framing.kind === 'chunked') {
    const chunked = readChunked(bytes, from);
    return chunked === undefined ? undefined : { ...base, ...chunked };
  }
  if (options.ended !== true) return undefined;
  return { ...base, body: bytes.subarray(from), trailers: [], size: bytes.length };
}

/** All messages in `bytes`; throws when something is left over. */
export function readAll(bytes: Buffer, options: ReadOptions): Message[] {
  const messages: Message[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const message = readMessage(rest, options);
    if (message === undefined) throw new Unreadable(`left over: ${rest.toString('latin1', 0, 200)}`);
    messages.push(message);
    rest = rest.subarray(message.size);
  }
  return messages;
}

/** Values of a field by its lower-case name. */
export function valuesOf(message: Pick<Message, 'fields'>, name: string): string[] {
  return message.fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

export function statusOf(message: Message): number {
  return Number(message.start.slice(9, 12));
}

function readField(line: string): Field {
  const match = FIELD.exec(line);
  if (match === null) throw new Unreadable(`field ${JSON.stringify(line)}`);
  return [match[1], match[2].replace(/[ \t]+$/, '')];
}

function framingOf(
  fields: readonly Field[],
  start: string,
  options: ReadOptions,
): { kind: 'none' | 'chunked' | 'close' } | { kind: 'length'; length: number } {
  const codings = valuesOf({ fields }, 'transfer-encoding');
  const lengths = valuesOf({ fields }, 'content-length');
  if (codings.length + lengths.length > 1) throw new Unreadable('framing is given more than once');
  if (codings.length === 1 && codings[0].toLowerCase() !== 'chunked') throw new Unreadable(`coding ${codings[0]}`);
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0])) throw new Unreadable(`length ${lengths[0]}`);
  if (options.kind === 'response') {
    const status = Number(start.slice(9, 12));
    if (status < 200 || status === 204 || status === 304 || options.method === 'HEAD') return { kind: 'none' };
  }
  if (codings.length === 1) return { kind: 'chunked' };
  if (lengths.length === 1) return { kind: 'length', length: Number(lengths[0]) };
  return { kind: options.kind === 'response' ? 'close' : 'none' };
}

function readChunked(bytes: Buffer, from: number): Pick<Message, 'body' | 'trailers' | 'size'> | undefined {
  const pieces: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    const match = /^([0-9A-Fa-f]{1,13})(;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line);
    if (match === null) throw new Unreadable(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(match[1], 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (at + size + 2 > bytes.length) return undefined;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
    if (bytes.toString('latin1', at, at + 2) !== '\r\n') throw new Unreadable('no CRLF after chunk');
    at += 2;
  }
  const trailers: Field[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { body: Buffer.concat(pieces), trailers, size: at };
    trailers.push(readField(line));
  }
}
