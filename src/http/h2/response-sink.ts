// Owns passing one response on to a client of HTTP/2: head, body and trailers as frames of its stream. Counts what it sent.
// It decides nothing about the exchange.

import { ERRORS, type ErrorCode } from '../../core/error.ts';
import type { HasConn } from '../../net/conn.ts';
import type { ResponseSink, ResponseTerms } from '../client-port.ts';
import type { BodyReader } from '../codec/body.ts';
import { CHUNKED } from '../codec/request-parser.ts';
import type { ResponseParser } from '../codec/response-parser.ts';
import { grpcCodeOf } from '../grpc.ts';
import type { HeadEdits } from '../head-edits.ts';
import { isBodiless, type LocalReply, localBody, localFields } from '../reply.ts';
import { fieldsOf } from './field-lines.ts';
import { responseFields } from './response-fields.ts';
import type { H2Stream } from './stream.ts';

/** Names of ours that belong to a handshake which HTTP/2 does not have. */
const HANDSHAKE = new Set(['sec-websocket-accept', 'upgrade', 'connection']);

export class StreamResponse implements ResponseSink {
  bytesOut = 0;
  readonly #client: { readonly conn: H2Stream; readonly grpc: boolean };
  #chunked = false;

  constructor(client: { readonly conn: H2Stream; readonly grpc: boolean }) {
    this.#client = client;
  }

  reset(): void {
    this.bytesOut = 0;
  }

  begin(
    parser: ResponseParser,
    reader: BodyReader,
    source: HasConn,
    buffer: Buffer,
    start: number,
    { date, hsts, edits }: ResponseTerms,
  ): boolean {
    this.#chunked = parser.bodyLength === CHUNKED;
    const ends = parser.bodyLength === 0;
    this.#head(responseFields(parser, parser.status, date, hsts, edits), ends);
    return ends || this.more(reader, source, buffer, start);
  }

  #head(fields: readonly string[], ends: boolean): void {
    for (const text of fields) this.bytesOut += text.length;
    this.#client.conn.sendHead(fields, ends);
  }

  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean {
    const { conn } = this.#client;
    const last = reader.done && reader.trailers === '';
    let accepted = true;
    if (this.#chunked) {
      const { runs } = reader;
      for (let i = 0; i < runs.length; i += 2) {
        this.bytesOut += runs[i + 1] - runs[i];
        if (last && i + 2 === runs.length) return conn.sendLast(buffer, runs[i], runs[i + 1]) && accepted;
        accepted = conn.sendBytes(source.conn, buffer, runs[i], runs[i + 1]) && accepted;
      }
      if (last) conn.end();
    } else {
      const end = Math.max(start, reader.verbatimEnd);
      this.bytesOut += end - start;
      if (last) return conn.sendLast(buffer, start, end);
      accepted = conn.sendBytes(source.conn, buffer, start, end);
    }
    if (reader.done && !last) conn.sendTrailers(fieldsOf(reader.trailers));
    return accepted;
  }

  informational(parser: ResponseParser): void {
    this.#head(responseFields(parser, parser.status, ''), false);
  }

  local(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void {
    if (this.#client.grpc && reply.code !== undefined) return this.#head(grpcFailure(reply.code, reply.status), true);
    const body = localBody(reply, requestId);
    const bare = isHead || isBodiless(reply.status);
    const fields = [
      ':status',
      String(reply.status),
      'date',
      reply.date ?? terms.date,
      ...fieldsOf(localFields(reply, terms)),
    ];
    if (!isBodiless(reply.status) && terms.edits?.forgetsLength !== true)
      fields.push('content-length', String(body.length));
    const ends = bare || body.length === 0;
    this.#head(fields, ends);
    if (ends) return;
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    this.bytesOut += bytes.length;
    this.#client.conn.sendLast(bytes, 0, bytes.length);
  }

  /** RFC 8441 §5: the answer to an extended CONNECT is a plain success. */
  upgraded(parser: ResponseParser, edits?: HeadEdits): void {
    const fields = responseFields(parser, 200, '', '', edits);
    const kept: string[] = [];
    for (let i = 0; i < fields.length; i += 2) if (!HANDSHAKE.has(fields[i])) kept.push(fields[i], fields[i + 1]);
    this.#head(kept, false);
  }
}

/** A response that is nothing but its end: what a client of gRPC reads as a failure with a reason. */
function grpcFailure(code: ErrorCode, status: number): string[] {
  return [
    ':status',
    '200',
    'content-type',
    'application/grpc',
    'grpc-status',
    String(grpcCodeOf(code, status)),
    'grpc-message',
    ERRORS[code].reason,
  ];
}
