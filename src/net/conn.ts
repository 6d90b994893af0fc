// Owns one TCP socket of the data plane: reading without a buffer per read, writing with backpressure, a deadline, and
// exactly one `onClose`. It knows no protocol. The owner may be swapped (an upgrade turns two connections into a tunnel).
//
// Reads land in the loop's shared buffer, which the owner must use up before it returns. A connection that streams a
// body reads into a private, larger buffer instead; then bytes go to the peer without a copy, and while such a write is
// pending the source must stay paused, because the kernel still reads from that buffer.

import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type Address, unmapIPv4 } from '../core/address.ts';
import { type DirectReader, readDirectly } from './direct-read.ts';
import { type DirectWaiter, directHandle, type Handle, ORDINARY, PENDING, TAKEN, writeDirect } from './direct-write.ts';
import type { Expiring, NetLoop } from './loop.ts';
import type { ProxyHeader } from './proxy-protocol.ts';

export interface ConnOwner {
  onConnect(): void;
  /** `buffer[0, length)` is valid until the call returns. */
  onData(buffer: Buffer, length: number): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** A `send…` that returned false has been taken by the kernel. */
  onDrain(): void;
  /** Once, whoever closed. `error` has a code such as ECONNRESET when it was not a clean close. */
  onClose(error: NodeJS.ErrnoException | undefined): void;
  onDeadline(): void;
}

/** A place that the connection takes up; given back when it closes. */
export interface Ticket {
  leave(): void;
}

/** Whoever has a connection; which one may be known later. */
export interface HasConn {
  readonly conn: Conn;
}

/** What may wait in the kernel's stead before the producer has to stop; Node's own mark for sockets. */
const DIRECT_PENDING_BYTES = 64 * 1024;

/** Up to here a text copy is cheaper than anything cleverer: Node hands short strings to the kernel from the stack. */
const TEXT_BYTES = 16 * 1024;

type Carrier = net.Socket & { conn: Conn };

// Node calls the generator at set-up (give it the shared buffer) and after every read (keep, or switch buffers).
let settingUp: NetLoop | undefined;
let nextBuffer: Buffer | undefined;
const bufferGenerator = (): Buffer | undefined => {
  if (settingUp !== undefined) return settingUp.shared;
  const next = nextBuffer;
  nextBuffer = undefined;
  return next;
};
function onRead(this: unknown, count: number, buffer: Uint8Array): boolean {
  const conn = (this as Carrier).conn;
  if (!conn.closed) conn.owner.onData(buffer as Buffer, count);
  nextBuffer = conn.takeNextBuffer();
  return true;
}

function onSocketError(this: Carrier, error: NodeJS.ErrnoException): void {
  this.conn.error = error;
}
function onSocketClose(this: Carrier): void {
  this.conn.finish();
}
function onSocketDrain(this: Carrier): void {
  this.conn.drained();
}
function onSocketEnd(this: Carrier): void {
  if (!this.conn.closed) this.conn.owner.onEnd();
}
function onSocketConnect(this: Carrier): void {
  this.conn.connected();
  if (!this.conn.closed) this.conn.owner.onConnect();
}
function onPlainData(this: Carrier, chunk: Buffer): void {
  if (!this.conn.closed) this.conn.owner.onData(chunk, chunk.length);
}

export class Conn implements Expiring, DirectWaiter, DirectReader {
  readonly loop: NetLoop;
  owner: ConnOwner;
  socket!: net.Socket;
  deadline = 0;
  error: NodeJS.ErrnoException | undefined;
  closed = false;
  ticket: Ticket | undefined;
  /** What a trusted proxy said in front of everything about who is behind it. */
  proxied: ProxyHeader | undefined;
  /** A send returned false and `onDrain` has not been called yet. */
  blocked = false;
  paused = false;
  /** Reads go into this buffer; undefined while they go into the shared one. */
  #own: Buffer | undefined;
  #wanted: Buffer | undefined;
  /** What reads land in right now. */
  #reading: Buffer;
  /** Built with `onread`: reads land in buffers of ours. */
  #ownReads = true;
  #leaving = false;
  #written: (() => void) | undefined;
  #handle: Handle | undefined;
  /** Direct writes that the kernel has not taken yet. */
  #direct = 0;
  #noDelay = false;
  /** The stream machinery may hold writes back; asking it costs two more objects, so this remembers. */
  #streaming = false;

  private constructor(loop: NetLoop, owner: ConnOwner) {
    this.loop = loop;
    this.owner = owner;
    this.#reading = loop.shared;
  }

  /** Takes over an accepted handle (see `adopt.ts`). */
  static fromHandle(loop: NetLoop, handle: unknown, owner: ConnOwner): Conn {
    const conn = new Conn(loop, owner);
    settingUp = loop;
    const options = {
      handle,
      allowHalfOpen: true,
      manualStart: true,
      onread: { buffer: bufferGenerator, callback: onRead },
    };
    conn.#attach(new net.Socket(options as unknown as net.SocketConstructorOpts));
    settingUp = undefined;
    conn.connected();
    conn.socket.read(0);
    return conn;
  }

  /** Takes over an accepted socket of the plain stream kind: the portable path. */
  static fromSocket(loop: NetLoop, socket: net.Socket, owner: ConnOwner): Conn {
    const conn = new Conn(loop, owner);
    conn.#ownReads = false;
    conn.#attach(socket);
    conn.connected();
    socket.on('data', onPlainData);
    return conn;
  }

  static dial(loop: NetLoop, address: Address, owner: ConnOwner): Conn {
    const conn = new Conn(loop, owner);
    settingUp = loop;
    const socket = net.connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      allowHalfOpen: true,
      onread: { buffer: bufferGenerator as () => Uint8Array, callback: onRead },
    });
    settingUp = undefined;
    conn.#attach(socket);
    socket.on('connect', onSocketConnect);
    return conn;
  }

  #attach(socket: net.Socket): void {
    this.socket = socket;
    (socket as Carrier).conn = this;
    socket.on('error', onSocketError);
    socket.on('close', onSocketClose);
    socket.on('drain', onSocketDrain);
    socket.on('end', onSocketEnd);
    this.loop.watch(this);
  }

  /** The socket can be written to. */
  connected(): void {
    this.#handle = directHandle(this.socket);
    if (this.#ownReads) readDirectly(this.socket, this);
  }

  onDirectRead(count: number): Buffer | undefined {
    if (!this.closed) this.owner.onData(this.#reading, count);
    return this.takeNextBuffer();
  }

  /** The other end: the socket's peer, or whom a trusted proxy named. */
  get remote(): Address {
    const { socket, proxied } = this;
    return proxied?.source ?? { host: unmapIPv4(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
  }

  /** The address that the other end reached. */
  get local(): Address {
    const { socket, proxied } = this;
    return proxied?.destination ?? { host: unmapIPv4(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
  }

  /** Bytes that the kernel has not taken yet. */
  get pending(): number {
    return this.socket.writableLength + this.#direct;
  }

  /** Small writes go out at once even while earlier ones are not acknowledged (no Nagle). Dialled sockets have it from the start. */
  noDelay(): void {
    if (this.#noDelay || this.closed) return;
    this.#noDelay = true;
    this.socket.setNoDelay(true);
  }

  /** Arms the deadline, `ms` from the current sweep; 0 disarms. */
  expireIn(ms: number): void {
    this.deadline = ms === 0 ? 0 : this.loop.now + ms;
  }

  expire(): void {
    if (!this.closed) this.owner.onDeadline();
  }

  /** Latin-1 text: every character is one byte. */
  sendText(text: string): boolean {
    const handle = this.#handle;
    if (handle !== undefined && !this.closed && (!this.#streaming || this.#streamed())) {
      const result = writeDirect(handle, text, this);
      if (result === TAKEN) return true;
      if (result === PENDING) return this.#pendingDirect(handle);
      if (result !== ORDINARY) return this.#failed(result);
    }
    const accepted = this.socket.write(text, 'latin1');
    this.#streaming = true;
    if (accepted) return true;
    this.blocked = true;
    return false;
  }

  /** The stream holds nothing back any more. */
  #streamed(): boolean {
    if (this.socket.writableLength > 0) return false;
    this.#streaming = false;
    return true;
  }

  #pendingDirect(handle: Handle): boolean {
    this.#direct++;
    if (handle.writeQueueSize < DIRECT_PENDING_BYTES) return true;
    this.blocked = true;
    return false;
  }

  /** A write that failed: the peer is gone. Told later, as the stream would, because the caller is in the middle of something. */
  #failed(status: number): boolean {
    this.blocked = true;
    const error: NodeJS.ErrnoException = new Error('write failed');
    error.code = getSystemErrorName(status);
    this.socket.destroy(error);
    return false;
  }

  onDirectWritten(status: number): void {
    this.#direct--;
    if (this.closed) return;
    if (status < 0) this.#failed(status);
    else this.drained();
  }

  /** Text and then bytes in one system call. The bytes are copied when they may outlive the call. */
  sendTextAndBytes(text: string, buffer: Buffer, start: number, end: number): boolean {
    if (end - start <= TEXT_BYTES) return this.sendText(text + buffer.latin1Slice(start, end));
    const socket = this.socket;
    socket.cork();
    socket.write(text, 'latin1');
    const accepted = socket.write(Buffer.from(buffer.subarray(start, end)));
    socket.uncork();
    this.#streaming = socket.writableLength > 0;
    if (accepted || !this.#streaming) return true;
    this.blocked = true;
    return false;
  }

  /** `frame`, when given, encloses the bytes: a chunk header before and CRLF after. */
  sendBytes(source: Conn, buffer: Buffer, start: number, end: number, frame = ''): boolean {
    if (end === start) return !this.blocked;
    if (frame !== '') return this.#sendFramed(source, buffer, start, end, frame);
    if (!source.ownsBuffer(buffer)) {
      if (end - start <= TEXT_BYTES) return this.sendText(buffer.latin1Slice(start, end));
      return this.#sendBuffer(Buffer.from(buffer.subarray(start, end)));
    }
    return this.#sendBuffer(buffer.subarray(start, end));
  }

  #sendFramed(source: Conn, buffer: Buffer, start: number, end: number, frame: string): boolean {
    if (end - start <= TEXT_BYTES) return this.sendText(`${frame}${buffer.latin1Slice(start, end)}\r\n`);
    const bytes = source.ownsBuffer(buffer) ? buffer.subarray(start, end) : Buffer.from(buffer.subarray(start, end));
    this.socket.cork();
    this.socket.write(frame, 'latin1');
    this.socket.write(bytes);
    this.socket.write(CRLF, this.#whenWritten());
    this.socket.uncork();
    return this.#takenAtOnce();
  }

  #sendBuffer(bytes: Buffer): boolean {
    this.socket.write(bytes, this.#whenWritten());
    return this.#takenAtOnce();
  }

  #whenWritten(): () => void {
    this.#written ??= () => {
      if (this.socket.writableLength === 0) this.drained();
    };
    return this.#written;
  }

  /** False unless the kernel took everything at once, so that a private buffer is never overwritten too early. */
  #takenAtOnce(): boolean {
    if (this.socket.writableLength === 0) return true;
    this.#streaming = true;
    this.blocked = true;
    return false;
  }

  drained(): void {
    if (!this.blocked || this.closed || this.socket.writableLength > 0 || this.#direct > 0) return;
    this.blocked = false;
    this.owner.onDrain();
  }

  ownsBuffer(buffer: Buffer): boolean {
    return buffer === this.#own || buffer.buffer !== this.loop.shared.buffer;
  }

  /** From the next read on, read into a private buffer: a long body follows. */
  beginBody(): void {
    if (this.#own === undefined) this.#wanted = this.#own = this.loop.borrow();
    this.#leaving = false;
  }

  /** The body is over. `pinned`: a write from the private buffer may still be pending, so it must not be reused. */
  endBody(pinned: boolean): void {
    if (this.#own === undefined) return;
    if (!pinned) this.loop.release(this.#own);
    this.#own = undefined;
    this.#wanted = undefined;
    this.#leaving = true;
  }

  takeNextBuffer(): Buffer | undefined {
    const next = this.#wanted ?? (this.#leaving ? this.loop.shared : undefined);
    if (next === undefined) return undefined;
    this.#wanted = undefined;
    this.#leaving = false;
    this.#reading = next;
    return next;
  }

  pause(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    this.socket.resume();
  }

  /** Sends what is pending, then FIN; reading goes on until the peer closes or the deadline passes. */
  end(): void {
    if (!this.closed) this.socket.end();
  }

  /** Closes now. What was not taken by the kernel yet is lost. */
  destroy(): void {
    if (this.closed) return;
    this.socket.destroy();
    this.finish();
  }

  /** Closes with RST, so that the peer cannot take what it has for the whole. */
  reset(): void {
    if (this.closed) return;
    this.socket.resetAndDestroy();
    this.finish();
  }

  finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.deadline = 0;
    this.loop.unwatch(this);
    this.ticket?.leave();
    this.owner.onClose(this.error);
    this.#own = undefined;
  }
}

const CRLF = Buffer.from('\r\n');
