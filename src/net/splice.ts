// Owns two connections that became one pipe: bytes both ways with backpressure, half closes passed on, an idle and a
// lifetime deadline, and one end for both. It never looks at a byte and never keeps one.
//
//   both open ──FIN of one──▶ half open (the other direction goes on) ──FIN of the other──▶ done
//        └────────────── reset, deadline, cut ──────────────▶ done

import type { Conn, ConnOwner } from './conn.ts';
import { SHARED_READ_BYTES } from './loop.ts';

/** Who or what ended it first. */
export type SpliceEnd = 'client' | 'server' | 'idle' | 'lifetime' | 'cut';

export interface SpliceOwner {
  /** `up` is from the client to the server. */
  onPassed(up: boolean, bytes: number): void;
  /** Once; both connections are closed or closing. */
  onSpliceEnd(splice: Splice): void;
}

/** A reader that gets less than this at once is no bulk transfer any more and gives its large buffer back. */
const BULK_BYTES = SHARED_READ_BYTES / 4;

class Side implements ConnOwner {
  readonly splice: Splice;
  readonly conn: Conn;
  readonly up: boolean;
  bytes = 0;
  bulk = false;
  ended = false;
  gone = false;

  constructor(splice: Splice, conn: Conn, up: boolean) {
    this.splice = splice;
    this.conn = conn;
    this.up = up;
  }

  get peer(): Side {
    return this.up ? this.splice.server : this.splice.client;
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    const { conn, splice } = this;
    this.bytes += length;
    splice.passed(this.up, length);
    const taken = this.peer.conn.sendBytes(conn, buffer, 0, length);
    if (!taken) conn.pause();
    if (this.bulk) {
      if (length >= BULK_BYTES) return;
      conn.endBody(!taken);
      this.bulk = false;
    } else if (length === SHARED_READ_BYTES) {
      conn.beginBody();
      this.bulk = true;
    }
  }

  onDrain(): void {
    this.splice.touch();
    this.peer.conn.resume();
  }

  onEnd(): void {
    this.ended = true;
    this.splice.endedBy(this.up);
    this.peer.conn.end();
  }

  /** After a clean end both ways each socket closes by itself once it has sent what it still held. */
  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.gone = true;
    this.splice.closed(this, error);
  }

  onDeadline(): void {
    this.splice.end(this.up ? 'idle' : 'lifetime');
  }
}

export class Splice {
  readonly client: Side;
  readonly server: Side;
  /** Undefined while it runs and nobody has ended his direction. */
  endReason: SpliceEnd | undefined;
  readonly #owner: SpliceOwner;
  readonly #idleMs: number;
  #open = true;

  /** `lifetimeMs` 0 means no limit. Both connections are taken over as they are, paused or not. */
  constructor(client: Conn, server: Conn, idleMs: number, lifetimeMs: number, owner: SpliceOwner) {
    this.#owner = owner;
    this.#idleMs = idleMs;
    this.client = new Side(this, client, true);
    this.server = new Side(this, server, false);
    client.owner = this.client;
    server.owner = this.server;
    client.expireIn(idleMs);
    server.expireIn(lifetimeMs);
    client.resume();
    server.resume();
  }

  /** Bytes that the client sent before there was a pipe. */
  fromClient(buffer: Buffer, start: number, end: number): void {
    if (end > start) this.client.onData(Buffer.from(buffer.subarray(start, end)), end - start);
  }

  fromServer(buffer: Buffer, start: number, end: number): void {
    if (end > start) this.server.onData(Buffer.from(buffer.subarray(start, end)), end - start);
  }

  /** Traffic either way keeps both sides alive. */
  touch(): void {
    this.client.conn.expireIn(this.#idleMs);
  }

  passed(up: boolean, bytes: number): void {
    this.touch();
    this.#owner.onPassed(up, bytes);
  }

  endedBy(client: boolean): void {
    this.endReason ??= client ? 'client' : 'server';
  }

  closed(side: Side, error: NodeJS.ErrnoException | undefined): void {
    if (!this.#open) return;
    this.endedBy(side.up);
    if (error === undefined && side.ended && !side.peer.gone) return;
    this.#open = false;
    // What broke off on one side must not look complete on the other.
    side.peer.conn.reset();
    this.#owner.onSpliceEnd(this);
  }

  /** Ends it now. Unless nothing was moving, both sides can tell: a stream without framing would look whole. */
  end(reason: SpliceEnd): void {
    if (!this.#open) return;
    this.#open = false;
    this.endReason ??= reason;
    for (const { conn } of [this.client, this.server]) {
      if (reason === 'idle') conn.destroy();
      else conn.reset();
    }
    this.#owner.onSpliceEnd(this);
  }
}
