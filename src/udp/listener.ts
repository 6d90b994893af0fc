// Owns one UDP listener of one worker: its socket, its flows, and what leads from one to the other. It believes PROXY headers
// of those that must send them, swaps the handler on reload, drains. It never throws for what comes from outside.
//
//   bound ──drain()──▶ draining (unknown senders are dropped) ──last flow ended, or cutStreams()──▶ closed

import type { RemoteInfo } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress, unmapIPv4 } from '../core/address.ts';
import { E, L, P } from '../core/counters.ts';
import type { ErrorCode } from '../core/error.ts';
import type { Datagrams, SocketOwner } from '../net/datagrams.ts';
import { isOurs } from '../net/dial-error.ts';
import type { SocketFd } from '../net/inherited-sockets.ts';
import type { Listener, ListenOptions } from '../net/listener.ts';
import type { Expiring } from '../net/loop.ts';
import { encodeV2, type ProxyHeader, parseProxyHeader } from '../net/proxy-protocol.ts';
import type { Lease } from '../pool/lease.ts';
import type { FlowEnding, UdpContext, UdpHandler } from './context.ts';
import { Flow, type FlowHost } from './flow.ts';
import { type FlowEnd, type FlowSink, FlowTable, REFUSED_CLOSED } from './flows.ts';
import { Names } from './names.ts';
import { SpareSockets } from './spares.ts';
import { Upstream, type UpstreamUser } from './upstream.ts';

/** What waits here while the event loop is busy; the kernel gives what its limits allow. */
const BUFFER_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 1000;

export class UdpListener implements Listener<UdpHandler>, SocketOwner, FlowSink, FlowHost, Expiring {
  readonly ctx: UdpContext;
  /** Row of the counters. */
  readonly slot: number;
  handler: UdpHandler;
  deadline = 0;
  readonly #table: FlowTable;
  readonly #flows: (Flow | undefined)[] = [];
  readonly #spares = new SpareSockets();
  readonly #names: Names;
  #socket: Datagrams | undefined;
  #host = '';
  /** Kept: the port of a closed socket cannot be asked for. */
  #port = 0;
  #draining = false;
  /** Why the table is told to close a flow. */
  #closing: FlowEnding = 'drain';

  constructor(ctx: UdpContext, slot: number, handler: UdpHandler) {
    this.ctx = ctx;
    this.slot = slot;
    this.handler = handler;
    this.#names = new Names(() => ctx.loop.now);
    this.#table = new FlowTable(handler.config.flow, this, ctx.env.random.u32());
  }

  async listen(address: Address, options: ListenOptions): Promise<void> {
    const host = isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host;
    const socket = this.ctx.openSocket(isIP(host) === 6 ? 6 : 4, this, {
      reusePort: options.shared,
      bufferBytes: BUFFER_BYTES,
    });
    const code = socket.bind(host, address.port, options.given?.udp[0]);
    if (code !== undefined) {
      socket.close();
      throw Object.assign(new Error(`bind ${code} ${formatAddress(address)}`), { code });
    }
    this.#socket = socket;
    this.#host = host;
    this.#port = socket.port;
    this.ctx.loop.watch(this);
    this.deadline = this.ctx.loop.now + LOOK_MS;
  }

  get sockets(): readonly SocketFd[] {
    const { fd = -1 } = this.#socket ?? {};
    return fd < 0 ? [] : [{ transport: 'udp', fd }];
  }

  get port(): number {
    return this.#port;
  }

  get requests(): number {
    return 0;
  }

  get streams(): number {
    return this.#table.size;
  }

  /** Sockets that rest, for the next flows. */
  get spares(): number {
    return this.#spares.size;
  }

  /** Running flows keep their endpoint if the new pool has it. */
  swap(handler: UdpHandler): void {
    this.handler = handler;
    this.#table.limits = handler.config.flow;
    this.#spares.retain(handler.pool.pool.endpoints);
    this.deadline = this.ctx.loop.now + 1;
  }

  /** The kernel cannot be told to take no new senders, so they are dropped. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#table.accepting = false;
    this.#closeWhenDone();
  }

  cutRequests(): void {}

  cutStreams(): void {
    this.#closing = 'drain';
    this.#table.closeAll();
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (!this.#draining || this.#table.size > 0) return;
    this.#spares.close();
    this.#socket?.close();
    this.ctx.loop.unwatch(this);
  }

  /** Silence is looked for when it is due, and once a second for what else grows old. */
  expire(now: number): void {
    this.#table.expire(now);
    this.#spares.expire(now);
    this.deadline = Math.min(now + LOOK_MS, this.#table.nextExpiry);
  }

  onDatagram(data: Buffer, from: RemoteInfo): void {
    const { counters, loop } = this.ctx;
    counters.listener(this.slot, L.bytesIn, data.length);
    // Nobody can be answered there.
    if (from.port === 0) return this.#refuse('bad-request');
    const { proxies } = this.handler;
    const sender = unmapIPv4(from.address);
    let host = sender;
    let { port } = from;
    let header: ProxyHeader | undefined;
    if (proxies?.has(sender)) {
      header = datagramHeader(data);
      if (header === undefined) return this.#refuse('bad-proxy-header');
      data = data.subarray(header.length);
      if (header.source !== undefined) ({ host, port } = header.source);
    }
    const id = this.#table.fromClient(host, port, header?.source !== undefined, loop.now);
    if (id < 0) return this.#refuse(id === REFUSED_CLOSED ? 'draining' : 'flow-table-full');
    const flow = this.#table.fresh ? this.#open(id, host, port, header) : this.#flows[id]!;
    flow.peerHost = from.address;
    flow.peerPort = from.port;
    flow.onClient(data);
  }

  #refuse(code: ErrorCode): void {
    this.ctx.counters.listener(this.slot, L.refused);
    this.lost(code);
  }

  #open(id: number, host: string, port: number, header: ProxyHeader | undefined): Flow {
    const { counters, loop } = this.ctx;
    const { pool, config } = this.handler;
    const flow = new Flow(this, id, host, port, this.#proxyHeaderFor(host, port, header));
    this.#flows[id] = flow;
    counters.listener(this.slot, L.accepted);
    counters.listener(this.slot, L.open);
    counters.pool(pool.slot, P.requests);
    pool.pool.retryBudget.onRequest(loop.now);
    const due = loop.now + config.flow.idleMs;
    if (due < this.deadline) this.deadline = due;
    return flow;
  }

  #proxyHeaderFor(host: string, port: number, header: ProxyHeader | undefined): Buffer | undefined {
    const { proxyProtocol } = this.handler.pool.config;
    if (proxyProtocol === undefined) return undefined;
    const destination = header?.destination ?? { host: this.#localFor(host), port: this.port };
    const tlvs = proxyProtocol.tlvs ? header?.tlvs : undefined;
    return encodeV2('udp', { source: { host, port }, destination }, tlvs);
  }

  /** A socket bound to every address does not say to which one a datagram came; the family at least is the client's. */
  #localFor(client: string): string {
    return this.#host === '::' && !client.includes(':') ? '0.0.0.0' : this.#host;
  }

  openUpstream({ endpoint }: Lease, user: UpstreamUser): Upstream | ErrorCode {
    const { counters, env } = this.ctx;
    // Not the loop's coarse time: a rest is shorter than that may be wrong by.
    const spare = this.#spares.take(endpoint, env.clock.now());
    if (spare !== undefined) {
      counters.endpoint(endpoint.slot, E.reuses);
      spare.use(user);
      return spare;
    }
    const upstream = new Upstream(endpoint, user, this.ctx.openSocket, this.#names);
    const code = upstream.open();
    if (code === undefined) {
      counters.endpoint(endpoint.slot, E.connects);
      return upstream;
    }
    if (isOurs(code)) return 'out-of-sockets';
    counters.endpoint(endpoint.slot, E.connectFailed);
    return 'connect-failed';
  }

  giveBack(upstream: Upstream): void {
    this.#spares.give(upstream, this.ctx.env.clock.now());
  }

  reply(data: Buffer, flow: Flow): void {
    this.#socket!.send([data], flow.peerPort, flow.peerHost);
    this.#table.fromEndpoint(flow.id, this.ctx.loop.now);
  }

  close(flow: Flow): void {
    this.#closing = flow.attempts === 0 ? 'refused' : 'endpoint';
    this.#table.close(flow.id);
  }

  lost(code: ErrorCode): void {
    this.ctx.counters.error(this.slot, code);
  }

  /** Of the listener's own socket: an answer that could not be sent. */
  onSocketError(_code: string): void {
    this.lost('datagram-unsent');
  }

  ended(id: number, why: FlowEnd): void {
    const flow = this.#flows[id]!;
    this.#flows[id] = undefined;
    flow.end(why === 'responses', why === 'idle');
    if (why === 'idle' && flow.error === 'upstream-timeout') this.lost('upstream-timeout');
    if (why === 'evicted') this.lost('flow-evicted');
    this.ctx.counters.listener(this.slot, L.open, -1);
    this.#log(flow, why === 'closed' ? this.#closing : why);
    if (this.#draining) this.#closeWhenDone();
  }

  #log(flow: Flow, closedBy: FlowEnding): void {
    const { log, env } = this.ctx;
    if (log === undefined) return;
    const { endpointId, error, attempts, firstByteMs, bytesIn, bytesOut, datagramsIn, datagramsOut } = flow;
    log({
      protocol: 'udp',
      listener: this.handler.config.name,
      pool: this.handler.pool.name,
      endpoint: endpointId,
      client: flow.clientHost,
      error,
      attempts,
      durationMs: env.clock.now() - flow.begun,
      firstByteMs,
      bytesIn,
      bytesOut,
      datagramsIn,
      datagramsOut,
      closedBy,
    });
  }
}

/** A header that ends within the datagram. Version 1 knows only TCP. */
function datagramHeader(data: Buffer): ProxyHeader | undefined {
  const header = parseProxyHeader(data, 0, data.length);
  return typeof header === 'string' || data[0] !== 13 ? undefined : header;
}
