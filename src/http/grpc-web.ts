// Owns the translation between gRPC-Web, which browsers can speak, and gRPC, which endpoints do: the names of types, trailers
// that travel behind the last message, and base64 where a client asked for text. Source: PROTOCOL-WEB.md of grpc.

import type { HasConn } from '../net/conn.ts';
import type { ResponseSink, ResponseTerms } from './client-port.ts';
import { BodyReader } from './codec/body.ts';
import { F } from './codec/fields.ts';
import { ResponseParser, UNTIL_CLOSE } from './codec/response-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import type { LocalReply } from './reply.ts';

const TYPE = /^application\/grpc-web(-text)?(\+[a-z0-9.-]+)?$/i;
/** The first byte of the frame that holds the trailers. */
const TRAILERS = 0x80;
const parser = new ResponseParser();

export interface GrpcWeb {
  /** Messages come and go in base64. */
  readonly text: boolean;
  /** `+proto` and such; '' for none. */
  readonly suffix: string;
}

export function grpcWebOf(contentType: string | undefined): GrpcWeb | undefined {
  const match = TYPE.exec(contentType?.split(';')[0].trim() ?? '');
  return match === null ? undefined : { text: match[1] !== undefined, suffix: match[2] ?? '' };
}

/** The head of the request as gRPC has it. `head` is one that this proxy built. */
export function grpcHead(head: string, { suffix }: GrpcWeb): string {
  return head
    .replace(/\r\ncontent-type:[^\r]*/i, `\r\ncontent-type: application/grpc${suffix}`)
    .replace(/\r\n(?:content-length|x-grpc-web|accept):[^\r]*/gi, '');
}

/** Takes base64 apart that comes in pieces of any length, padded in between or not. */
export class Base64Reader {
  #held = '';

  /** Undefined when it is none. */
  decode(text: string): Buffer | undefined {
    const all = this.#held + text;
    const whole = all.length - (all.length % 4);
    this.#held = all.slice(whole);
    const parts: Buffer[] = [];
    // Padding ends a piece, and another may follow it.
    for (const piece of all.slice(0, whole).match(/[^=]*={0,2}/g) ?? []) {
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(piece) || piece.length % 4 !== 0) return undefined;
      parts.push(Buffer.from(piece, 'base64'));
    }
    return Buffer.concat(parts);
  }
}

/** Stands in front of the client's own sink. */
export class GrpcWebSink implements ResponseSink {
  readonly #inner: ResponseSink;
  readonly #web: GrpcWeb;
  readonly #reader = new BodyReader();

  constructor(inner: ResponseSink, web: GrpcWeb) {
    this.#inner = inner;
    this.#web = web;
  }

  get bytesOut(): number {
    return this.#inner.bytesOut;
  }

  set bytesOut(bytes: number) {
    this.#inner.bytesOut = bytes;
  }

  get unfinished(): boolean {
    return this.#inner.unfinished === true;
  }

  get endsWithConnection(): boolean {
    return this.#inner.endsWithConnection === true;
  }

  reset(): void {
    this.#inner.reset();
  }

  begin(
    original: ResponseParser,
    reader: BodyReader,
    source: HasConn,
    buffer: Buffer,
    start: number,
    terms: ResponseTerms,
  ): boolean {
    const bare = reader.done && original.bodyLength === 0;
    const head = Buffer.from(this.#head(original, bare), 'latin1');
    parser.parse(head, 0, head.length, false);
    this.#reader.start(bare ? 0 : UNTIL_CLOSE);
    this.#reader.verbatimEnd = 0;
    const accepted = this.#inner.begin(parser, this.#reader, source, head, 0, terms);
    return bare ? accepted : this.more(reader, source, buffer, start) && accepted;
  }

  #head({ fields, status, connectionNames }: ResponseParser, bare: boolean): string {
    const { text, suffix } = this.#web;
    let out = `HTTP/1.1 ${status} OK\r\n`;
    for (let i = 0; i < fields.count; i++) {
      const name = fields.name(i);
      const lower = name.toLowerCase();
      const isFraming = fields.kind[i] === F.contentLength || fields.kind[i] === F.transferEncoding;
      if (isFraming || fields.kind[i] === F.trailer || connectionNames.includes(lower)) continue;
      if (lower === 'content-type') out += `${name}: application/grpc-web${text ? '-text' : ''}${suffix}\r\n`;
      else out += `${name}: ${fields.value(i)}\r\n`;
    }
    return `${out}${bare ? 'content-length: 0\r\n' : ''}\r\n`;
  }

  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean {
    const end = Math.max(start, reader.verbatimEnd);
    const piece = buffer.subarray(start, end);
    if (!reader.done) return piece.length === 0 || this.#pass(piece, source, false);
    return this.#pass(Buffer.concat([piece, trailerFrame(reader.trailers)]), source, true);
  }

  #pass(bytes: Buffer, source: HasConn, last: boolean): boolean {
    // Each piece is padded by itself: a message must not wait for the next one to fill it up.
    const out = this.#web.text ? Buffer.from(bytes.toString('base64'), 'latin1') : Buffer.from(bytes);
    this.#reader.consume(out, 0, out.length);
    if (last) this.#reader.done = true;
    return this.#inner.more(this.#reader, source, out, 0);
  }

  informational(interim: ResponseParser): void {
    this.#inner.informational(interim);
  }

  local(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void {
    this.#inner.local(reply, requestId, isHead, terms);
  }

  upgraded(answer: ResponseParser, edits?: HeadEdits): void {
    this.#inner.upgraded(answer, edits);
  }
}

function trailerFrame(lines: string): Buffer {
  const text = lines.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase());
  const frame = Buffer.alloc(5 + text.length);
  frame[0] = TRAILERS;
  frame.writeUInt32BE(text.length, 1);
  frame.write(text, 5, 'latin1');
  return frame;
}
