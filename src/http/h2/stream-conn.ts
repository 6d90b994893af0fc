// Owns one stream of HTTP/2 as a connection: bytes in, bytes out with backpressure, a deadline, and exactly one `onClose`. So
// a request, a tunnel or a relay does not know whether it runs on a connection of its own or on one of many streams.

import { constants, type Http2Stream } from 'node:http2';
import type { Address } from '../../core/address.ts';
import { Conn, type ConnOwner } from '../../net/conn.ts';
import type { NetLoop } from '../../net/loop.ts';

export interface StreamEnds {
  readonly peer: Address;
  readonly own: Address;
}

const CONN = Symbol('conn');

interface OwnedStream extends Http2Stream {
  [CONN]?: StreamConn;
}

export class StreamConn extends Conn {
  readonly stream: Http2Stream;
  /** Told once the stream is over, whoever owns the connection by then. */
  onGone: (() => void) | undefined;
  readonly #ends: StreamEnds;
  #ended = false;
  readonly #written = (): void => this.drained();

  /** `bodiless`: nothing comes from the peer but what came with the head. */
  constructor(loop: NetLoop, stream: Http2Stream, owner: ConnOwner, ends: StreamEnds, bodiless: boolean) {
    super(loop, owner);
    this.stream = stream;
    this.#ends = ends;
    (stream as OwnedStream)[CONN] = this;
    stream.on('error', onError);
    stream.on('close', onClose);
    if (!bodiless) {
      stream.on('data', onData);
      stream.on('end', onEnd);
    }
    loop.watch(this);
  }

  get peer(): Address {
    return this.#ends.peer;
  }

  protected get own(): Address {
    return this.#ends.own;
  }

  get pending(): number {
    return this.closed ? 0 : this.stream.writableLength;
  }

  noDelay(): void {}

  sendText(text: string): boolean {
    if (this.closed || this.#ended) return false;
    if (text === '') return !this.blocked;
    return this.#taken(this.stream.write(text, 'latin1', this.#written));
  }

  protected sendBuffer(bytes: Buffer): boolean {
    if (this.closed || this.#ended) return false;
    this.stream.write(bytes, this.#written);
    // The bytes must stay as they are until they have left, so the source waits.
    this.blocked = true;
    return false;
  }

  protected sendBuffers(parts: Buffer[]): boolean {
    return this.sendBuffer(Buffer.concat(parts));
  }

  override sendTextAndBytes(text: string, buffer: Buffer, start: number, end: number): boolean {
    if (this.closed || this.#ended) return false;
    const bytes = Buffer.allocUnsafe(text.length + end - start);
    bytes.write(text, 'latin1');
    buffer.copy(bytes, text.length, start, end);
    return this.#taken(this.stream.write(bytes, this.#written));
  }

  /** A stream frames by itself; `frame` is for what runs inside it. */
  override sendBytes(source: Conn, buffer: Buffer, start: number, end: number, frame = ''): boolean {
    if (frame !== '') return super.sendBytes(source, buffer, start, end, frame);
    if (end === start) return !this.blocked;
    if (this.closed || this.#ended) return false;
    if (source.ownsBuffer(buffer) && end - start > COPIED_BYTES) return this.sendBuffer(buffer.subarray(start, end));
    return this.#taken(this.stream.write(Buffer.from(buffer.subarray(start, end)), this.#written));
  }

  #taken(room: boolean): boolean {
    if (room) return true;
    this.blocked = true;
    return false;
  }

  /** Every chunk is a buffer of its own. */
  ownsBuffer(buffer: Buffer): boolean {
    return buffer.buffer !== this.loop.shared.buffer;
  }

  beginBody(): void {}
  endBody(): void {}

  pause(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.stream.pause();
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    this.stream.resume();
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    this.stream.end();
  }

  destroy(): void {
    this.#cancel(constants.NGHTTP2_CANCEL);
  }

  reset(): void {
    this.#cancel(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #cancel(code: number): void {
    if (this.closed) return;
    // After a clean end on both sides this says nothing on the wire.
    if (!this.stream.destroyed) this.stream.close(this.#ended && this.stream.writableFinished ? 0 : code);
    this.finish();
  }

  /** What this side will say was said elsewhere. */
  markEnded(): void {
    this.#ended = true;
  }

  gone(): void {
    if (!this.closed && this.stream.rstCode !== 0) {
      this.error ??= Object.assign(new Error('the stream was reset'), { code: 'ECONNRESET' });
    }
    this.finish();
    this.onGone?.();
    this.onGone = undefined;
  }
}

/** Up to here a copy costs less than making the source wait for it. */
const COPIED_BYTES = 16 * 1024;

function onData(this: OwnedStream, chunk: Buffer): void {
  const conn = this[CONN]!;
  if (!conn.closed) conn.owner.onData(chunk, chunk.length);
}

function onEnd(this: OwnedStream): void {
  const conn = this[CONN]!;
  if (!conn.closed) conn.owner.onEnd();
}

function onError(this: OwnedStream, error: NodeJS.ErrnoException): void {
  this[CONN]!.error ??= Object.assign(error, { code: 'ECONNRESET' });
}

function onClose(this: OwnedStream): void {
  this[CONN]!.gone();
}
