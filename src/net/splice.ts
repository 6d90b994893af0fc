// Owns two connections that became one pipe: bytes both ways with backpressure, half closes passed on, an idle and a
// lifetime deadline, and one end for both. It never looks at a byte and never keeps one.
//
//   both open ──FIN of one──▶ half open (the other direction goes on) ──FIN of the other──▶ done
//        └────────────── reset, deadline, cut ──────────────▶ done

import type { Conn, ConnOwner } from './conn.ts';
import { type Expiring, type NetLoop, SHARED_READ_BYTES } from './loop.ts';

/** Who or what ended it first. */
export type SpliceEnd = 'client' | 'server' | 'idle' | 'lifetime' | 'cut';

export interface SpliceOwner {
  /** `up` is from the client to the server. */
  /** `buffer[0, length)` is what passed. */
  onPassed(up: boolean, buffer: Buffer, length: number): void;
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
    splice.passed(this.up, buffer, length);
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

  /** The splice has deadlines of its own. */
  onDeadline(): void {}
}

export class Splice implements Expiring {
  readonly client: Side;
  readonly server: Side;
  /** Undefined while it runs and nobody has ended his direction. */
  endReason: SpliceEnd | undefined;
  /** Of idleness or of the lifetime, whichever comes first. */
  deadline = 0;
  readonly #owner: SpliceOwner;
  readonly #loop: NetLoop;
  readonly #idleMs: number;
  /** Monotonic ms; Infinity when it may live for ever. */
  readonly #endsAt: number;
  /** Bytes that waited in this process at the last look, while nothing else moved. */
  #waiting = Number.POSITIVE_INFINITY;
  #open = true;

  /** `lifetimeMs` 0 means no limit. Both connections are taken over as they are, paused or not. */
  constructor(client: Conn, server: Conn, idleMs: number, lifetimeMs: number, owner: SpliceOwner) {
    this.#owner = owner;
    this.#loop = client.loop;
    this.#idleMs = idleMs;
    this.#endsAt = lifetimeMs === 0 ? Number.POSITIVE_INFINITY : client.loop.now + lifetimeMs;
    this.client = new Side(this, client, true);
    this.server = new Side(this, server, false);
    client.owner = this.client;
    server.owner = this.server;
    client.expireIn(0);
    server.expireIn(0);
    this.#loop.watch(this);
    this.touch();
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
    this.#waiting = Number.POSITIVE_INFINITY;
    this.deadline = Math.min(this.#loop.now + this.#idleMs, this.#endsAt);
  }

  /** Silence while bytes wait for a slow reader is none, as long as they become fewer. */
  expire(now: number): void {
    if (now >= this.#endsAt) return this.end('lifetime');
    const waiting = this.client.conn.pending + this.server.conn.pending;
    if (waiting === 0 || waiting >= this.#waiting) return this.end('idle');
    this.#waiting = waiting;
    this.deadline = Math.min(now + this.#idleMs, this.#endsAt);
  }

  passed(up: boolean, buffer: Buffer, length: number): void {
    this.touch();
    this.#owner.onPassed(up, buffer, length);
  }

  endedBy(client: boolean): void {
    this.endReason ??= client ? 'client' : 'server';
  }

  closed(side: Side, error: NodeJS.ErrnoException | undefined): void {
    if (!this.#open) return;
    this.endedBy(side.up);
    if (error === undefined && side.ended && !side.peer.gone) return;
    this.#finish();
    // What broke off on one side must not look complete on the other.
    side.peer.conn.reset();
    this.#owner.onSpliceEnd(this);
  }

  /** Ends it now. Unless nothing was moving, both sides can tell: a stream without framing would look whole. */
  end(reason: SpliceEnd): void {
    if (!this.#open) return;
    this.#finish();
    this.endReason ??= reason;
    const { client, server } = this;
    const whole = reason === 'idle' && client.conn.pending + server.conn.pending === 0;
    for (const { conn } of [client, server]) {
      if (whole) conn.destroy();
      else conn.reset();
    }
    this.#owner.onSpliceEnd(this);
  }

  #finish(): void {
    this.#open = false;
    this.#loop.unwatch(this);
  }
}
