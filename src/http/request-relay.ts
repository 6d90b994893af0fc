// Owns passing one request on to an endpoint: its head, its body with backpressure, and the copy that lets it be sent
// again. A small request that was at hand at once is kept as text; anything longer leaves once and is gone.

import type { HasConn } from '../net/conn.ts';
import { BodyReader } from './codec/body.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { UpstreamConn } from './upstream-conn.ts';

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

  start(bodyLength: number): void {
    this.reader.start(bodyLength);
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
    if (reader.done && verbatimEnd - start <= REPLAY_BYTES && !parser.expectContinue) {
      this.#text = head + buffer.latin1Slice(start, verbatimEnd) + tail;
      return after;
    }
    this.whole = false;
    if (verbatimEnd > start) this.#first = Buffer.from(buffer.subarray(start, verbatimEnd));
    this.#firstTail = tail;
    if (!reader.done) this.#client.conn.pause();
    return after;
  }

  /** Sends what is at hand; false when the endpoint takes no more for now. `batched`: others may share the write. */
  send(upstream: UpstreamConn, batched: boolean): boolean {
    if (this.whole) {
      if (!batched) return upstream.send(this.#text);
      upstream.sendBatched(this.#text);
      return true;
    }
    const first = this.#first;
    this.#first = undefined;
    const accepted = first === undefined ? upstream.send(this.#text) : upstream.sendWithBody(this.#text, first);
    return this.#firstTail === '' ? accepted : upstream.conn.sendText(this.#firstTail) && accepted;
  }

  /** Sends what `reader.consume` just passed of `buffer` from `start`. */
  more(upstream: UpstreamConn, buffer: Buffer, start: number): boolean {
    const { reader } = this;
    const accepted = upstream.conn.sendBytes(this.#client.conn, buffer, start, reader.verbatimEnd);
    return reader.tail === '' ? accepted : upstream.conn.sendText(reader.tail) && accepted;
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

  /** Forgets the copy. */
  drop(): void {
    this.#text = '';
    this.#first = undefined;
  }
}
