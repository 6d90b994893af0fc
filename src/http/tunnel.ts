// Owns two connections that became one pipe (an upgrade, such as a WebSocket): bytes both ways with backpressure, half
// closes passed on, an idle deadline, and one end for both.

import type { Conn, ConnOwner } from '../net/conn.ts';

class Side implements ConnOwner {
  readonly #tunnel: Tunnel;
  readonly self: Conn;
  peer!: Side;
  bytes = 0;
  ended = false;
  gone = false;

  constructor(tunnel: Tunnel, self: Conn) {
    this.#tunnel = tunnel;
    this.self = self;
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    this.bytes += length;
    this.#tunnel.touch();
    if (!this.peer.self.sendBytes(this.self, buffer, 0, length)) this.self.pause();
  }

  onDrain(): void {
    this.peer.self.resume();
  }

  onEnd(): void {
    this.ended = true;
    this.peer.self.end();
  }

  /** After a clean end both ways each socket closes by itself once it has sent what it still held. */
  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.gone = true;
    if (error !== undefined || !this.ended || this.peer.gone) this.#tunnel.close();
  }

  onDeadline(): void {
    this.#tunnel.close();
  }
}

export class Tunnel {
  readonly #client: Side;
  readonly #upstream: Side;
  readonly #idleMs: number;
  readonly #onDone: (bytesIn: number, bytesOut: number) => void;
  #open = true;

  /** `early` is what the upstream sent right after its 101. */
  constructor(client: Conn, upstream: Conn, idleMs: number, onDone: (bytesIn: number, bytesOut: number) => void) {
    this.#idleMs = idleMs;
    this.#onDone = onDone;
    this.#client = new Side(this, client);
    this.#upstream = new Side(this, upstream);
    this.#client.peer = this.#upstream;
    this.#upstream.peer = this.#client;
    client.owner = this.#client;
    upstream.owner = this.#upstream;
    this.touch();
    client.resume();
    upstream.resume();
  }

  /** Traffic either way keeps both sides alive. */
  touch(): void {
    this.#client.self.expireIn(this.#idleMs);
  }

  /** Bytes that the client sent before the tunnel stood. */
  fromClient(buffer: Buffer, start: number, end: number): void {
    if (end > start) this.#client.onData(Buffer.from(buffer.subarray(start, end)), end - start);
  }

  fromUpstream(buffer: Buffer, start: number, end: number): void {
    if (end > start) this.#upstream.onData(Buffer.from(buffer.subarray(start, end)), end - start);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#client.self.destroy();
    this.#upstream.self.destroy();
    this.#onDone(this.#client.bytes, this.#upstream.bytes);
  }
}
