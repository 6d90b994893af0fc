// Owns one stream of HTTP/2 as a connection: bytes in, bytes out within the windows of both sides, a deadline, and exactly
// one `onClose`. So a request, a tunnel or a relay does not know whether it has a connection of its own or one of many
// streams. RFC 9113 §5, §6.9.
//
//   open ──our end──▶ half closed ──the peer's end──▶ over: onClose        reset by either side ─▶ over, at once
//     └───────the peer's end───▶ half closed ──our end──▶ over

import type { Address } from '../../core/address.ts';
import { Conn, type ConnOwner } from '../../net/conn.ts';
import type { H2Connection } from './connection.ts';
import {
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  frameHead,
  headersFrames,
  MOST_FRAME_BYTES,
  REASON,
  rstStream,
  windowUpdate,
} from './frame.ts';
import { encodeFields } from './hpack/encoder.ts';

export interface StreamOwner extends ConnOwner {
  /** A head, or fields behind a body: names and values in turn. `ends`: nothing follows. */
  onFields?(fields: string[], ends: boolean): void;
}

const NO_FIELDS: string[] = [];
/** Reasons that the peer's own doing gave. */
const FAULTS = new Set<number>([REASON.protocol, REASON.flowControl, REASON.streamClosed]);

export class H2Stream extends Conn {
  readonly h2: H2Connection;
  readonly id: number;
  /** Bytes that the peer takes, and that we do. */
  sendWindow: number;
  receiveWindow: number;
  /** Why the peer or we ended it early; 0 when nobody did. */
  rstCode = 0;
  /** The peer sends no more. */
  remoteEnded = false;
  #localEnded = false;
  /** What waits for room in a window, or on the connection. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #endWaits = false;
  #trailersWait: string | undefined;
  /** What came while nobody wanted it. */
  #held: Buffer[] = [];
  #endHeld = false;
  #trailersHeld: string[] = NO_FIELDS;
  #delivering = false;
  #patienceMs = 0;
  /** Consumed, and not told to the peer yet. */
  #unacknowledged = 0;

  constructor(h2: H2Connection, id: number, owner: ConnOwner) {
    super(h2.loop, owner);
    this.h2 = h2;
    this.id = id;
    this.sendWindow = h2.peer.window;
    // Until it has read our settings a peer goes by the RFC's.
    this.receiveWindow = Math.max(DEFAULT_WINDOW, h2.terms.windowBytes);
    this.loop.watch(this);
  }

  get peer(): Address {
    return this.h2.ends.peer;
  }

  protected get own(): Address {
    return this.h2.ends.own;
  }

  override expireIn(ms: number): void {
    this.#patienceMs = ms;
    super.expireIn(ms);
  }

  get pending(): number {
    return this.#waitingBytes;
  }

  get #mayNotSend(): boolean {
    return this.closed || this.#localEnded || this.#endWaits;
  }

  /** The head of a request or a response, or an interim response. */
  sendHead(fields: readonly string[], ends: boolean): void {
    if (this.#mayNotSend) return;
    this.h2.write(headersFrames(this.id, this.h2.prefix() + encodeFields(fields), ends));
    if (ends) this.#ended();
  }

  /** Fields behind the body: the end of what we send. */
  sendTrailers(fields: readonly string[]): void {
    if (this.#mayNotSend) return;
    const block = encodeFields(fields);
    if (this.#waitingBytes > 0) {
      this.#trailersWait = block;
      this.#endWaits = true;
    } else this.#trailers(block);
  }

  #trailers(block: string): void {
    this.h2.write(headersFrames(this.id, this.h2.prefix() + block, true));
    this.#ended();
  }

  noDelay(): void {}

  sendText(text: string): boolean {
    if (this.#mayNotSend) return false;
    if (text === '') return !this.blocked;
    if (this.#fits(text.length)) return this.#small(text, 0);
    return this.#send(Buffer.from(text, 'latin1'), false);
  }

  protected sendBuffer(bytes: Buffer): boolean {
    return !this.#mayNotSend && this.#send(bytes, false);
  }

  protected sendBuffers(parts: Buffer[]): boolean {
    return this.sendBuffer(Buffer.concat(parts));
  }

  override sendBytes(source: Conn, buffer: Buffer, start: number, end: number, frame = ''): boolean {
    if (frame !== '') return super.sendBytes(source, buffer, start, end, frame);
    if (this.#mayNotSend) return false;
    if (end === start) return !this.blocked;
    if (this.#fits(end - start)) return this.#small(buffer.latin1Slice(start, end), 0);
    return this.#send(Buffer.from(buffer.subarray(start, end)), false);
  }

  /** The last of the body, and the end, in one frame when there is room. */
  sendLast(buffer: Buffer, start: number, end: number): boolean {
    if (this.#mayNotSend) return false;
    // Nothing more, but something may wait, and goes first.
    if (end === start) {
      this.end();
      return !this.blocked;
    }
    if (!this.#fits(end - start)) return this.#send(Buffer.from(buffer.subarray(start, end)), true);
    this.#small(buffer.latin1Slice(start, end), FLAG.endStream);
    return true;
  }

  /** One frame at once. */
  #fits(size: number): boolean {
    return size <= MOST_FRAME_BYTES && this.#waitingBytes === 0 && size <= this.sendWindow && this.h2.hasRoom(size);
  }

  #small(text: string, flags: number): boolean {
    const { length } = text;
    this.sendWindow -= length;
    this.h2.sent(length);
    this.h2.write(frameHead(length, FRAME.data, flags, this.id) + text);
    if (flags !== 0) this.#ended();
    return true;
  }

  #send(bytes: Buffer, last: boolean): boolean {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (last) this.#endWaits = true;
    this.pump();
    if (this.#waitingBytes === 0) return true;
    this.blocked = true;
    this.h2.waiting.add(this);
    return false;
  }

  /** Sends what the windows and the connection allow; tells the owner when all is sent. */
  pump(): void {
    while (this.#waitingBytes > 0 && !this.closed) {
      const room = Math.min(MOST_FRAME_BYTES, this.sendWindow, this.h2.sendWindow);
      if (room <= 0 || !this.h2.hasRoom(1)) return;
      const first = this.#waiting[0];
      const part = first.length <= room ? first : first.subarray(0, room);
      if (part === first) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(room);
      this.#waitingBytes -= part.length;
      this.sendWindow -= part.length;
      this.h2.sent(part.length);
      // It reads, if slowly: the patience with it begins anew.
      if (this.deadline !== 0) this.expireIn(this.#patienceMs);
      const last = this.#waitingBytes === 0 && this.#endWaits && this.#trailersWait === undefined;
      this.h2.writeData(frameHead(part.length, FRAME.data, last ? FLAG.endStream : 0, this.id), part);
      if (last) this.#ended();
    }
    if (this.closed) return;
    this.h2.waiting.delete(this);
    const trailers = this.#trailersWait;
    this.#trailersWait = undefined;
    if (trailers !== undefined) this.#trailers(trailers);
    this.drained();
  }

  end(): void {
    if (this.#mayNotSend) return;
    if (this.#waitingBytes > 0) {
      this.#endWaits = true;
      return;
    }
    this.h2.write(frameHead(0, FRAME.data, FLAG.endStream, this.id));
    this.#ended();
  }

  #ended(): void {
    this.#localEnded = true;
    this.#checkOver();
  }

  /** What came and was not read yet still is; the stream is over after it. */
  #checkOver(): void {
    if (this.#localEnded && this.remoteEnded && !this.#endHeld && this.#held.length === 0 && !this.closed)
      this.h2.over(this);
  }

  // What comes.

  receive(buffer: Buffer, start: number, end: number): void {
    if (this.paused || this.#held.length > 0) {
      this.#held.push(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    this.owner.onData(start === 0 ? buffer : buffer.subarray(start, end), end - start);
    this.#consumed(end - start);
  }

  /** The peer's last word: `fields` behind the body, if any. */
  receiveEnd(fields: string[] | undefined): void {
    this.remoteEnded = true;
    if (fields !== undefined) this.#trailersHeld = fields;
    if (this.paused || this.#held.length > 0) this.#endHeld = true;
    else this.#tellEnd();
  }

  #tellEnd(): void {
    this.#endHeld = false;
    const owner = this.owner as StreamOwner;
    if (this.#trailersHeld !== NO_FIELDS) owner.onFields?.(this.#trailersHeld, true);
    owner.onEnd();
    this.#checkOver();
  }

  #deliver(): void {
    this.#delivering = false;
    while (this.#held.length > 0 && !this.paused && !this.closed) {
      const chunk = this.#held.shift()!;
      this.owner.onData(chunk, chunk.length);
      this.#consumed(chunk.length);
    }
    if (this.#endHeld && this.#held.length === 0 && !this.paused && !this.closed) this.#tellEnd();
  }

  /** Whatever was paused is asked for again in half windows, so that few frames are about windows. */
  #consumed(bytes: number): void {
    this.h2.consumed(bytes);
    this.credit(bytes);
  }

  /** Bytes of its window that nothing stands in any more. */
  credit(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.remoteEnded || this.closed || this.#unacknowledged * 2 < this.h2.terms.windowBytes) return;
    this.receiveWindow += this.#unacknowledged;
    this.h2.write(windowUpdate(this.id, this.#unacknowledged));
    this.#unacknowledged = 0;
  }

  /** Every chunk that is held is a copy. */
  ownsBuffer(buffer: Buffer): boolean {
    return buffer.buffer !== this.loop.shared.buffer;
  }

  beginBody(): void {}
  endBody(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    if (this.#delivering || (this.#held.length === 0 && !this.#endHeld)) return;
    this.#delivering = true;
    queueMicrotask(() => this.#deliver());
  }

  destroy(): void {
    this.resetWith(REASON.cancel);
  }

  reset(): void {
    this.resetWith(REASON.internal);
  }

  resetWith(reason: number): void {
    if (this.closed) return;
    if (!(this.#localEnded && this.remoteEnded)) {
      this.rstCode = reason;
      this.h2.write(rstStream(this.id, reason));
    }
    this.#leave();
    if (FAULTS.has(reason)) this.h2.faulted();
  }

  /** The peer, or the connection, ended it early. */
  broken(reason: number): void {
    if (this.closed) return;
    this.rstCode = reason;
    // A response that is whole is not less so because the connection went behind it: what waits is still delivered.
    if (!this.h2.terms.isServer && this.remoteEnded && (this.#endHeld || this.#held.length > 0)) {
      this.#localEnded = true;
      this.h2.left(this);
      return;
    }
    this.error = Object.assign(new Error('the stream was reset'), { code: 'ECONNRESET' });
    this.#leave();
  }

  /** Both sides are done. */
  done(): void {
    if (!this.closed) this.#leave();
  }

  #leave(): void {
    // The connection's window is shared: what nobody will read must not narrow it.
    for (const chunk of this.#held) this.h2.consumed(chunk.length);
    this.#held = [];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.h2.left(this);
    this.finish();
  }
}
