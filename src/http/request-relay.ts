// Owns passing one request on to an endpoint: its head, its body with backpressure and in the framing that this endpoint
// reads, and the copy that lets it be sent again. A small request that was at hand at once is kept as text; anything longer
// leaves once and is gone.

import type { HasConn } from '../net/conn.ts';
import { BodyReader } from './codec/body.ts';
import { CHUNKED, type RequestParser } from './codec/request-parser.ts';
import { UNTIL_CLOSE } from './codec/response-parser.ts';
import { Base64Reader } from './grpc-web.ts';
import type { Upstream } from './upstream.ts';

/** A request up to this size that was at hand at once is kept as text, so that it can be sent again. */
const REPLAY_BYTES = 16 * 1024;

export class RequestRelay {
  readonly reader = new BodyReader();
  readonly #client: HasConn;
  /** Head, and the whole body when it was small and at hand. */
  #text = '';
  /** Nothing that leaves is lost: `#text` is the whole request. */
  whole = false;
  /** First piece of a body that could not be joined to the head. */
  #first: Buffer | undefined;
  #firstTail = '';
  /** The client's connection reads into a private buffer. */
  #long = false;
  /** Chunks are taken off, because the endpoint's streams need none. */
  #dechunk = false;
  /** Chunks are put around what a stream brought without. */
  #rechunk = false;
  #base64: Base64Reader | undefined;

  constructor(client: HasConn) {
    this.#client = client;
  }

  get done(): boolean {
    return this.reader.done;
  }

  /** Bytes of body so far, without framing. */
  get payload(): number {
    return this.reader.payload;
  }

  /** The request as it is sent; undefined when it is not at hand whole. */
  get text(): string | undefined {
    return this.whole ? this.#text : undefined;
  }

  /** `streams`: the endpoint delimits bodies by itself (HTTP/2). `base64`: it wants what the body stands for. */
  start(bodyLength: number, streams = false, base64 = false): void {
    this.#base64 = base64 ? new Base64Reader() : undefined;
    this.reader.start(bodyLength, streams);
    this.#dechunk = streams && bodyLength === CHUNKED;
    this.#rechunk = !streams && bodyLength === UNTIL_CLOSE;
    this.#first = undefined;
    this.#firstTail = '';
  }

  /** Takes what of the body came with the head. Returns the offset after it, or -1 for broken framing. */
  intake(parser: RequestParser, buffer: Buffer, start: number, end: number, head: string): number {
    const { reader } = this;
    this.whole = true;
    this.#text = head;
    if (reader.done) return start;
    const after = reader.consume(buffer, start, end);
    if (after < 0) return -1;
    const { verbatimEnd, tail } = reader;
    if (this.#base64 !== undefined) return this.#intakeBase64(this.#base64, buffer, start, after);
    if (reader.done && verbatimEnd - start <= REPLAY_BYTES && !parser.expectContinue) {
      this.#text = head + (this.#dechunk ? this.#payloadText(buffer) : buffer.latin1Slice(start, verbatimEnd) + tail);
      return after;
    }
    this.whole = false;
    if (this.#dechunk) this.#first = Buffer.from(this.#payloadText(buffer), 'latin1');
    else if (verbatimEnd > start) this.#first = this.#framed(buffer.subarray(start, verbatimEnd));
    this.#firstTail = this.#dechunk ? '' : tail;
    if (!reader.done) this.#client.conn.pause();
    return after;
  }

  /** A copy, in a chunk where the endpoint needs one. */
  #framed(bytes: Buffer): Buffer {
    if (!this.#rechunk) return Buffer.from(bytes);
    return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
  }

  #intakeBase64(base64: Base64Reader, buffer: Buffer, start: number, after: number): number {
    const text = this.#dechunk ? this.#payloadText(buffer) : buffer.latin1Slice(start, this.reader.verbatimEnd);
    this.#first = base64.decode(text);
    this.whole = false;
    if (!this.reader.done) this.#client.conn.pause();
    return this.#first === undefined ? -1 : after;
  }

  #payloadText(buffer: Buffer): string {
    const { runs } = this.reader;
    let text = '';
    for (let i = 0; i < runs.length; i += 2) text += buffer.latin1Slice(runs[i], runs[i + 1]);
    return text;
  }

  /** Sends what is at hand; false when the endpoint takes no more for now. `batched`: others may share the write. */
  send(upstream: Upstream, batched: boolean): boolean {
    upstream.trailers = this.reader.trailers;
    if (this.whole) {
      if (!batched) return upstream.send(this.#text);
      upstream.sendBatched(this.#text);
      return true;
    }
    const first = this.#first;
    this.#first = undefined;
    const empty = first === undefined || first.length === 0;
    const accepted = empty ? upstream.send(this.#text) : upstream.sendWithBody(this.#text, first);
    return this.#firstTail === '' ? accepted : upstream.conn.sendText(this.#firstTail) && accepted;
  }

  /** Sends what `reader.consume` just passed of `buffer` from `start`. */
  more(upstream: Upstream, buffer: Buffer, start: number): boolean {
    const { reader } = this;
    const source = this.#client.conn;
    upstream.trailers = reader.trailers;
    let accepted = true;
    if (this.#base64 !== undefined) {
      const end = Math.max(start, reader.verbatimEnd);
      const text = this.#dechunk ? this.#payloadText(buffer) : buffer.latin1Slice(start, end);
      // What is no base64 is no message either, and the endpoint says so.
      return upstream.conn.sendOwned(this.#base64.decode(text) ?? Buffer.from(text, 'latin1'));
    }
    if (this.#dechunk) {
      const { runs } = reader;
      for (let i = 0; i < runs.length; i += 2)
        accepted = upstream.conn.sendBytes(source, buffer, runs[i], runs[i + 1]) && accepted;
      return accepted;
    }
    const size = reader.verbatimEnd - start;
    if (!this.#rechunk) {
      accepted = upstream.conn.sendBytes(source, buffer, start, reader.verbatimEnd);
      return reader.tail === '' ? accepted : upstream.conn.sendText(reader.tail) && accepted;
    }
    if (size > 0)
      accepted = upstream.conn.sendBytes(source, buffer, start, reader.verbatimEnd, `${size.toString(16)}\r\n`);
    return reader.done ? upstream.conn.sendText(`0\r\n${reader.trailers}\r\n`) && accepted : accepted;
  }

  /** More than one read's worth of body follows: read it without copies. */
  stream(): void {
    if (!this.#long) this.#client.conn.beginBody();
    this.#long = true;
  }

  /** `pinned`: see `Conn.endBody`. */
  unstream(pinned: boolean): void {
    if (this.#long) this.#client.conn.endBody(pinned);
    this.#long = false;
  }

  /** In the copy: the first place where it stands. */
  replace(text: string, by: string): void {
    this.#text = this.#text.replace(text, by);
  }

  /** Forgets the copy. */
  drop(): void {
    this.#text = '';
    this.#first = undefined;
  }
}
