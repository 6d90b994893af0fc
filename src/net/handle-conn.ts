// Owns a connection straight on one of Node's inner TCP handles, past sockets and streams: a read is one callback, a write
// one call, and an idle connection costs little more than the kernel's own part. What is known of handles is `handle.ts`.
//
//   (dial) connecting ──▶ open ──FIN sent──▶ half closed ──FIN received too──▶ closed
//              └ error ─▶ closed └──FIN received──▶ …        any: error, destroy, reset ─▶ closed

import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type Address, unmapIPv4 } from '../core/address.ts';
import { Conn, type ConnOwner } from './conn.ts';
import {
  connectHandle,
  END_OF_FILE,
  type HandleUser,
  newHandle,
  PENDING,
  shutdownHandle,
  startReading,
  TAKEN,
  type TcpHandle,
  writeBytes,
  writeParts,
  writeText,
} from './handle.ts';
import type { NetLoop } from './loop.ts';

/** No FIN yet; one is to follow what is being written; the kernel is asked to send it; it has left. */
const OPEN = 0;
const WANTED = 1;
const ASKED = 2;
const SENT = 3;
type WriteEnd = typeof OPEN | typeof WANTED | typeof ASKED | typeof SENT;

/** What may wait in the kernel's stead before the producer has to stop; Node's own mark for sockets. */
const MOST_PENDING_BYTES = 64 * 1024;

export class HandleConn extends Conn implements HandleUser {
  #handle: TcpHandle;
  /** Writes that the kernel has not taken yet. */
  #writes = 0;
  /** One write at a time: what a layer over the handle asks for. Others wait here, and leave together. */
  #oneByOne = false;
  #waiting: (string | Buffer)[] = [];
  #waitingBytes = 0;
  /** What a layer still hands on after it was told to stop; the end, too. */
  #early: Buffer[] = [];
  #earlyEnd = false;
  #readEnded = false;
  #writeEnded: WriteEnd = OPEN;
  #noDelay = false;
  /** Reads are to go into this buffer from the next one on; undefined: into the shared one. */
  #private: Buffer | undefined;
  /** What reads land in right now. */
  #reading: Buffer;
  /** The private buffer in `#reading` may go to somebody else once reads land elsewhere. */
  #returnable = false;
  #connected = false;
  /** Addresses of the name that is dialled which were not tried yet. */
  #others: Address[] | undefined;

  private constructor(loop: NetLoop, handle: TcpHandle, owner: ConnOwner) {
    super(loop, owner);
    this.#handle = handle;
    this.#reading = loop.shared;
    loop.watch(this);
  }

  static accepted(loop: NetLoop, handle: TcpHandle, owner: ConnOwner): HandleConn {
    const conn = new HandleConn(loop, handle, owner);
    conn.#connected = true;
    startReading(handle, conn, loop.shared);
    return conn;
  }

  static dial(loop: NetLoop, address: Address, owner: ConnOwner): HandleConn {
    const conn = new HandleConn(loop, newHandle(), owner);
    if (isIP(address.host) !== 0) conn.#connect(address);
    else conn.#resolve(address);
    return conn;
  }

  #resolve({ host, port }: Address): void {
    lookup(host, { all: true }, (error, found) => {
      if (this.closed) return;
      if (error !== null) return this.#fail(error);
      this.#others = found.map(({ address }) => ({ host: address, port }));
      this.#connect(this.#others.shift()!);
    });
  }

  #connect(address: Address): void {
    const status = connectHandle(this.#handle, address, this);
    // The caller does not have this connection yet.
    if (status < 0) setImmediate(() => this.onConnected(status));
  }

  onConnected(status: number): void {
    if (this.closed) return;
    const next = status < 0 ? this.#others?.shift() : undefined;
    if (next !== undefined) {
      // A handle that failed to connect cannot be used again.
      this.#handle.close();
      this.#handle = newHandle();
      return this.#connect(next);
    }
    this.#others = undefined;
    if (status < 0) return this.#failed(status);
    this.#connected = true;
    this.noDelay();
    startReading(this.#handle, this, this.#reading);
    if (this.paused) this.#handle.readStop();
    this.owner.onConnect();
  }

  /** From now on bytes go through what `layer` makes of this connection's handle: TLS, which takes one write at a time. */
  cover(layer: (handle: TcpHandle) => TcpHandle): void {
    this.#oneByOne = true;
    this.#use(layer(this.#handle));
  }

  /** Back from a layer that came to nothing, to what `below` says is under it. */
  uncover(below: (handle: TcpHandle) => TcpHandle): void {
    this.#oneByOne = false;
    this.#use(below(this.#handle));
  }

  #use(handle: TcpHandle): void {
    this.#handle = handle;
    startReading(this.#handle, this, this.#reading);
    if (this.paused) this.#handle.readStop();
  }

  get peer(): Address {
    return this.#named((out) => this.#handle.getpeername(out));
  }

  protected get own(): Address {
    return this.#named((out) => this.#handle.getsockname(out));
  }

  #named(ask: (out: object) => number): Address {
    const out: { address?: string; port?: number } = {};
    if (!this.closed) ask(out);
    return { host: unmapIPv4(out.address ?? ''), port: out.port ?? 0 };
  }

  onRead(count: number): Buffer | undefined {
    if (this.#oneByOne && (this.paused || this.#early.length > 0) && !this.closed && this.#keep(count))
      return undefined;
    if (count > 0) {
      if (!this.closed) this.owner.onData(this.#reading, count);
      return this.#switchBuffer();
    }
    if (this.closed || count === 0) return undefined;
    if (count !== END_OF_FILE) this.#failed(count);
    else {
      this.#readEnded = true;
      this.owner.onEnd();
      if (this.#writeEnded === SENT) this.destroy();
    }
    return undefined;
  }

  /** True when it waits until somebody wants it. */
  #keep(count: number): boolean {
    if (count > 0) this.#early.push(Buffer.from(this.#reading.subarray(0, count)));
    else if (count === END_OF_FILE) this.#earlyEnd = true;
    else return false;
    return true;
  }

  #deliverEarly(): void {
    while (this.#early.length > 0 && !this.paused && !this.closed) {
      const chunk = this.#early.shift()!;
      this.owner.onData(chunk, chunk.length);
    }
    if (!this.#earlyEnd || this.#early.length > 0 || this.paused || this.closed) return;
    this.#earlyEnd = false;
    this.onRead(END_OF_FILE);
  }

  #switchBuffer(): Buffer | undefined {
    const wanted = this.#private ?? this.loop.shared;
    if (wanted === this.#reading) return undefined;
    if (this.#returnable) this.loop.release(this.#reading);
    this.#returnable = false;
    this.#reading = wanted;
    return wanted;
  }

  get pending(): number {
    return this.#writes === 0 || this.closed ? 0 : this.#handle.writeQueueSize + this.#waitingBytes;
  }

  noDelay(): void {
    if (this.#noDelay || this.closed) return;
    this.#noDelay = true;
    this.#handle.setNoDelay(true);
  }

  sendText(text: string): boolean {
    if (this.closed || this.#writeEnded !== OPEN) return false;
    if (this.#oneByOne && this.#writes > 0) {
      this.#waiting.push(text);
      this.#waitingBytes += text.length;
    } else {
      const result = writeText(this.#handle, text, this);
      if (result === TAKEN) return true;
      if (result !== PENDING) return this.#failedLater(result);
      this.#writes++;
    }
    if (this.#handle.writeQueueSize + this.#waitingBytes < MOST_PENDING_BYTES) return true;
    this.blocked = true;
    return false;
  }

  protected sendBuffer(bytes: Buffer): boolean {
    if (this.closed || this.#writeEnded !== OPEN) return false;
    if (this.#oneByOne && this.#writes > 0) return this.#wait([bytes]);
    return this.#wasTaken(writeBytes(this.#handle, bytes, this));
  }

  /** What the kernel takes at once is copied into memory that is used again and again. */
  protected override sendCopy(before: string, buffer: Buffer, start: number, end: number, behind: string): boolean {
    if (this.#oneByOne) return super.sendCopy(before, buffer, start, end, behind);
    const scratch = this.loop.takeScratch(before.length + end - start + behind.length);
    let length = before === '' ? 0 : scratch.write(before, 0, 'latin1');
    length += buffer.copy(scratch, length, start, end);
    if (behind !== '') length += scratch.write(behind, length, 'latin1');
    const taken = this.sendBuffer(scratch.subarray(0, length));
    if (taken) this.loop.putScratch(scratch);
    return taken;
  }

  protected sendBuffers(parts: Buffer[]): boolean {
    if (this.closed || this.#writeEnded !== OPEN) return false;
    if (this.#oneByOne && this.#writes > 0) return this.#wait(parts);
    return this.#wasTaken(writeParts(this.#handle, parts, this));
  }

  #wasTaken(result: number): boolean {
    if (result === TAKEN) return true;
    if (result !== PENDING) return this.#failedLater(result);
    this.#writes++;
    this.blocked = true;
    return false;
  }

  #wait(parts: readonly Buffer[]): false {
    for (const part of parts) {
      this.#waiting.push(part);
      this.#waitingBytes += part.length;
    }
    this.blocked = true;
    return false;
  }

  /** Everything that waited, in one write. */
  #writeWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const isText = waiting.every((part) => typeof part === 'string');
    const result = isText
      ? writeText(this.#handle, waiting.join(''), this)
      : writeBytes(this.#handle, Buffer.concat(waiting.map(bytesOf)), this);
    if (result === PENDING) this.#writes++;
    else if (result !== TAKEN) this.#failed(result);
  }

  onWritten(status: number): void {
    this.#writes--;
    if (this.closed) return;
    if (status >= 0 && this.#writes === 0) this.#writeWaiting();
    if (this.closed) return;
    if (status < 0) this.#failed(status);
    else if (this.#writes === 0) {
      if (this.#writeEnded === WANTED) this.#sendEnd();
      this.drained();
    }
  }

  /** A write that failed: the peer is gone. Told later, because the caller is in the middle of something. */
  #failedLater(status: number): boolean {
    this.blocked = true;
    setImmediate(() => this.#failed(status));
    return false;
  }

  #failed(status: number): void {
    const error: NodeJS.ErrnoException = new Error('the connection failed');
    error.code = getSystemErrorName(status);
    this.#fail(error);
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.closed) return;
    this.error = error;
    this.destroy();
  }

  ownsBuffer(buffer: Buffer): boolean {
    return buffer === this.#private || buffer.buffer !== this.loop.shared.buffer;
  }

  beginBody(): void {
    if (this.#private === undefined && !this.closed) this.#private = this.loop.borrow();
  }

  endBody(pinned: boolean): void {
    if (this.#private === undefined) return;
    if (this.#private === this.#reading) this.#returnable = !pinned;
    else this.loop.release(this.#private);
    this.#private = undefined;
  }

  pause(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.#handle.readStop();
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    if (this.#connected && !this.#readEnded) this.#handle.readStart();
    if (this.#early.length > 0 || this.#earlyEnd) queueMicrotask(() => this.#deliverEarly());
  }

  end(): void {
    if (this.closed || this.#writeEnded !== OPEN) return;
    // With both directions over and nothing on its way, closing says it all.
    if (this.#readEnded && this.#writes === 0) return this.destroy();
    this.#writeEnded = WANTED;
    // Not before everything is written: a connection with a FIN that waits cannot be reset.
    if (this.#writes === 0) this.#sendEnd();
  }

  #sendEnd(): void {
    this.#writeEnded = ASKED;
    const status = shutdownHandle(this.#handle, this);
    if (status < 0) this.#failedLater(status);
  }

  onShutdown(status: number): void {
    if (this.closed) return;
    if (status < 0) return this.#failed(status);
    this.#writeEnded = SENT;
    if (this.#readEnded) this.destroy();
  }

  destroy(): void {
    if (this.closed) return;
    this.#handle.close();
    this.finish();
  }

  reset(): void {
    if (this.closed) return;
    // A handle that refuses to be reset cannot be closed any more either, so it is asked only when it will not: before it
    // is connected there is nobody to reset, and while a FIN leaves everything was written.
    if (this.#connected && this.#writeEnded !== ASKED) this.#handle.reset();
    else this.#handle.close();
    this.finish();
  }
}

function bytesOf(part: string | Buffer): Buffer {
  return typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
}
