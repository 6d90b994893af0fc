// Owns one DNS address of one worker: its UDP socket, its listening TCP socket and the connections of that. It swaps the handler
// on reload and drains. What a query is answered with is the engine's.

import type { RemoteInfo } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import { L } from '../core/counters.ts';
import type { Ticket } from '../net/conn.ts';
import type { Datagrams, SocketOwner } from '../net/datagrams.ts';
import type { SocketFd } from '../net/inherited-sockets.ts';
import type { Listener, ListenOptions } from '../net/listener.ts';
import { type Acceptor, type FreshOwner, TcpListener } from '../net/tcp-listener.ts';
import { countQuery, logQuery } from './account.ts';
import { type DnsContext, type DnsHandler, plainAddress } from './context.ts';
import { Answerer } from './engine/answerer.ts';
import type { DnsClient } from './engine/settings.ts';
import { DnsSession, type SessionHost } from './session.ts';
import { SLACK } from './wire/writer.ts';

const SLAB_BYTES = 64 * 1024;
const BUFFER_BYTES = 4 * 1024 * 1024;
/** How often a free port is looked for that both protocols can have. */
const PORT_ATTEMPTS = 20;

export class DnsListener implements Listener<DnsHandler>, SocketOwner, Acceptor, Ticket, SessionHost {
  readonly ctx: DnsContext;
  /** Row of the counters. */
  readonly slot: number;
  handler: DnsHandler;
  readonly answerer: Answerer;
  readonly #sessions = new Set<DnsSession>();
  readonly #client: DnsClient = { address: '', transport: 'udp' };
  #udp: Datagrams | undefined;
  #tcp: TcpListener | undefined;
  #port = 0;
  #open = 0;
  #draining = false;
  /** Answers are written one behind the other, as the kernel may take one later; a full slab is left to the collector. */
  #slab: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(ctx: DnsContext, slot: number, handler: DnsHandler) {
    this.ctx = ctx;
    this.slot = slot;
    this.handler = handler;
    this.answerer = new Answerer(handler, ctx.tools);
  }

  async listen(address: Address, options: ListenOptions): Promise<void> {
    const host = isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host;
    for (let attempt = 1; ; attempt++) {
      const udp = this.#bindUdp(host, address, options);
      const tcp = new TcpListener(this.ctx.loop, this);
      try {
        await tcp.listen({ host, port: udp.port }, options);
      } catch (error) {
        udp.close();
        // Any free port: TCP may not have the one that UDP got.
        if (address.port === 0 && attempt < PORT_ATTEMPTS) continue;
        throw error;
      }
      this.#udp = udp;
      this.#tcp = tcp;
      this.#port = udp.port;
      return;
    }
  }

  #bindUdp(host: string, address: Address, options: ListenOptions): Datagrams {
    const settings = { reusePort: options.shared, bufferBytes: BUFFER_BYTES };
    const socket = this.ctx.openSocket(isIP(host) === 6 ? 6 : 4, this, settings);
    const code = socket.bind(host, address.port, options.given?.udp[0]);
    if (code === undefined) return socket;
    socket.close();
    throw Object.assign(new Error(`bind ${code} ${formatAddress(address)}`), { code });
  }

  get sockets(): readonly SocketFd[] {
    const { fd = -1 } = this.#udp ?? {};
    return [...(fd < 0 ? [] : [{ transport: 'udp' as const, fd }]), ...(this.#tcp?.sockets ?? [])];
  }

  get port(): number {
    return this.#port;
  }

  /** Zone transfers that run; all else is answered at once. */
  get requests(): number {
    let running = 0;
    for (const session of this.#sessions) if (session.busy) running++;
    return running;
  }

  get streams(): number {
    return 0;
  }

  swap(handler: DnsHandler): void {
    this.handler = handler;
    this.answerer.settings = handler;
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#udp?.close();
    this.#tcp?.close();
    for (const session of this.#sessions) session.drain();
  }

  cutRequests(): void {
    for (const session of this.#sessions) session.cut();
  }

  cutStreams(): void {}

  onDatagram(data: Buffer, from: RemoteInfo): void {
    const { answerer, ctx, handler, slot } = this;
    // Nobody can be answered there.
    if (from.port === 0) return ctx.counters.error(slot, 'dns-malformed');
    const traced = ctx.tracer?.picks === true;
    const told = traced || ctx.log !== undefined;
    const begun = told ? ctx.env.clock.now() : 0;
    const client = this.#client;
    client.address = plainAddress(from.address);
    const room = handler.config.ednsSize + SLACK;
    if (this.#used + room > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, room));
      this.#used = 0;
    }
    const at = this.#used;
    const length = answerer.answer(data, data.length, client, this.#slab, at);
    // Before the answer goes out: whoever has it finds it counted, though another thread is asked.
    countQuery(ctx, slot, answerer, 'udp', data.length, length);
    if (length > 0) {
      this.#used = at + length;
      this.#udp!.send([this.#slab.subarray(at, at + length)], from.port, from.address);
    }
    if (told) logQuery(ctx, answerer, client.address, 'udp', begun, data.length, length, traced);
  }

  onSocketError(_code: string): void {
    this.ctx.counters.error(this.slot, 'datagram-unsent');
  }

  accept(): Ticket | undefined {
    const { counters } = this.ctx;
    if (this.#draining || this.#open >= this.handler.config.tcp.connections) {
      counters.listener(this.slot, L.refused);
      counters.error(this.slot, 'too-many-connections');
      return undefined;
    }
    this.#open++;
    counters.listener(this.slot, L.accepted);
    counters.listener(this.slot, L.open);
    return this;
  }

  open(): FreshOwner {
    const session = new DnsSession(this);
    this.#sessions.add(session);
    return session;
  }

  /** A connection is gone. */
  leave(): void {
    this.#open--;
    this.ctx.counters.listener(this.slot, L.open, -1);
  }

  ended(session: DnsSession): void {
    this.#sessions.delete(session);
  }
}
