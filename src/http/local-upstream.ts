// Owns sending an answer that is read from somewhere else than a socket, such as a file: to the exchange it is an upstream, with the
// same backpressure, and with an end that cannot be taken for whole when reading fails.

import type { Endpoint } from '../core/endpoint.ts';
import type { Conn } from '../net/conn.ts';
import { BodyReader } from './codec/body.ts';
import { ResponseParser } from './codec/response-parser.ts';
import type { Upstream, UpstreamUser } from './upstream.ts';

/** The bytes of a body, in order. */
export interface BodySource {
  /** Bytes in all. */
  readonly length: number;
  /** The next piece, which is not changed any more; undefined after the last. */
  read(): Promise<Buffer | undefined>;
  close(): void;
}

const EMPTY = Buffer.alloc(0);
const parser = new ResponseParser();

/** Stands for a connection that there is none of: bytes of ours are never read over. */
const NO_CONN = {
  // Nothing of a request is sent this way.
  closed: true,
  paused: false,
  blocked: false,
  ownsBuffer: () => true,
  expireIn: () => undefined,
} as unknown as Conn;

export class LocalUpstream implements Upstream {
  readonly conn = NO_CONN;
  readonly connected = true;
  readonly served = 0;
  trailers = '';
  readonly #user: UpstreamUser;
  readonly #source: BodySource;
  readonly #reader = new BodyReader();
  #held = false;
  #reading = false;
  #over = false;

  constructor(user: UpstreamUser, source: BodySource) {
    this.#user = user;
    this.#source = source;
  }

  /** `head`: status line and fields, with the length of the body. */
  begin(head: string): void {
    const bytes = Buffer.from(head, 'latin1');
    parser.parse(bytes, 0, bytes.length, this.#user.isHead);
    this.#reader.start(parser.bodyLength);
    this.#user.onResponse(parser, this.#reader, EMPTY, 0);
    if (this.#reader.done) return this.#end();
    this.#pump();
  }

  #pump(): void {
    if (this.#held || this.#reading || this.#over) return;
    this.#reading = true;
    this.#source.read().then(
      (piece) => {
        this.#reading = false;
        this.#pass(piece);
      },
      () => this.#fail(),
    );
  }

  #pass(piece: Buffer | undefined): void {
    if (this.#over) return;
    if (piece === undefined) return this.#fail();
    const reader = this.#reader;
    reader.consume(piece, 0, piece.length);
    this.#user.onResponseBody(reader, piece, 0);
    if (reader.done) this.#end();
    else this.#pump();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.close();
    this.#user.onResponseEnd();
  }

  #fail(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.close();
    this.#user.onUpstreamFailed('upstream-truncated', true, false);
  }

  hold(): void {
    this.#held = true;
  }

  unhold(): void {
    this.#held = false;
    this.#pump();
  }

  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.close();
  }

  get endpoint(): Endpoint {
    throw new Error('an answer of our own comes from no endpoint');
  }

  // Nothing is ever sent this way.
  assign(): void {}
  send(): boolean {
    return true;
  }
  sendWithBody(): boolean {
    return true;
  }
  sendBatched(): void {}
  requestSent(): void {}
}
