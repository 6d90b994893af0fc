// Owns what one TCP connection of the data plane is to its owner: bytes in, bytes out with backpressure, a deadline, and
// exactly one `onClose`. It knows no protocol. The owner may be swapped (an upgrade turns two connections into a pipe).
// How the bytes move is `handle-conn.ts` (fast) or `stream-conn.ts` (portable).
//
// Reads land in the loop's shared buffer, which the owner must use up before it returns. A connection that streams a
// body reads into a private, larger buffer instead; then bytes go to the peer without a copy, and while such a write is
// pending the source must stay paused, because the kernel still reads from that buffer.

import type { Address } from '../core/address.ts';
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

/** What is known of a connection that is encrypted. */
export interface TlsFacts {
  /** Whom the client asked for, lower case; '' when it named nobody. */
  readonly serverName: string;
  /** The protocol that both sides agreed on; '' when none was. */
  readonly alpn: string;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  readonly resumed: boolean;
  /** The peer's certificate, if it showed one and it was verified. */
  readonly peer: TlsPeer | undefined;
}

export interface TlsPeer {
  /** One line, RFC 4514 order as OpenSSL prints it. */
  readonly subject: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
}

/** Whoever has a connection; which one may be known later. */
export interface HasConn {
  readonly conn: Conn;
}

/** Up to here a text copy is cheaper than anything cleverer: Node hands short strings to the kernel from the stack. */
const TEXT_BYTES = 16 * 1024;
const CRLF = Buffer.from('\r\n');

export abstract class Conn implements Expiring {
  readonly loop: NetLoop;
  owner: ConnOwner;
  deadline = 0;
  error: NodeJS.ErrnoException | undefined;
  closed = false;
  /** A send returned false and `onDrain` has not been called yet. */
  blocked = false;
  paused = false;
  ticket: Ticket | undefined;
  /** What a trusted proxy said in front of everything about who is behind it. */
  proxied: ProxyHeader | undefined;
  /** Undefined: in the clear. */
  tls: TlsFacts | undefined;

  constructor(loop: NetLoop, owner: ConnOwner) {
    this.loop = loop;
    this.owner = owner;
  }

  /** The socket's own ends, whatever a proxy says. */
  abstract get peer(): Address;
  protected abstract get own(): Address;

  /** The other end: the socket's peer, or whom a trusted proxy named. */
  get remote(): Address {
    return this.proxied?.source ?? this.peer;
  }

  /** The address that the other end reached. */
  get local(): Address {
    return this.proxied?.destination ?? this.own;
  }

  /** Bytes that the kernel has not taken yet. */
  abstract get pending(): number;

  /** Small writes go out at once even while earlier ones are not acknowledged (no Nagle). Dialled connections have it from the start. */
  abstract noDelay(): void;

  /** Arms the deadline; 0 disarms it. */
  expireIn(ms: number): void {
    this.deadline = ms === 0 ? 0 : this.loop.now + ms;
  }

  expire(): void {
    if (!this.closed) this.owner.onDeadline();
  }

  // The senders return false when the caller should stop until `onDrain`.

  /** Latin-1 text: every character is one byte. */
  abstract sendText(text: string): boolean;
  /** False unless the kernel took everything at once, so that a private buffer is never overwritten too early. */
  protected abstract sendBuffer(bytes: Buffer): boolean;
  /** As `sendBuffer`, in one system call. */
  protected abstract sendBuffers(parts: Buffer[]): boolean;

  /** Text and then bytes in one system call. The bytes are copied when they may outlive the call. */
  sendTextAndBytes(text: string, buffer: Buffer, start: number, end: number): boolean {
    if (end - start <= TEXT_BYTES) return this.sendText(text + buffer.latin1Slice(start, end));
    return this.sendCopy(text, buffer, start, end, '');
  }

  /** Bytes that the caller is going to change, between two texts. */
  protected sendCopy(before: string, buffer: Buffer, start: number, end: number, behind: string): boolean {
    const bytes = Buffer.from(buffer.subarray(start, end));
    if (before === '' && behind === '') return this.sendBuffer(bytes);
    const parts = [Buffer.from(before, 'latin1'), bytes];
    return this.sendBuffers(behind === '' ? parts : [...parts, Buffer.from(behind, 'latin1')]);
  }

  /** As `sendTextAndBytes`, with bytes that nobody will change. */
  sendTextAndOwned(text: string, bytes: Buffer): boolean {
    if (bytes.length <= TEXT_BYTES) return this.sendText(text + bytes.latin1Slice(0, bytes.length));
    return this.sendBuffers([Buffer.from(text, 'latin1'), bytes]);
  }

  /** Bytes that nobody will change. */
  sendOwned(bytes: Buffer): boolean {
    return this.sendBuffer(bytes);
  }

  /** `frame`, when given, encloses the bytes: a chunk header before and CRLF after. */
  sendBytes(source: Conn, buffer: Buffer, start: number, end: number, frame = ''): boolean {
    if (end === start) return !this.blocked;
    const short = end - start <= TEXT_BYTES;
    if (frame !== '' && short) return this.sendText(`${frame}${buffer.latin1Slice(start, end)}\r\n`);
    const owned = source.ownsBuffer(buffer);
    if (short && !owned) return this.sendText(buffer.latin1Slice(start, end));
    if (!owned) return this.sendCopy(frame, buffer, start, end, frame === '' ? '' : '\r\n');
    const bytes = buffer.subarray(start, end);
    return frame === '' ? this.sendBuffer(bytes) : this.sendBuffers([Buffer.from(frame, 'latin1'), bytes, CRLF]);
  }

  /** The bytes stay as they are until this connection is read from again. */
  abstract ownsBuffer(buffer: Buffer): boolean;

  /** From the next read on, read into a private buffer: a long body follows. */
  abstract beginBody(): void;

  /** The body is over. `pinned`: a write from the private buffer may still be pending, so it must not be reused. */
  abstract endBody(pinned: boolean): void;

  abstract pause(): void;
  abstract resume(): void;

  /** Sends what is pending, then FIN; reading goes on until the peer closes or the deadline passes. */
  abstract end(): void;

  /** Closes now. What was not taken by the kernel yet is lost. */
  abstract destroy(): void;

  /** Closes with RST, so that the peer cannot take what it has for the whole. */
  abstract reset(): void;

  protected drained(): void {
    if (!this.blocked || this.closed || this.pending > 0) return;
    this.blocked = false;
    this.owner.onDrain();
  }

  protected finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.deadline = 0;
    this.loop.unwatch(this);
    this.ticket?.leave();
    this.owner.onClose(this.error);
  }
}
