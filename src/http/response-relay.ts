// Owns passing one response on to a client of HTTP/1, in the framing that this client can read. Counts what it sent. It
// decides nothing about the exchange.

import type { HasConn } from '../net/conn.ts';
import type { ResponseSink, ResponseTerms } from './client-port.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import { isBodiless, type LocalReply, localBody, localHead } from './reply.ts';
import { buildInformationalHead, buildResponseHead, buildUpgradeHead, dechunks, rechunks } from './response-head.ts';

export class ResponseRelay implements ResponseSink {
  bytesOut = 0;
  readonly #client: HasConn;
  #dechunk = false;
  #rechunk = false;

  constructor(client: HasConn) {
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
    terms: ResponseTerms,
  ): boolean {
    this.#rechunk = rechunks(parser, terms.minor);
    this.#dechunk = dechunks(parser, terms.minor);
    const head = buildResponseHead(parser, terms);
    const { conn } = this.#client;
    if (this.#dechunk || this.#rechunk || reader.tail !== '') {
      this.bytesOut += head.length;
      const accepted = conn.sendText(head);
      return this.more(reader, source, buffer, start) && accepted;
    }
    const size = reader.done && parser.bodyLength === 0 ? 0 : reader.verbatimEnd - start;
    this.bytesOut += head.length + size;
    return size === 0 ? conn.sendText(head) : conn.sendTextAndBytes(head, buffer, start, reader.verbatimEnd);
  }

  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean {
    if (this.#dechunk) return this.#payload(reader, buffer);
    const { conn } = this.#client;
    const size = reader.verbatimEnd - start;
    this.bytesOut += Math.max(0, size);
    if (this.#rechunk) {
      let accepted = true;
      if (size > 0)
        accepted = conn.sendBytes(source.conn, buffer, start, reader.verbatimEnd, `${size.toString(16)}\r\n`);
      return reader.done ? conn.sendText(`0\r\n${reader.trailers}\r\n`) && accepted : accepted;
    }
    const accepted = conn.sendBytes(source.conn, buffer, start, reader.verbatimEnd);
    return reader.tail === '' ? accepted : conn.sendText(reader.tail) && accepted;
  }

  /** For clients of HTTP/1.0: the payload without its chunks. */
  #payload(reader: BodyReader, buffer: Buffer): boolean {
    const { runs } = reader;
    let accepted = true;
    for (let i = 0; i < runs.length; i += 2) {
      accepted = this.#client.conn.sendText(buffer.latin1Slice(runs[i], runs[i + 1])) && accepted;
      this.bytesOut += runs[i + 1] - runs[i];
    }
    return accepted;
  }

  informational(parser: ResponseParser): void {
    this.#client.conn.noDelay();
    this.#text(buildInformationalHead(parser));
  }

  local(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void {
    const body = localBody(reply, requestId);
    const head = localHead(reply, body.length, terms);
    if (isHead || isBodiless(reply.status)) return this.#text(head);
    if (typeof body === 'string') return this.#text(head + body);
    this.bytesOut += head.length + body.length;
    this.#client.conn.sendTextAndOwned(head, body);
  }

  upgraded(parser: ResponseParser, edits?: HeadEdits): void {
    this.#text(buildUpgradeHead(parser, edits));
  }

  #text(text: string): void {
    this.bytesOut += text.length;
    this.#client.conn.sendText(text);
  }
}
