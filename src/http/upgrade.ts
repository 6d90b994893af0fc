// Owns the step from an exchange to a tunnel, and the tunnel: the 101 goes to the client, the two connections change hands,
// and the lease is settled when it ends. Of WebSockets it counts the messages, and says goodbye when they have to end.

import { E, L } from '../core/counters.ts';
import type { Timer } from '../core/env.ts';
import { Splice, type SpliceOwner } from '../net/splice.ts';
import type { Lease } from '../pool/lease.ts';
import type { ClientPort } from './client-port.ts';
import { F } from './codec/fields.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import type { HttpListener } from './listener.ts';
import type { Upstream } from './upstream.ts';
import { GOING_AWAY_TO_CLIENT, GOING_AWAY_TO_SERVER, WebSocketMeter } from './websocket.ts';

/** So long both sides have to answer a goodbye. */
const GOODBYE_MS = 1000;

export interface TunnelTerms {
  readonly client: ClientPort;
  readonly upstream: Upstream;
  readonly lease: Lease;
  readonly firstByteMs: number;
  readonly idleMs: number;
  /** 0 means no limit. */
  readonly lifetimeMs: number;
  /** Changes to the head of the 101; undefined for none. */
  readonly edits: HeadEdits | undefined;
  /** Called once, with the bytes the client received. */
  readonly onDone: (bytesOut: number) => void;
}

/** `buffer[start, end)` came after the 101. */
export function openTunnel(
  terms: TunnelTerms,
  parser: ResponseParser,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  const { client, lease, firstByteMs } = terms;
  lease.answered(101, firstByteMs);
  const isWebSocket = parser.fields.known(F.upgrade)?.toLowerCase() === 'websocket';
  client.sink.upgraded(parser, terms.edits);
  const early = client.release();
  client.conn.noDelay();
  const { splice } = new Tunnel(terms, isWebSocket);
  splice.fromServer(buffer, start, end);
  if (early !== undefined) splice.fromClient(early, 0, early.length);
}

export class Tunnel implements SpliceOwner {
  readonly splice: Splice;
  readonly #terms: TunnelTerms;
  readonly #listener: HttpListener;
  readonly #up: WebSocketMeter | undefined;
  readonly #down: WebSocketMeter | undefined;
  #goodbye: Timer | undefined;

  constructor(terms: TunnelTerms, isWebSocket: boolean) {
    const { client, upstream, idleMs, lifetimeMs } = terms;
    const { listener } = client;
    this.#terms = terms;
    this.#listener = listener;
    if (isWebSocket) {
      this.#up = new WebSocketMeter();
      this.#down = new WebSocketMeter();
    }
    const { counters } = listener.ctx;
    counters.listener(listener.slot, L.upgrades);
    counters.listener(listener.slot, L.openUpgrades);
    counters.endpoint(terms.lease.endpoint.slot, E.openStreams);
    listener.tunnels.add(this);
    this.splice = new Splice(client.conn, upstream.conn, idleMs, lifetimeMs, this);
  }

  onPassed(up: boolean, buffer: Buffer, length: number): void {
    const meter = up ? this.#up : this.#down;
    if (meter === undefined) return;
    const before = meter.messages;
    meter.follow(buffer, length);
    const more = meter.messages - before;
    if (more === 0) return;
    const { ctx, slot } = this.#listener;
    ctx.counters.listener(slot, up ? L.messagesIn : L.messagesOut, more);
  }

  /** It has to end. A WebSocket whose peers can be told is told; anything else breaks off. */
  cut(): void {
    if (this.#goodbye !== undefined) return;
    const { client, upstream } = this.#terms;
    const told = this.#down?.atBoundary === true && this.#up?.atBoundary === true;
    if (!told) return this.splice.end('cut');
    client.conn.sendText(GOING_AWAY_TO_CLIENT);
    upstream.conn.sendText(GOING_AWAY_TO_SERVER);
    client.conn.end();
    upstream.conn.end();
    this.#goodbye = this.#listener.ctx.env.clock.after(GOODBYE_MS, () => this.splice.end('cut'));
  }

  onSpliceEnd({ client, server }: Splice): void {
    const { ctx, slot, tunnels } = this.#listener;
    const { lease, firstByteMs, onDone } = this.#terms;
    this.#goodbye?.cancel();
    tunnels.delete(this);
    ctx.counters.listener(slot, L.openUpgrades, -1);
    ctx.counters.listener(slot, L.bytesIn, client.bytes);
    lease.settle({ kind: 'ok', status: 101, firstByteMs });
    ctx.counters.endpoint(lease.endpoint.slot, E.status1xx);
    ctx.counters.endpoint(lease.endpoint.slot, E.openStreams, -1);
    onDone(server.bytes);
  }
}
