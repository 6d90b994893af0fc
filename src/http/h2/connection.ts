// Owns the protocol of one HTTP/2 connection, on either side: frames, field sections, windows, settings, and the streams
// that are open (RFC 9113). It knows no requests and no responses. Whatever breaks the protocol ends the connection with the
// reason that the RFC names; whatever only costs us is counted, and ends it when it is too much.
//
//   open ──goodbye──▶ leaving (streams finish) ──none left──▶ closed        broken, flooded ─▶ GOAWAY, closed

import type { ErrorCode } from '../../core/error.ts';
import type { Conn, ConnOwner } from '../../net/conn.ts';
import type { NetLoop } from '../../net/loop.ts';
import { FloodGauge } from './flood.ts';
import {
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  FRAME_HEAD,
  goaway,
  MOST_FRAME_BYTES,
  MOST_WINDOW,
  PREFACE,
  ping,
  REASON,
  rstStream,
  SETTING,
  SETTINGS_ACK,
  settingsFrame,
  windowUpdate,
} from './frame.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { NO_DYNAMIC_TABLE } from './hpack/encoder.ts';
import { H2Stream, type StreamOwner } from './stream.ts';

export interface H2Terms {
  readonly isServer: boolean;
  /** Streams that the peer may have open at once; 0 for servers, which open none. */
  readonly streams: number;
  readonly windowBytes: number;
  readonly connectionWindowBytes: number;
  /** Of one field section, as RFC 9113 §6.5.2 counts. */
  readonly headBytes: number;
  readonly fields: number;
  /** Within ten seconds: frames that carry nothing, and streams that the peer takes back. */
  readonly controlFrames: number;
  readonly resets: number;
}

export interface H2User {
  /** A peer opened a stream; `fields` is undefined when its head is larger than allowed. */
  onStream(stream: H2Stream, fields: string[] | undefined, ends: boolean): void;
  /** What the peer can do is known: told once. */
  onSettings(): void;
  /** The peer opens, or takes, no new streams. */
  onGoaway(): void;
  /** A stream is over; `left` are open. */
  onStreamOver(stream: H2Stream, left: number): void;
  /** The connection is over; `fault` says why, when the peer broke the rules. */
  onOver(fault: ErrorCode | undefined, error: NodeJS.ErrnoException | undefined): void;
}

const TABLE_BYTES = 4096;
/** Frames of one field section. A head that is cut into more is cut to cost us. */
const MOST_CONTINUATIONS = 16;
/** What may wait for a peer that takes nothing, beside bodies, which wait for windows. */
const MOST_OUTPUT_BYTES = 1024 * 1024;
const GOODBYE_MS = 1000;
const PREFACE_BYTES = Buffer.from(PREFACE, 'latin1');

export class H2Connection implements ConnOwner {
  readonly conn: Conn;
  readonly loop: NetLoop;
  readonly terms: H2Terms;
  readonly ends: { readonly peer: Conn['remote']; readonly own: Conn['local'] };
  readonly streams = new Map<number, H2Stream>();
  /** Streams with something to send that had no room. */
  readonly waiting = new Set<H2Stream>();
  /** Of the connection: bytes that the peer takes. */
  sendWindow = DEFAULT_WINDOW;
  /** Of each of its streams, at first. */
  peerWindow = DEFAULT_WINDOW;
  /** Streams that the peer takes at once. */
  peerStreams = 100;
  peerTunnels = false;
  closed = false;
  readonly #user: H2User;
  readonly #decoder = new HpackDecoder(TABLE_BYTES);
  readonly #frames: FloodGauge;
  readonly #resets: FloodGauge;
  #receiveWindow: number;
  #unacknowledged = 0;
  #prefaceSeen: boolean;
  #settingsSeen = false;
  #held: Buffer | undefined;
  /** The DATA frame that is being read. */
  #dataStream: H2Stream | undefined;
  #dataLeft = 0;
  #padLeft = 0;
  #dataEnds = false;
  /** The field section that is being read. */
  #block: Buffer[] | undefined;
  #blockBytes = 0;
  #blockId = 0;
  #blockEnds = false;
  #lastPeerId = 0;
  #nextId = 1;
  #out = '';
  #outParts: Buffer[] = [];
  #outBytes = 0;
  #scheduled = false;
  #reading = false;
  #over: H2Stream[] = [];
  #prefix = NO_DYNAMIC_TABLE;
  #leaving = false;
  #onPong: (() => void) | undefined;

  constructor(conn: Conn, terms: H2Terms, user: H2User) {
    this.conn = conn;
    this.loop = conn.loop;
    this.terms = terms;
    this.#user = user;
    this.ends = { peer: conn.remote, own: conn.local };
    this.#frames = new FloodGauge(terms.controlFrames);
    this.#resets = new FloodGauge(terms.resets);
    this.#receiveWindow = Math.max(DEFAULT_WINDOW, terms.connectionWindowBytes);
    this.#prefaceSeen = !terms.isServer;
    conn.owner = this;
    conn.noDelay();
    const settings: [number, number][] = [
      [SETTING.initialWindowSize, terms.windowBytes],
      [SETTING.maxHeaderListSize, terms.headBytes],
      terms.isServer ? [SETTING.maxConcurrentStreams, terms.streams] : [SETTING.enablePush, 0],
    ];
    if (terms.isServer) settings.push([SETTING.enableConnectProtocol, 1]);
    this.write((terms.isServer ? '' : PREFACE) + settingsFrame(settings));
    if (terms.connectionWindowBytes > DEFAULT_WINDOW)
      this.write(windowUpdate(0, terms.connectionWindowBytes - DEFAULT_WINDOW));
  }

  // Output: everything of one turn of the event loop leaves in one write.

  write(text: string): void {
    if (this.closed) return;
    this.#out += text;
    this.#outBytes += text.length;
    this.#schedule();
  }

  writeData(head: string, bytes: Buffer): void {
    if (this.closed) return;
    this.#outParts.push(Buffer.from(this.#out + head, 'latin1'), bytes);
    this.#out = '';
    this.#outBytes += head.length + bytes.length;
    this.#schedule();
  }

  /** Another `size` bytes of a body may be written. */
  hasRoom(size: number): boolean {
    return size <= this.sendWindow && !this.conn.blocked && this.#outBytes < MOST_OUTPUT_BYTES;
  }

  /** What goes in front of the next field section that we write. */
  prefix(): string {
    const prefix = this.#prefix;
    this.#prefix = '';
    return prefix;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (!this.#reading) flushSoon(this);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#over.length > 0) {
      const over = this.#over;
      this.#over = [];
      for (const stream of over) {
        stream.done();
        this.#resets.earn();
      }
    }
    if (this.#outBytes === 0 || this.conn.closed) return;
    const text = this.#out;
    const parts = this.#outParts;
    this.#out = '';
    this.#outBytes = 0;
    if (parts.length === 0) return void this.conn.sendText(text);
    this.#outParts = [];
    if (text !== '') parts.push(Buffer.from(text, 'latin1'));
    this.conn.sendOwned(Buffer.concat(parts));
  }

  // Input.

  onData(data: Buffer, length: number): void {
    if (this.closed) return;
    let buffer = data;
    let end = length;
    if (this.#held !== undefined) {
      buffer = Buffer.concat([this.#held, data.subarray(0, length)]);
      end = buffer.length;
      this.#held = undefined;
    }
    this.#reading = true;
    let at = 0;
    while (at < end && !this.closed) {
      const next = this.#read(buffer, at, end);
      if (next === at) break;
      at = next;
    }
    this.#reading = false;
    if (at < end && !this.closed) this.#held = Buffer.from(buffer.subarray(at, end));
    // Peers that send faster than they read make us answer into memory.
    if (this.conn.blocked && this.conn.pending > MOST_OUTPUT_BYTES * 2) this.fail('h2-flood', REASON.enhanceYourCalm);
    if (this.#scheduled) this.flush();
  }

  /** Returns where the next piece begins; `at` when more bytes are needed. */
  #read(buffer: Buffer, at: number, end: number): number {
    if (this.#dataLeft + this.#padLeft > 0) return this.#readData(buffer, at, end);
    if (!this.#prefaceSeen) {
      if (end - at < PREFACE_BYTES.length) return at;
      if (PREFACE_BYTES.compare(buffer, at, at + PREFACE_BYTES.length) !== 0) return this.#protocol(at);
      this.#prefaceSeen = true;
      return at + PREFACE_BYTES.length;
    }
    if (end - at < FRAME_HEAD) return at;
    const length = (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];
    const type = buffer[at + 3];
    const flags = buffer[at + 4];
    const id = buffer.readUInt32BE(at + 5) & MOST_WINDOW;
    if (length > MOST_FRAME_BYTES) return this.#broken(REASON.frameSize, at);
    if (this.#block !== undefined && (type !== FRAME.continuation || id !== this.#blockId)) return this.#protocol(at);
    if (!this.#settingsSeen && type !== FRAME.settings) return this.#protocol(at);
    const body = at + FRAME_HEAD;
    if (type === FRAME.data) {
      const padded = (flags & FLAG.padded) !== 0;
      if (padded && length > 0 && end - body < 1) return at;
      return this.#beginData(length, flags, id, padded ? (length > 0 ? buffer[body] : 256) : -1, body);
    }
    if (end - body < length) return at;
    this.#frame(type, flags, id, buffer, body, body + length);
    return body + length;
  }

  #beginData(length: number, flags: number, id: number, pad: number, body: number): number {
    const overhead = pad < 0 ? 0 : 1;
    const padding = pad < 0 ? 0 : pad;
    if (id === 0 || this.#isIdle(id) || padding + overhead > length) return this.#protocol(body);
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) return this.#broken(REASON.flowControl, body);
    const ends = (flags & FLAG.endStream) !== 0;
    let stream = this.streams.get(id);
    if (stream !== undefined) {
      stream.receiveWindow -= length;
      if (stream.remoteEnded) {
        stream.resetWith(REASON.streamClosed);
        stream = undefined;
      } else if (stream.receiveWindow < 0) {
        stream.resetWith(REASON.flowControl);
        stream = undefined;
      }
    }
    this.#dataStream = stream;
    this.#dataLeft = length - padding - overhead;
    this.#padLeft = padding;
    this.#dataEnds = ends;
    this.consumed(overhead + padding);
    stream?.credit(overhead + padding);
    if (length > overhead + padding) this.#frames.earn();
    if (length === overhead && !ends) this.#spent();
    if (this.#dataLeft + this.#padLeft === 0) this.#endData();
    return body + overhead;
  }

  #readData(buffer: Buffer, at: number, end: number): number {
    const take = Math.min(this.#dataLeft, end - at);
    if (take > 0) {
      this.#dataLeft -= take;
      const stream = this.#dataStream;
      if (stream === undefined || stream.closed) this.consumed(take);
      else stream.receive(buffer, at, at + take);
    }
    const skip = this.#dataLeft > 0 ? 0 : Math.min(this.#padLeft, end - at - take);
    this.#padLeft -= skip;
    if (this.#dataLeft + this.#padLeft === 0) this.#endData();
    return at + take + skip;
  }

  #endData(): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (this.#dataEnds && stream !== undefined && !stream.closed) stream.receiveEnd(undefined);
  }

  /** Bytes of bodies that went where they belong; told to the peer in half windows. */
  consumed(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged * 2 < this.terms.connectionWindowBytes) return;
    this.#receiveWindow += this.#unacknowledged;
    this.write(windowUpdate(0, this.#unacknowledged));
    this.#unacknowledged = 0;
  }

  #frame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    switch (type) {
      case FRAME.headers:
        return this.#headers(flags, id, buffer, start, end);
      case FRAME.continuation:
        return this.#continuation(flags, buffer, start, end);
      case FRAME.rstStream:
        return this.#reset(id, length, buffer, start);
      case FRAME.settings:
        return this.#settings(flags, id, buffer, start, end);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, length, buffer, start);
      case FRAME.ping: {
        if (id !== 0) return void this.#protocol(0);
        if (length !== 8) return void this.#broken(REASON.frameSize, 0);
        if ((flags & FLAG.ack) !== 0) return this.#onPong?.();
        this.write(ping(buffer.latin1Slice(start, end), true));
        return this.#spent();
      }
      case FRAME.goaway:
        return this.#goaway(id, length, buffer, start);
      case FRAME.priority:
        if (id === 0) return void this.#protocol(0);
        if (length !== 5) return void this.#broken(REASON.frameSize, 0);
        return this.#spent();
      case FRAME.pushPromise:
        return void this.#protocol(0);
      default:
        // Of kinds that nobody knows yet (RFC 9113 §5.5).
        return this.#spent();
    }
  }

  #headers(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) to -= buffer[from++] ?? 0;
    if ((flags & FLAG.priority) !== 0) from += 5;
    if (id === 0 || from > to || end === start) return void this.#protocol(0);
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) return this.#section(id, ends, buffer, from, to);
    this.#block = [Buffer.from(buffer.subarray(from, to))];
    this.#blockBytes = to - from;
    this.#blockId = id;
    this.#blockEnds = ends;
  }

  #continuation(flags: number, buffer: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (block === undefined) return void this.#protocol(0);
    block.push(Buffer.from(buffer.subarray(start, end)));
    this.#blockBytes += end - start;
    if (block.length > MOST_CONTINUATIONS || this.#blockBytes > this.terms.headBytes + MOST_FRAME_BYTES)
      return this.fail('h2-flood', REASON.enhanceYourCalm);
    if ((flags & FLAG.endHeaders) === 0) return;
    const whole = Buffer.concat(block);
    this.#block = undefined;
    this.#section(this.#blockId, this.#blockEnds, whole, 0, whole.length);
  }

  #section(id: number, ends: boolean, buffer: Buffer, start: number, end: number): void {
    const decoder = this.#decoder;
    const fault = decoder.decode(buffer, start, end, this.terms.headBytes, this.terms.fields);
    if (fault === 'broken') return void this.#broken(REASON.compression, 0);
    const fields = fault === undefined ? decoder.fields : undefined;
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.#more(stream, fields, ends);
    if (!this.terms.isServer || id % 2 === 0) {
      if (this.#isIdle(id)) this.#protocol(0);
      return;
    }
    // Of a stream that is over: it was sent before the peer knew.
    if (id <= this.#lastPeerId) return this.#spent();
    this.#lastPeerId = id;
    if (this.#leaving) return this.write(rstStream(id, REASON.refused));
    if (this.streams.size >= this.terms.streams) {
      this.write(rstStream(id, REASON.refused));
      return this.#taken();
    }
    const opened = new H2Stream(this, id, NOBODY);
    this.streams.set(id, opened);
    this.#frames.earn();
    if (ends) opened.remoteEnded = true;
    this.#user.onStream(opened, fields, ends);
  }

  /** Fields of a stream that is open: a response's head, or what stands behind a body. */
  #more(stream: H2Stream, fields: string[] | undefined, ends: boolean): void {
    if (stream.remoteEnded) return stream.resetWith(REASON.streamClosed);
    if (fields === undefined) {
      stream.broken(REASON.enhanceYourCalm);
      return this.write(rstStream(stream.id, REASON.enhanceYourCalm));
    }
    if (this.terms.isServer) {
      if (!ends) stream.resetWith(REASON.protocol);
      else stream.receiveEnd(fields);
      return;
    }
    const owner = stream.owner as StreamOwner;
    if (fields[0] !== ':status') {
      if (ends) stream.receiveEnd(fields);
      else stream.resetWith(REASON.protocol);
      return;
    }
    if (ends) stream.remoteEnded = true;
    owner.onFields?.(fields, ends);
    if (ends && !stream.closed) stream.receiveEnd(undefined);
  }

  #reset(id: number, length: number, buffer: Buffer, start: number): void {
    if (id === 0 || this.#isIdle(id)) return void this.#protocol(0);
    if (length !== 4) return void this.#broken(REASON.frameSize, 0);
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    stream.broken(buffer.readUInt32BE(start));
    if (this.terms.isServer) this.#taken();
  }

  #settings(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const isAck = (flags & FLAG.ack) !== 0;
    if (id !== 0) return void this.#protocol(0);
    if ((end - start) % 6 !== 0 || (isAck && end > start)) return void this.#broken(REASON.frameSize, 0);
    if (!this.#settingsSeen && isAck) return void this.#protocol(0);
    if (isAck) return;
    const first = !this.#settingsSeen;
    this.#settingsSeen = true;
    for (let at = start; at < end; at += 6) {
      const fault = this.#setting(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
      if (fault !== REASON.none) return void this.#broken(fault, 0);
    }
    this.write(SETTINGS_ACK);
    this.#spent();
    if (first) this.#user.onSettings();
    this.#pump();
  }

  #setting(id: number, value: number): number {
    switch (id) {
      case SETTING.enablePush:
        return value > 1 ? REASON.protocol : REASON.none;
      case SETTING.maxConcurrentStreams:
        this.peerStreams = value;
        return REASON.none;
      case SETTING.maxFrameSize:
        return value < MOST_FRAME_BYTES || value > 2 ** 24 - 1 ? REASON.protocol : REASON.none;
      case SETTING.enableConnectProtocol:
        if (value > 1) return REASON.protocol;
        this.peerTunnels = value === 1;
        return REASON.none;
      case SETTING.initialWindowSize: {
        if (value > MOST_WINDOW) return REASON.flowControl;
        for (const stream of this.streams.values()) {
          stream.sendWindow += value - this.peerWindow;
          if (stream.sendWindow > MOST_WINDOW) return REASON.flowControl;
        }
        this.peerWindow = value;
        return REASON.none;
      }
      default:
        return REASON.none;
    }
  }

  #windowUpdate(id: number, length: number, buffer: Buffer, start: number): void {
    if (length !== 4) return void this.#broken(REASON.frameSize, 0);
    const more = buffer.readUInt32BE(start) & MOST_WINDOW;
    if (id === 0) {
      this.sendWindow += more;
      if (more === 0) return void this.#protocol(0);
      if (this.sendWindow > MOST_WINDOW) return void this.#broken(REASON.flowControl, 0);
      return this.#pump();
    }
    if (this.#isIdle(id)) return void this.#protocol(0);
    const stream = this.streams.get(id);
    // Over already: it was sent before the peer knew.
    if (stream === undefined) return;
    stream.sendWindow += more;
    if (more === 0) stream.resetWith(REASON.protocol);
    else if (stream.sendWindow > MOST_WINDOW) stream.resetWith(REASON.flowControl);
    else if (this.waiting.has(stream)) stream.pump();
  }

  #pump(): void {
    for (const stream of Array.from(this.waiting)) {
      if (this.sendWindow <= 0 || this.conn.blocked) return;
      stream.pump();
    }
  }

  #goaway(id: number, length: number, buffer: Buffer, start: number): void {
    if (id !== 0) return void this.#protocol(0);
    if (length < 8) return void this.#broken(REASON.frameSize, 0);
    const last = buffer.readUInt32BE(start) & MOST_WINDOW;
    this.#user.onGoaway();
    if (this.terms.isServer) return;
    for (const stream of Array.from(this.streams.values())) if (stream.id > last) stream.broken(REASON.refused);
  }

  #isIdle(id: number): boolean {
    const isOurs = id % 2 === (this.terms.isServer ? 0 : 1);
    return isOurs ? id >= this.#nextId : id > this.#lastPeerId;
  }

  /** A frame that carried nothing. */
  #spent(): void {
    if (!this.#frames.take(this.loop.now)) this.fail('h2-flood', REASON.enhanceYourCalm);
  }

  /** A stream that was taken back, or could not be given. */
  #taken(): void {
    if (!this.#resets.take(this.loop.now)) this.fail('h2-flood', REASON.enhanceYourCalm);
  }

  #protocol(at: number): number {
    return this.#broken(REASON.protocol, at);
  }

  #broken(reason: number, at: number): number {
    this.fail('h2-protocol', reason);
    return at;
  }

  /** The peer is told why, and the connection ends with all its streams. */
  fail(fault: ErrorCode, reason: number): void {
    if (this.closed) return;
    this.write(goaway(this.#lastPeerId, reason));
    this.flush();
    this.#finish(fault, undefined);
    this.conn.end();
    this.conn.expireIn(GOODBYE_MS);
  }

  #finish(fault: ErrorCode | undefined, error: NodeJS.ErrnoException | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.#held = undefined;
    for (const stream of Array.from(this.streams.values())) stream.broken(REASON.cancel);
    this.#user.onOver(fault, error);
  }

  // Streams.

  /** A stream of ours; clients only. */
  open(owner: StreamOwner): H2Stream {
    const stream = new H2Stream(this, this.#nextId, owner);
    this.streams.set(this.#nextId, stream);
    this.#nextId += 2;
    return stream;
  }

  /** Numbers run out after a billion streams. */
  get isSpent(): boolean {
    return this.#nextId > MOST_WINDOW - 2;
  }

  /** Both sides have ended it: told when what runs now is through, so that nobody loses a stream in the middle of using it. */
  over(stream: H2Stream): void {
    this.#over.push(stream);
    this.#schedule();
  }

  left(stream: H2Stream): void {
    this.waiting.delete(stream);
    if (!this.streams.delete(stream.id)) return;
    this.#user.onStreamOver(stream, this.streams.size);
    if (this.#leaving && this.streams.size === 0) this.close();
  }

  /** Says goodbye so that no request is lost: first that nothing new is wanted, then, when the peer has heard it, which was the last. */
  leave(): void {
    if (this.closed || this.#onPong !== undefined) return;
    if (!this.terms.isServer) return this.#left();
    this.write(goaway(MOST_WINDOW, REASON.none));
    this.write(ping('evenkeel', false));
    const timer = this.loop.clock.after(GOODBYE_MS, () => this.#left());
    this.#onPong = () => {
      timer.cancel();
      this.#left();
    };
  }

  /** Without waiting for the peer to hear that nothing new is wanted. */
  leaveNow(): void {
    this.#left();
  }

  #left(): void {
    if (this.closed || this.#leaving) return;
    this.#leaving = true;
    this.write(goaway(this.#lastPeerId, REASON.none));
    if (this.streams.size === 0) this.close();
  }

  /** After what was written. */
  close(): void {
    if (this.closed) return;
    this.flush();
    this.#finish(undefined, undefined);
    this.conn.end();
    this.conn.expireIn(GOODBYE_MS);
  }

  cut(): void {
    this.#finish(undefined, undefined);
    this.conn.destroy();
  }

  onConnect(): void {}

  onEnd(): void {
    this.#finish(undefined, undefined);
    this.conn.end();
    if (!this.conn.closed) this.conn.expireIn(GOODBYE_MS);
  }

  onDrain(): void {
    this.#pump();
    if (this.#scheduled) this.flush();
  }

  onDeadline(): void {
    this.cut();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#finish(undefined, error);
  }
}

const NOBODY: ConnOwner = {
  onConnect(): void {},
  onData(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClose(): void {},
  onDeadline(): void {},
};

let pending: H2Connection[] = [];

function flushAll(): void {
  const connections = pending;
  pending = [];
  for (const connection of connections) connection.flush();
}

function flushSoon(connection: H2Connection): void {
  if (pending.length === 0) setImmediate(flushAll);
  pending.push(connection);
}
