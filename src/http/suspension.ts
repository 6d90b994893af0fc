// Owns what is kept of a request while a filter is not ready with it: the head, and the bytes that came behind it, which are
// read again when it goes on. Gathers the beginning of a body for whoever asks.

import { BodyReader } from './codec/body.ts';
import { CHUNKED, type RequestParser } from './codec/request-parser.ts';
import { UNTIL_CLOSE } from './codec/response-parser.ts';
import type { HeadView } from './head-view.ts';

interface Gathering {
  readonly limit: number;
  readonly resolve: (bytes: Buffer) => void;
}

export class Suspension {
  readonly parser: RequestParser;
  readonly view: HeadView;
  #held: Buffer[];
  /** A stream of HTTP/2 said that nothing more comes. */
  #ended = false;
  readonly #reader = new BodyReader();
  readonly #payload: Buffer[] = [];
  #size = 0;
  #broken = false;
  #gathering: Gathering | undefined;

  /** `rest` is what came behind the head; it is kept. */
  constructor(parser: RequestParser, view: HeadView, rest: Buffer) {
    this.parser = parser;
    this.view = view;
    this.#held = rest.length === 0 ? [] : [rest];
    this.#reader.start(parser.bodyLength, true);
    this.#read(rest);
  }

  /** Everything that came behind the head. */
  get held(): Buffer {
    if (this.#held.length !== 1) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0];
  }

  /** The beginning of the body, up to `limit` bytes. The caller lets more come as long as `wantsMore`. */
  gather(limit: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#gathering = { limit, resolve };
      this.#settle();
    });
  }

  get wantsMore(): boolean {
    return this.#gathering !== undefined;
  }

  /** More of the body, which is copied. */
  hold(bytes: Buffer): void {
    const copy = Buffer.from(bytes);
    this.#held.push(copy);
    this.#read(copy);
    this.#settle();
  }

  /** The stream that delimits the body is over. Fields behind it are left out. */
  end(): void {
    this.#ended = true;
    this.#settle();
  }

  /** True when the length of the body was not known before, and is now. */
  delimit(): boolean {
    if (!this.#ended || this.parser.bodyLength !== UNTIL_CLOSE) return false;
    this.parser.bodyLength = this.#size;
    return true;
  }

  #read(bytes: Buffer): void {
    const reader = this.#reader;
    if (reader.done || this.#broken || bytes.length === 0) return;
    // What is broken is found out again, by who can say so.
    if (reader.consume(bytes, 0, bytes.length) < 0) this.#broken = true;
    else if (this.parser.bodyLength !== CHUNKED) this.#add(bytes.subarray(0, reader.verbatimEnd));
    else for (let i = 0; i < reader.runs.length; i += 2) this.#add(bytes.subarray(reader.runs[i], reader.runs[i + 1]));
  }

  #add(payload: Buffer): void {
    if (payload.length === 0) return;
    this.#payload.push(payload);
    this.#size += payload.length;
  }

  #settle(): void {
    const gathering = this.#gathering;
    if (gathering === undefined) return;
    if (!this.#reader.done && !this.#ended && !this.#broken && this.#size < gathering.limit) return;
    this.#gathering = undefined;
    gathering.resolve(Buffer.concat(this.#payload).subarray(0, gathering.limit));
  }
}
