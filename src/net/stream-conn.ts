// Owns a connection over Node's own socket stream: the portable way, used where Node's inner handles do not look or behave
// as known. Slower, and otherwise no different.

import * as net from 'node:net';
import { type Address, unmapIPv4 } from '../core/address.ts';
import { Conn, type ConnOwner } from './conn.ts';
import type { NetLoop } from './loop.ts';

export class StreamConn extends Conn {
  #socket: net.Socket;
  /** Beneath whatever covers it: only a plain socket can be reset. */
  readonly #plain: net.Socket;
  #written: (() => void) | undefined;

  constructor(loop: NetLoop, socket: net.Socket, owner: ConnOwner) {
    super(loop, owner);
    this.#socket = socket;
    this.#plain = socket;
    this.#listen(socket);
    loop.watch(this);
  }

  #listen(socket: net.Socket): void {
    const isOurs = (): boolean => this.#socket === socket && !this.closed;
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      if (isOurs()) this.finish();
    });
    socket.on('end', () => {
      if (isOurs()) this.owner.onEnd();
    });
    socket.on('connect', () => {
      if (isOurs()) this.owner.onConnect();
    });
    socket.on('data', (chunk: Buffer) => {
      if (isOurs()) this.owner.onData(chunk, chunk.length);
    });
  }

  /** From now on bytes go through what `layer` makes of this connection's socket (TLS). */
  cover(layer: (socket: net.Socket) => net.Socket): void {
    this.#socket.removeAllListeners('data');
    this.#socket = layer(this.#socket);
    this.#listen(this.#socket);
  }

  static dial(loop: NetLoop, address: Address, owner: ConnOwner): StreamConn {
    const { host, port } = address;
    return new StreamConn(loop, net.connect({ host, port, noDelay: true, allowHalfOpen: true }), owner);
  }

  get peer(): Address {
    return { host: unmapIPv4(this.#socket.remoteAddress ?? ''), port: this.#socket.remotePort ?? 0 };
  }

  protected get own(): Address {
    return { host: unmapIPv4(this.#socket.localAddress ?? ''), port: this.#socket.localPort ?? 0 };
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  noDelay(): void {
    if (!this.closed) this.#socket.setNoDelay(true);
  }

  sendText(text: string): boolean {
    if (this.#socket.write(text, 'latin1', this.#whenWritten())) return true;
    this.blocked = true;
    return false;
  }

  protected sendBuffer(bytes: Buffer): boolean {
    this.#socket.write(bytes, this.#whenWritten());
    return this.#takenAtOnce();
  }

  protected sendBuffers(parts: Buffer[]): boolean {
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part, part === parts.at(-1) ? this.#whenWritten() : undefined);
    this.#socket.uncork();
    return this.#takenAtOnce();
  }

  #whenWritten(): () => void {
    this.#written ??= () => this.drained();
    return this.#written;
  }

  #takenAtOnce(): boolean {
    if (this.#socket.writableLength === 0) return true;
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
    this.#socket.pause();
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    this.#socket.resume();
  }

  end(): void {
    if (!this.closed) this.#socket.end();
  }

  destroy(): void {
    if (this.closed) return;
    this.#socket.destroy();
    this.finish();
  }

  reset(): void {
    if (this.closed) return;
    if (this.#socket === this.#plain) this.#plain.resetAndDestroy();
    // Within a callback of TLS nothing may be closed under it.
    else setImmediate(() => this.#resetBoth());
    this.finish();
  }

  #resetBoth(): void {
    this.#plain.resetAndDestroy();
    this.#socket.destroy();
  }
}
