// Owns a small world for simulations of the UDP data path: the real listener with its flows, sockets in memory, clients and
// servers that behave at random, a fake clock. `check()` says what must hold after every step, from its own books.

import assert from 'node:assert/strict';
import type { RemoteInfo } from 'node:dgram';
import { roundRobin } from '../balancing/round-robin.ts';
import type { FlowConfig, PoolConfig, UdpListenerConfig } from '../config/types.ts';
import { Counters, L } from '../core/counters.ts';
import type { Random } from '../core/env.ts';
import { LoadTable, STATE } from '../core/load-table.ts';
import type { Datagrams, OpenSocket, SocketOwner } from '../net/datagrams.ts';
import { NetLoop } from '../net/loop.ts';
import { Pool } from '../pool/pool.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import type { FlowRecord, UdpHandler } from '../udp/context.ts';
import { UdpListener } from '../udp/listener.ts';
import { fakeClock } from './fake-clock.ts';
import { endpointConfig, poolConfig } from './pool-config.ts';

const LISTENER_PORT = 53;
/** How long an endpoint takes to answer, at most ... */
const MOST_DELAY_MS = 400;
/** ... and how long after its answer a duplicate comes: less than sockets rest, which is what the rest is for. */
const MOST_LAG_MS = 80;

/** A socket that sends to the world instead of a network. */
class MemorySocket implements Datagrams {
  readonly fd = -1;
  readonly owner: SocketOwner;
  readonly #world: UdpWorld;
  port = 0;
  peerPort = 0;
  open = false;

  constructor(world: UdpWorld, owner: SocketOwner) {
    this.#world = world;
    this.owner = owner;
  }

  bind(_host: string | undefined, port: number): string | undefined {
    return this.#world.opened(this, port);
  }

  connect(_host: string, port: number): string | undefined {
    this.peerPort = port;
    return this.#world.opened(this, 0);
  }

  send(parts: readonly Buffer[], port = 0, host = ''): void {
    assert.ok(this.open, 'nothing is sent on a closed socket');
    const data = Buffer.concat(parts);
    if (port === 0) this.#world.served(this, data);
    else this.#world.answered(data.toString(), `${host} ${port}`);
  }

  close(): void {
    if (this.open) this.#world.closed(this);
    this.open = false;
  }
}

/** What a client knows of its own traffic. */
interface ClientBook {
  asked: number;
  /** Answers to the flow that is open now. */
  answered: boolean;
  proven: boolean;
}

export class UdpWorld {
  readonly clock = fakeClock();
  readonly load = LoadTable.local(32);
  readonly counters = Counters.local(32);
  readonly counts = {
    answers: 0,
    evicted: 0,
    moved: 0,
    refusedByIcmp: 0,
    full: 0,
    noSockets: 0,
    reused: 0,
    idle: 0,
    proven: 0,
  };
  readonly loop = new NetLoop(this.clock);
  readonly listener: UdpListener;
  /** Ports of endpoints that do not answer but refuse. */
  readonly dead = new Set<number>();
  /** Sockets that the system gives. */
  mostSockets = 1000;
  /** The system's word when there are more. */
  noSocketsCode = 'EMFILE';
  draining = false;
  flow: FlowConfig;
  endpoints: readonly PoolEndpoint[] = [];
  readonly #random: Random;
  readonly #pools: Pool[] = [];
  readonly #clients = new Map<string, ClientBook>();
  readonly #sockets = new Map<number, MemorySocket>();
  #nextPort = 1024;
  #logged = 0;
  /** Flows at the last check. */
  #before = 0;

  constructor(random: Random, flow: FlowConfig, ports: readonly number[]) {
    this.#random = random;
    this.flow = flow;
    const handler = this.#handler(flow, ports);
    this.listener = new UdpListener(
      {
        env: { clock: this.clock, random, load: this.load },
        loop: this.loop,
        counters: this.counters,
        openSocket: this.#openSocket,
        log: (record) => this.#log(record),
      },
      0,
      handler,
    );
    void this.listener.listen({ host: '10.0.0.9', port: LISTENER_PORT }, { shared: false });
    assert.equal(this.listener.port, LISTENER_PORT);
  }

  /** Puts another configuration into effect. */
  reload(flow: FlowConfig, ports: readonly number[]): void {
    this.flow = flow;
    const before = this.#pools.at(-1);
    const handler = this.#handler(flow, ports);
    this.listener.swap(handler);
    before?.retire(this.#pools.at(-1));
    this.load.poolVersion[0]++;
  }

  #handler(flow: FlowConfig, ports: readonly number[]): UdpHandler {
    const config: PoolConfig = poolConfig({
      endpoints: ports.map((port) => endpointConfig(port)),
      retries: { ...poolConfig().retries, backoffMs: 0, budget: 1, budgetMin: 1000 },
    });
    // Slots follow ports, so that an endpoint keeps its slot over reloads.
    this.endpoints = config.endpoints.map((one) => ({
      ...one,
      id: `p/${one.address.port}`,
      slot: one.address.port % 32,
    }));
    for (const { slot } of this.endpoints) this.load.state[slot] ||= STATE.used | STATE.up;
    const pool = new Pool({
      name: 'p',
      slot: 0,
      config,
      endpoints: this.endpoints,
      kind: roundRobin,
      env: { clock: this.clock, random: this.#random, load: this.load },
      zone: '',
      onSignal() {},
      previous: this.#pools.at(-1),
    });
    this.#pools.push(pool);
    const listener: UdpListenerConfig = {
      name: 'dns',
      bind: { host: '10.0.0.9', port: LISTENER_PORT },
      proxyProtocol: undefined,
      protocol: 'udp',
      mode: 'proxy',
      snat: 'auto',
      pool: 'p',
      flow,
    };
    return { config: listener, pool: { name: 'p', slot: 0, config, pool, keyed: false }, proxies: undefined };
  }

  setState(port: number, state: number): void {
    this.load.state[port % 32] = state;
    this.load.poolVersion[0]++;
  }

  /** A client sends a question that carries its name. */
  ask(client: string): void {
    let book = this.#clients.get(client);
    if (book === undefined) {
      book = { asked: 0, answered: false, proven: false };
      this.#clients.set(client, book);
    }
    const accepted = this.counters.readListener(0, L.accepted);
    book.asked++;
    const [host, port] = client.split(' ');
    const from: RemoteInfo = { address: host, port: Number(port), family: 'IPv4', size: 0 };
    const refused = this.counters.readListener(0, L.refused);
    const full = this.listener.streams >= this.flow.max;
    this.listener.onDatagram(Buffer.from(`${client} ${book.asked}`), from);
    if (this.counters.readListener(0, L.refused) > refused) {
      assert.ok(full || this.draining, 'nobody is refused while there is room');
      if (full) this.counts.full++;
    }
    if (this.counters.readListener(0, L.accepted) > accepted) {
      assert.ok(!this.draining, 'a drain takes nobody new');
    } else if (book.answered && !book.proven) {
      book.proven = true;
      this.counts.proven++;
    }
  }

  /** Flows whose clients the books hold for proven. */
  get proven(): number {
    return [...this.#clients.values()].filter(({ proven }) => proven).length;
  }

  readonly #openSocket: OpenSocket = (_family, owner) => new MemorySocket(this, owner);

  /** Gives a socket its port, any for 0; or the system's word that there are too many. */
  opened(socket: MemorySocket, port: number): string | undefined {
    if (this.#sockets.size >= this.mostSockets) {
      this.counts.noSockets++;
      return this.noSocketsCode;
    }
    socket.port = port === 0 ? this.#nextPort++ : port;
    socket.open = true;
    assert.ok(!this.#sockets.has(socket.port));
    this.#sockets.set(socket.port, socket);
    return undefined;
  }

  closed(socket: MemorySocket): void {
    this.#sockets.delete(socket.port);
  }

  /** A question arrived at an endpoint, which does as it likes. */
  served(socket: MemorySocket, data: Buffer): void {
    const random = this.#random;
    const wait = (): number => Math.floor(random.unit() * MOST_DELAY_MS);
    if (this.dead.has(socket.peerPort)) {
      this.counts.refusedByIcmp++;
      // Sometimes the kernel says so within the call that sends.
      if (random.unit() < 0.3) return socket.owner.onSocketError('ECONNREFUSED');
      this.clock.after(wait(), () => socket.open && socket.owner.onSocketError('ECONNREFUSED'));
      return;
    }
    if (random.unit() < 0.03) return socket.owner.onSocketError(random.unit() < 0.5 ? 'EMSGSIZE' : 'ENOBUFS');
    const copies = random.unit() < 0.1 ? 0 : random.unit() < 0.1 ? 2 : 1;
    const delay = wait();
    for (let i = 0; i < copies; i++) {
      this.clock.after(delay + i * random.unit() * MOST_LAG_MS, () => {
        const from: RemoteInfo = { address: '10.0.0.1', port: socket.peerPort, family: 'IPv4', size: data.length };
        if (socket.open) socket.owner.onDatagram(data, from);
      });
    }
  }

  answered(text: string, to: string): void {
    const [host, port] = text.split(' ');
    const [toHost] = to.split(' ');
    if (this.flow.key === 'address') assert.equal(toHost, host, 'an answer reaches the address that asked');
    else assert.equal(to, `${host} ${port}`, 'an answer reaches the client that asked');
    this.counts.answers++;
    const book = this.#clients.get(to)!;
    book.answered = true;
  }

  #log(record: FlowRecord): void {
    this.#logged++;
    const { closedBy, attempts } = record;
    if (attempts > 1) this.counts.moved++;
    if (closedBy === 'idle') this.counts.idle++;
    if (closedBy === 'evicted') this.counts.evicted++;
    for (const [name, book] of this.#clients) {
      if (name.split(' ')[0] !== record.client) continue;
      if (closedBy === 'evicted') assert.ok(!book.proven, 'a proven client is never given up');
      book.answered = false;
      book.proven = false;
    }
  }

  /** What must hold after every step. */
  check(): void {
    const { listener, counters, load } = this;
    this.counts.reused = counters.readEndpoint(1, 12);
    // After a reload with a lower bound there may be more, and never more than before.
    const most = Math.max(this.flow.max, this.#before);
    assert.ok(listener.streams <= most, `${listener.streams} flows of at most ${most}`);
    this.#before = listener.streams;
    assert.equal(counters.readListener(0, L.open), listener.streams, 'the gauge counts the flows');
    assert.equal(counters.readListener(0, L.accepted) - this.#logged, listener.streams, 'every flow ends once');
    const leases = load.inFlight.reduce((sum, count) => sum + count, 0);
    assert.equal(
      this.#pools.reduce((sum, pool) => sum + pool.open, 0),
      leases,
      'leases',
    );
    assert.ok(leases <= listener.streams, 'a flow holds at most one lease');
    const listening = this.#sockets.has(LISTENER_PORT) ? 1 : 0;
    assert.equal(this.#sockets.size, listening + leases + listener.spares, 'a socket for each lease, or it rests');
    assert.ok(
      this.#pools.every(({ misuses }) => misuses === 0),
      'no lease is settled twice',
    );
    const books = this.proven;
    assert.ok(books <= listener.streams);
  }

  end(): void {
    this.listener.drain();
    this.listener.cutStreams();
    this.check();
    assert.equal(this.listener.streams, 0);
    assert.equal(this.#sockets.size, 0, 'every socket is closed');
    assert.ok(
      this.load.own.every((count) => count === 0),
      'every lease is settled',
    );
    this.clock.advance(MOST_DELAY_MS + 200);
    assert.equal(this.clock.pending, 0, 'no timer is left');
  }
}
