// Owns one TCP connection of a DNS client (RFC 7766): frames of two bytes of length and a message, any number of them, answered in
// turn; zone transfers between them. It reads no further while answers wait, so that its memory is bounded.
//
//   idle ──frame──▶ answering ──▶ idle      idle for too long, peer's end, drain ──▶ ending ──all is sent──▶ closed
//            └─AXFR─▶ transferring (reading is paused) ──last message──▶ idle

import { D, L } from '../core/counters.ts';
import type { Conn } from '../net/conn.ts';
import type { FreshOwner } from '../net/tcp-listener.ts';
import { countQuery, logQuery } from './account.ts';
import { type DnsContext, type DnsHandler, plainAddress } from './context.ts';
import { type Answerer, MOST_TCP } from './engine/answerer.ts';
import type { DnsClient } from './engine/settings.ts';
import { Transfer } from './engine/transfer.ts';
import { SLACK } from './wire/writer.ts';

export interface SessionHost {
  readonly ctx: DnsContext;
  readonly slot: number;
  readonly handler: DnsHandler;
  readonly answerer: Answerer;
  ended(session: DnsSession): void;
}

/** One message with its length before it: used up at once, as a connection copies what it sends. */
const out: Buffer = Buffer.allocUnsafeSlow(2 + MOST_TCP + SLACK);

export class DnsSession implements FreshOwner {
  readonly #host: SessionHost;
  readonly #client: DnsClient = { address: '', transport: 'tcp' };
  #conn: Conn | undefined;
  /** Bytes of frames that are not complete, or not answered yet. */
  #kept: Buffer | undefined;
  #transfer: Transfer | undefined;
  #ending = false;

  constructor(host: SessionHost) {
    this.#host = host;
  }

  get busy(): boolean {
    return this.#transfer !== undefined;
  }

  attach(conn: Conn): void {
    this.#conn = conn;
    this.#client.address = plainAddress(conn.remote.host);
    conn.noDelay();
    this.#rest();
  }

  /** Ends when what runs is done. */
  drain(): void {
    this.#ending = true;
    if (!this.busy && !this.#conn!.blocked) this.#end();
  }

  cut(): void {
    this.#conn?.destroy();
  }

  onConnect(): void {}

  onData(buffer: Buffer, length: number): void {
    if (this.#ending) return;
    const data = buffer.subarray(0, length);
    const all = this.#kept === undefined ? data : Buffer.concat([this.#kept, data]);
    this.#kept = undefined;
    this.#take(all);
  }

  /** The peer may have asked before it ended: what waits is still answered. */
  onEnd(): void {
    this.#ending = true;
    if (!this.busy && !this.#conn!.blocked) this.#end();
  }

  onDrain(): void {
    if (this.#conn!.closed) return;
    if (this.#transfer !== undefined) this.#sendTransfer();
    if (this.#transfer !== undefined || this.#conn!.blocked) return;
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) this.#take(kept);
    if (this.busy || this.#conn!.blocked) return;
    if (this.#ending) this.#end();
    else this.#conn!.resume();
  }

  onDeadline(): void {
    if (this.#kept !== undefined || this.#transfer !== undefined || this.#conn!.blocked)
      this.#host.ctx.counters.error(this.#host.slot, 'dns-slow-client');
    this.#conn!.destroy();
  }

  onClose(): void {
    this.#transfer = undefined;
    this.#kept = undefined;
    this.#host.ended(this);
  }

  #end(): void {
    if (this.#conn!.closed) return;
    this.#conn!.end();
    this.#conn!.expireIn(this.#host.handler.config.tcp.idleMs);
  }

  #rest(): void {
    this.#conn!.expireIn(this.#host.handler.config.tcp.idleMs);
  }

  /** Answers the complete frames at the beginning of `all` and keeps the rest. */
  #take(all: Buffer): void {
    const conn = this.#conn!;
    let at = 0;
    while (at + 2 <= all.length && !conn.blocked && !this.busy && !conn.closed) {
      const end = at + 2 + ((all[at] << 8) | all[at + 1]);
      if (end > all.length) break;
      if (!this.#answer(all.subarray(at + 2, end))) return conn.destroy();
      at = end;
    }
    if (conn.closed) return;
    if (at < all.length) this.#kept = Buffer.from(all.subarray(at));
    if (at > 0) this.#rest();
    if (conn.blocked || this.busy) conn.pause();
  }

  /** False when the client deserves no more. */
  #answer(packet: Buffer): boolean {
    const { ctx, slot, answerer } = this.#host;
    const traced = ctx.tracer?.picks === true;
    const told = traced || ctx.log !== undefined;
    const begun = told ? ctx.env.clock.now() : 0;
    const length = answerer.answer(packet, packet.length, this.#client, out, 2);
    const { transfer } = answerer;
    if (transfer !== undefined) {
      answerer.rcode = 0;
      ctx.counters.dns(D.transfers);
      this.#transfer = new Transfer(answerer.settings.zones, transfer, answerer.query, packet);
    }
    // Before the answer goes out: whoever has it finds it counted, though another thread is asked.
    countQuery(ctx, slot, answerer, 'tcp', packet.length, length);
    if (transfer === undefined && length > 0) this.#send(length);
    if (told) logQuery(ctx, answerer, this.#client.address, 'tcp', begun, packet.length, length, traced);
    if (transfer !== undefined) this.#sendTransfer();
    return length > 0 || transfer !== undefined;
  }

  #send(length: number): boolean {
    out[0] = length >> 8;
    out[1] = length;
    return this.#conn!.sendTextAndBytes('', out, 0, length + 2);
  }

  /** As many messages as the kernel takes; `onDrain` goes on. */
  #sendTransfer(): void {
    const { ctx, slot, answerer } = this.#host;
    const conn = this.#conn!;
    while (this.#transfer !== undefined && !conn.blocked && !conn.closed) {
      const length = this.#transfer.next(out, 2, answerer.lookup);
      if (length === 0) this.#transfer = undefined;
      else {
        ctx.counters.listener(slot, L.bytesOut, length);
        this.#rest();
        this.#send(length);
      }
    }
  }
}
