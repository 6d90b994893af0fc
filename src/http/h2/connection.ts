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
import { type FlushUser, FrameOutput } from './frame-output.ts';
import { FrameReader, type FrameUser } from './frame-reader.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { NO_DYNAMIC_TABLE } from './hpack/encoder.ts';
import { PeerSettings } from './peer-settings.ts';
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
  /** A peer that takes nothing of what is left at the end is waited for so long. */
  readonly sendIdleMs: number;
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
  /** Everything that was written has left, or never will. */
  onClosed(): void;
}

const TABLE_BYTES = 4096;
/** What may wait for a peer that takes nothing, beside bodies, which wait for windows. */
const MOST_OUTPUT_BYTES = 1024 * 1024;
const GOODBYE_MS = 1000;

export class H2Connection implements ConnOwner, FrameUser, FlushUser {
  readonly conn: Conn;
  readonly loop: NetLoop;
  readonly terms: H2Terms;
  readonly ends: { readonly peer: Conn['remote']; readonly own: Conn['local'] };
  readonly streams = new Map<number, H2Stream>();
  /** Streams with something to send that had no room. */
  readonly waiting = new Set<H2Stream>();
  /** Of the connection: bytes that the peer takes. */
  sendWindow = DEFAULT_WINDOW;
  readonly peer = new PeerSettings();
  closed = false;
  /** Monotonic ms: when the peer was heard last. */
  heardAt = 0;
  readonly #user: H2User;
  readonly #decoder = new HpackDecoder(TABLE_BYTES);
  readonly #frames: FloodGauge;
  readonly #resets: FloodGauge;
  #receiveWindow: number;
  #unacknowledged = 0;
  readonly #reader: FrameReader;
  /** The DATA frame that is being read. */
  #dataStream: H2Stream | undefined;
  #dataEnds = false;
  #lastPeerId = 0;
  #nextId = 1;
  readonly #output: FrameOutput;
  #over: H2Stream[] = [];
  #prefix = NO_DYNAMIC_TABLE;
  #leaving = false;
  #lingersUntil = 0;
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
    this.#output = new FrameOutput(conn, this);
    this.#reader = new FrameReader(this, terms.isServer, terms.headBytes + MOST_FRAME_BYTES);
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

  write(text: string): void {
    if (!this.closed) this.#output.write(text);
  }

  writeData(head: string, bytes: Buffer): void {
    if (!this.closed) this.#output.writeData(head, bytes);
  }

  /** Another `size` bytes of a body may be written. */
  hasRoom(size: number): boolean {
    return size <= this.sendWindow && !this.conn.blocked && this.#output.bytes < MOST_OUTPUT_BYTES;
  }

  /** What goes in front of the next field section that we write. */
  prefix(): string {
    const prefix = this.#prefix;
    this.#prefix = '';
    return prefix;
  }

  onFlush(): void {
    const over = this.#over;
    if (over.length === 0) return;
    this.#over = [];
    for (const stream of over) {
      stream.done();
      this.#resets.earn();
    }
  }

  onRoom(): void {
    if (this.waiting.size > 0) this.#pump();
  }

  // Input.

  onData(data: Buffer, length: number): void {
    if (this.closed) return this.#linger();
    this.heardAt = this.loop.clock.now();
    this.#output.hold();
    this.#reader.read(data, length);
    // Peers that send faster than they read make us answer into memory.
    if (this.conn.blocked && this.conn.pending > MOST_OUTPUT_BYTES * 2) this.onFlood();
    this.#output.release();
  }

  onDataBegin(id: number, length: number, overhead: number, ends: boolean): void {
    if (id === 0 || this.#isIdle(id)) return this.onBroken(REASON.protocol);
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) return this.onBroken(REASON.flowControl);
    let stream = this.streams.get(id);
    if (stream !== undefined) {
      stream.receiveWindow -= length;
      const fault = stream.remoteEnded
        ? REASON.streamClosed
        : stream.receiveWindow < 0
          ? REASON.flowControl
          : REASON.none;
      if (fault !== REASON.none) {
        stream.resetWith(fault);
        stream = undefined;
      }
    }
    this.#dataStream = stream;
    this.#dataEnds = ends;
    this.consumed(overhead);
    stream?.credit(overhead);
    if (length > overhead) this.#frames.earn();
    else if (!ends) this.#spent();
  }

  onDataBytes(buffer: Buffer, start: number, end: number): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) this.consumed(end - start);
    else stream.receive(buffer, start, end);
  }

  onDataEnd(): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (this.#dataEnds && stream !== undefined && !stream.closed) stream.receiveEnd(undefined);
  }

  /** A frame of a body left: who reads a lot may say a lot. */
  sent(bytes: number): void {
    this.sendWindow -= bytes;
    this.#frames.earn();
  }

  /** A stream was ended because the peer broke its rules (CVE-2025-8671): as if it had taken it back. */
  faulted(): void {
    if (this.terms.isServer) this.#taken();
  }

  /** Bytes of bodies that went where they belong; told to the peer in half windows. */
  consumed(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged * 2 < this.terms.connectionWindowBytes) return;
    this.#receiveWindow += this.#unacknowledged;
    this.write(windowUpdate(0, this.#unacknowledged));
    this.#unacknowledged = 0;
  }

  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    switch (type) {
      case FRAME.rstStream:
        return this.#reset(id, length, buffer, start);
      case FRAME.settings:
        return this.#settings(flags, id, buffer, start, end);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, length, buffer, start);
      case FRAME.ping: {
        if (id !== 0) return this.onBroken(REASON.protocol);
        if (length !== 8) return this.onBroken(REASON.frameSize);
        if ((flags & FLAG.ack) !== 0) return this.#onPong === undefined ? this.#spent() : this.#onPong();
        this.write(ping(buffer.latin1Slice(start, end), true));
        return this.#spent();
      }
      case FRAME.goaway:
        return this.#goaway(id, length, buffer, start);
      case FRAME.priority:
        if (id === 0) return this.onBroken(REASON.protocol);
        if (length !== 5) return this.onBroken(REASON.frameSize);
        return this.#spent();
      case FRAME.pushPromise:
        return this.onBroken(REASON.protocol);
      default:
        // Of kinds that nobody knows yet (RFC 9113 §5.5).
        return this.#spent();
    }
  }

  onSection(id: number, ends: boolean, buffer: Buffer, start: number, end: number): void {
    const decoder = this.#decoder;
    const fault = decoder.decode(buffer, start, end, this.terms.headBytes, this.terms.fields);
    if (fault === 'broken') return this.onBroken(REASON.compression);
    const fields = fault === undefined ? decoder.fields : undefined;
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.#more(stream, fields, ends);
    if (!this.terms.isServer || id % 2 === 0) {
      if (this.#isIdle(id)) this.onBroken(REASON.protocol);
      return;
    }
    // Of a stream that is over: it was sent before the peer knew.
    if (id <= this.#lastPeerId) return this.#spent();
    this.#lastPeerId = id;
    if (this.#leaving || this.streams.size >= this.terms.streams) {
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
    if (id === 0 || this.#isIdle(id)) return this.onBroken(REASON.protocol);
    if (length !== 4) return this.onBroken(REASON.frameSize);
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    stream.broken(buffer.readUInt32BE(start));
    if (this.terms.isServer) this.#taken();
  }

  #settings(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const isAck = (flags & FLAG.ack) !== 0;
    if (id !== 0) return this.onBroken(REASON.protocol);
    if ((end - start) % 6 !== 0 || (isAck && end > start)) return this.onBroken(REASON.frameSize);
    if (isAck) return;
    const first = !this.peer.known;
    const before = this.peer.window;
    const fault = this.peer.read(buffer, start, end);
    if (fault !== REASON.none) return this.onBroken(fault);
    for (const stream of this.streams.values()) {
      stream.sendWindow += this.peer.window - before;
      if (stream.sendWindow > MOST_WINDOW) return this.onBroken(REASON.flowControl);
    }
    this.write(SETTINGS_ACK);
    this.#spent();
    if (first) this.#user.onSettings();
    this.#pump();
  }

  #windowUpdate(id: number, length: number, buffer: Buffer, start: number): void {
    if (length !== 4) return this.onBroken(REASON.frameSize);
    const more = buffer.readUInt32BE(start) & MOST_WINDOW;
    if (id === 0) {
      this.sendWindow += more;
      if (more === 0) return this.onBroken(REASON.protocol);
      if (this.sendWindow > MOST_WINDOW) return this.onBroken(REASON.flowControl);
      return this.#pump();
    }
    if (this.#isIdle(id)) return this.onBroken(REASON.protocol);
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
    if (id !== 0) return this.onBroken(REASON.protocol);
    if (length < 8) return this.onBroken(REASON.frameSize);
    const last = buffer.readUInt32BE(start) & MOST_WINDOW;
    this.#user.onGoaway();
    this.#spent();
    if (this.terms.isServer) return;
    for (const stream of Array.from(this.streams.values())) if (stream.id > last) stream.broken(REASON.refused);
  }

  #isIdle(id: number): boolean {
    const isOurs = id % 2 === (this.terms.isServer ? 0 : 1);
    return isOurs ? id >= this.#nextId : id > this.#lastPeerId;
  }

  /** A frame that carried nothing. */
  #spent(): void {
    if (!this.#frames.take(this.loop.now)) this.onFlood();
  }

  /** A stream that was taken back, or could not be given. */
  #taken(): void {
    if (!this.#resets.take(this.loop.now)) this.onFlood();
  }

  onBroken(reason: number): void {
    this.fail('h2-protocol', reason);
  }

  onFlood(): void {
    this.fail('h2-flood', REASON.enhanceYourCalm);
  }

  /** The peer is told why, and the connection ends with all its streams. */
  fail(fault: ErrorCode, reason: number): void {
    if (this.closed) return;
    this.write(goaway(this.#lastPeerId, reason));
    this.#output.flush();
    this.#finish(fault, undefined);
    this.conn.end();
    this.conn.expireIn(GOODBYE_MS);
  }

  #finish(fault: ErrorCode | undefined, error: NodeJS.ErrnoException | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.#lingersUntil = this.loop.now + this.terms.sendIdleMs;
    this.#reader.stopped = true;
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
    this.#output.schedule();
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

  /** The peer is being told, and may have sent something new meanwhile. */
  get saysGoodbye(): boolean {
    return this.#onPong !== undefined && !this.#leaving && !this.closed;
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
    this.#output.flush();
    this.#finish(undefined, undefined);
    this.conn.end();
    this.#expireGoodbye();
  }

  /** What a slow reader has not taken yet is still its due. */
  #expireGoodbye(): void {
    if (!this.conn.closed) this.conn.expireIn(this.conn.pending > 0 ? this.terms.sendIdleMs : GOODBYE_MS);
  }

  /**
   * A peer that still speaks still reads what the kernel has for it; closing under its words would take that away (RST).
   * Not for ever, though.
   */
  #linger(): void {
    const left = this.#lingersUntil - this.loop.now;
    this.conn.expireIn(Math.max(1, Math.min(GOODBYE_MS, left)));
  }

  cut(): void {
    this.#finish(undefined, undefined);
    this.conn.destroy();
  }

  onConnect(): void {}

  /** A peer of HTTP/2 that sends no more cannot say that it reads on either. */
  onEnd(): void {
    this.#finish(undefined, undefined);
    this.conn.end();
    if (!this.conn.closed) this.conn.expireIn(GOODBYE_MS);
  }

  onDrain(): void {
    if (this.closed) return this.#expireGoodbye();
    this.#pump();
  }

  onDeadline(): void {
    this.cut();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#finish(undefined, error);
    this.#user.onClosed();
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
