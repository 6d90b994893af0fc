// Owns passing one response on to a client of HTTP/2: head, body and trailers as frames of its stream. Counts what it sent.
// It decides nothing about the exchange.

import type { ServerHttp2Stream } from 'node:http2';
import type { HasConn } from '../../net/conn.ts';
import type { ResponseSink, ResponseTerms } from '../client-port.ts';
import type { BodyReader } from '../codec/body.ts';
import { CHUNKED } from '../codec/request-parser.ts';
import type { ResponseParser } from '../codec/response-parser.ts';
import { type LocalReply, localBody } from '../reply.ts';
import { mayHaveTrailers, responseFields, trailerObject } from './response-fields.ts';
import type { StreamConn } from './stream-conn.ts';

const WITH_TRAILERS = { waitForTrailers: true };
const WITHOUT_BODY = { endStream: true };
/** Names of ours that belong to a handshake which HTTP/2 does not have. */
const HANDSHAKE = new Set(['sec-websocket-accept', 'upgrade', 'connection']);

export class StreamResponse implements ResponseSink {
  bytesOut = 0;
  readonly #client: { readonly conn: StreamConn };
  #chunked = false;
  #trailers = '';

  constructor(client: { readonly conn: StreamConn }) {
    this.#client = client;
  }

  reset(): void {
    this.bytesOut = 0;
    this.#trailers = '';
  }

  get #stream(): ServerHttp2Stream {
    return this.#client.conn.stream as ServerHttp2Stream;
  }

  begin(
    parser: ResponseParser,
    reader: BodyReader,
    source: HasConn,
    buffer: Buffer,
    start: number,
    { date }: ResponseTerms,
  ): boolean {
    this.#chunked = parser.bodyLength === CHUNKED;
    const fields = responseFields(parser, parser.status, date);
    if (parser.bodyLength === 0) {
      this.#respond(fields, WITHOUT_BODY);
      this.#client.conn.markEnded();
      return true;
    }
    if (mayHaveTrailers(parser)) {
      this.#respond(fields, WITH_TRAILERS);
      this.#stream.once('wantTrailers', () => this.#sendTrailers());
    } else this.#respond(fields, undefined);
    return this.more(reader, source, buffer, start);
  }

  #respond(fields: string[], options: { endStream?: boolean; waitForTrailers?: boolean } | undefined): void {
    const stream = this.#stream;
    for (const text of fields) this.bytesOut += text.length;
    if (!stream.destroyed && !stream.closed) stream.respond(fields as never, options);
  }

  #sendTrailers(): void {
    const stream = this.#stream;
    if (!stream.destroyed) stream.sendTrailers(trailerObject(this.#trailers));
  }

  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean {
    const { conn } = this.#client;
    let accepted = true;
    if (this.#chunked) {
      const { runs } = reader;
      for (let i = 0; i < runs.length; i += 2) {
        this.bytesOut += runs[i + 1] - runs[i];
        accepted = conn.sendBytes(source.conn, buffer, runs[i], runs[i + 1]) && accepted;
      }
    } else if (reader.verbatimEnd > start) {
      this.bytesOut += reader.verbatimEnd - start;
      accepted = conn.sendBytes(source.conn, buffer, start, reader.verbatimEnd);
    }
    if (reader.done) {
      this.#trailers = reader.trailers;
      conn.end();
    }
    return accepted;
  }

  informational(parser: ResponseParser): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    stream.additionalHeaders(headersOf(responseFields(parser, parser.status, '')));
  }

  local(reply: LocalReply, requestId: string, isHead: boolean, { date }: ResponseTerms): void {
    const body = localBody(reply, requestId);
    const fields = [
      ':status',
      String(reply.status),
      'date',
      date,
      'content-type',
      'text/plain; charset=utf-8',
      'content-length',
      String(body.length),
      'cache-control',
      'no-store',
    ];
    if (reply.retryAfterSeconds !== undefined) fields.push('retry-after', String(reply.retryAfterSeconds));
    this.#respond(fields, isHead ? WITHOUT_BODY : undefined);
    const { conn } = this.#client;
    if (isHead) return conn.markEnded();
    this.bytesOut += body.length;
    conn.sendText(body);
    conn.end();
  }

  /** RFC 8441 §5: the answer to an extended CONNECT is a plain success. */
  upgraded(parser: ResponseParser): void {
    const fields = responseFields(parser, 200, '');
    const kept: string[] = [];
    for (let i = 0; i < fields.length; i += 2) if (!HANDSHAKE.has(fields[i])) kept.push(fields[i], fields[i + 1]);
    this.#respond(kept, undefined);
  }
}

function headersOf(fields: readonly string[]): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {};
  for (let i = 0; i < fields.length; i += 2) {
    const before = out[fields[i]];
    out[fields[i]] =
      before === undefined ? fields[i + 1] : [...(Array.isArray(before) ? before : [before]), fields[i + 1]];
  }
  return out;
}
