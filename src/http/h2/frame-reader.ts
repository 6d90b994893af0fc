// Owns taking the bytes of a connection apart into frames (RFC 9113 §4, §6.1, §6.2, §6.10), in pieces of any size: DATA is handed
// on as it comes, all else when it is whole, and a field section when its last CONTINUATION is there. What a frame means is
// not known here.

import { FLAG, FRAME, FRAME_HEAD, MOST_FRAME_BYTES, MOST_WINDOW, PREFACE, REASON } from './frame.ts';

/** Frames of one field section. A head that is cut into more is cut to cost us. */
const MOST_CONTINUATIONS = 16;
const PREFACE_BYTES = Buffer.from(PREFACE, 'latin1');

export interface FrameUser {
  /** `length` is what counts for windows, `overhead` how much of it is padding. */
  onDataBegin(id: number, length: number, overhead: number, ends: boolean): void;
  onDataBytes(buffer: Buffer, start: number, end: number): void;
  onDataEnd(): void;
  onSection(id: number, ends: boolean, buffer: Buffer, start: number, end: number): void;
  /** Every other kind, known or not. */
  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): void;
  onBroken(reason: number): void;
  onFlood(): void;
}

export class FrameReader {
  /** What was read last was the last: the connection is over. */
  stopped = false;
  readonly #user: FrameUser;
  readonly #mostSectionBytes: number;
  #prefaceSeen: boolean;
  #settingsSeen = false;
  #held: Buffer | undefined;
  #dataLeft = 0;
  #padLeft = 0;
  /** The field section that is being read. */
  #block: Buffer[] | undefined;
  #blockBytes = 0;
  #blockId = 0;
  #blockEnds = false;

  /** `expectsPreface`: the peer is a client. */
  constructor(user: FrameUser, expectsPreface: boolean, mostSectionBytes: number) {
    this.#user = user;
    this.#prefaceSeen = !expectsPreface;
    this.#mostSectionBytes = mostSectionBytes;
  }

  read(data: Buffer, length: number): void {
    let buffer = data;
    let end = length;
    if (this.#held !== undefined) {
      buffer = Buffer.concat([this.#held, data.subarray(0, length)]);
      end = buffer.length;
      this.#held = undefined;
    }
    let at = 0;
    while (at < end && !this.stopped) {
      const next = this.#next(buffer, at, end);
      if (next === at) break;
      at = next;
    }
    if (at < end && !this.stopped) this.#held = Buffer.from(buffer.subarray(at, end));
  }

  /** Returns where the next piece begins; `at` when more bytes are needed, or nothing will be read any more. */
  #next(buffer: Buffer, at: number, end: number): number {
    if (this.#dataLeft + this.#padLeft > 0) return this.#data(buffer, at, end);
    if (!this.#prefaceSeen) {
      if (end - at < PREFACE_BYTES.length) return at;
      if (PREFACE_BYTES.compare(buffer, at, at + PREFACE_BYTES.length) !== 0) return this.#broken(REASON.protocol, at);
      this.#prefaceSeen = true;
      return at + PREFACE_BYTES.length;
    }
    if (end - at < FRAME_HEAD) return at;
    const length = (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];
    const type = buffer[at + 3];
    const flags = buffer[at + 4];
    const id = buffer.readUInt32BE(at + 5) & MOST_WINDOW;
    if (length > MOST_FRAME_BYTES) return this.#broken(REASON.frameSize, at);
    const continues = type === FRAME.continuation && id === this.#blockId && this.#block !== undefined;
    if (continues !== (this.#block !== undefined || type === FRAME.continuation))
      return this.#broken(REASON.protocol, at);
    if (!this.#settingsSeen && (type !== FRAME.settings || (flags & FLAG.ack) !== 0))
      return this.#broken(REASON.protocol, at);
    this.#settingsSeen = true;
    const body = at + FRAME_HEAD;
    if (type === FRAME.data) {
      const padded = (flags & FLAG.padded) !== 0;
      if (padded && length > 0 && end - body < 1) return at;
      const overhead = padded ? 1 + (buffer[body] ?? 0) : 0;
      return this.#dataBegins(id, length, overhead, flags, body);
    }
    if (end - body < length) return at;
    if (type === FRAME.headers) this.#headers(flags, id, buffer, body, body + length);
    else if (continues) this.#continuation(flags, buffer, body, body + length);
    else this.#user.onFrame(type, flags, id, buffer, body, body + length);
    return body + length;
  }

  #dataBegins(id: number, length: number, overhead: number, flags: number, body: number): number {
    if (overhead > length) return this.#broken(REASON.protocol, body);
    this.#user.onDataBegin(id, length, overhead, (flags & FLAG.endStream) !== 0);
    if (this.stopped) return body;
    this.#dataLeft = length - overhead;
    this.#padLeft = Math.max(0, overhead - 1);
    if (this.#dataLeft + this.#padLeft === 0) this.#user.onDataEnd();
    return body + Math.min(1, overhead);
  }

  #data(buffer: Buffer, at: number, end: number): number {
    const take = Math.min(this.#dataLeft, end - at);
    this.#dataLeft -= take;
    if (take > 0) this.#user.onDataBytes(buffer, at, at + take);
    const skip = this.#dataLeft > 0 ? 0 : Math.min(this.#padLeft, end - at - take);
    this.#padLeft -= skip;
    if (this.#dataLeft + this.#padLeft === 0 && !this.stopped) this.#user.onDataEnd();
    return at + take + skip;
  }

  #headers(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) to -= buffer[from++] ?? 0;
    if ((flags & FLAG.priority) !== 0) from += 5;
    if (id === 0 || from > to || end === start) return void this.#broken(REASON.protocol, 0);
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) return this.#user.onSection(id, ends, buffer, from, to);
    this.#block = [Buffer.from(buffer.subarray(from, to))];
    this.#blockBytes = to - from;
    this.#blockId = id;
    this.#blockEnds = ends;
  }

  #continuation(flags: number, buffer: Buffer, start: number, end: number): void {
    const block = this.#block!;
    block.push(Buffer.from(buffer.subarray(start, end)));
    this.#blockBytes += end - start;
    if (block.length > MOST_CONTINUATIONS || this.#blockBytes > this.#mostSectionBytes) {
      this.stopped = true;
      return this.#user.onFlood();
    }
    if ((flags & FLAG.endHeaders) === 0) return;
    const whole = Buffer.concat(block);
    this.#block = undefined;
    this.#user.onSection(this.#blockId, this.#blockEnds, whole, 0, whole.length);
  }

  #broken(reason: number, at: number): number {
    this.stopped = true;
    this.#user.onBroken(reason);
    return at;
  }
}
