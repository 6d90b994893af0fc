// Owns one client connection of a TCP listener from accepted to accounted for: the look at a ClientHello where routes need
// one, the route, the server, the splice of both, and what it leaves in counters and log. It never changes a byte.
//
//   attach ──▶ peeking ──hello, or no TLS──▶ dialling ──server──▶ spliced ──▶ done
//     │           └─ deadline, malformed, no route ─┐   └ no server ─┐
//     └─ too many from this client ─────────────────┴────────────────┴────▶ refused (RST) ─▶ done

import { E, L } from '../core/counters.ts';
import type { ErrorCode } from '../core/error.ts';
import { proxyError } from '../core/error.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AdmissionTicket } from '../limits/admission.ts';
import type { Conn } from '../net/conn.ts';
import { Splice, type SpliceOwner } from '../net/splice.ts';
import type { FreshOwner } from '../net/tcp-listener.ts';
import type { Lease } from '../pool/lease.ts';
import { type ClientHello, parseClientHello } from '../tls/hello.ts';
import { Peeked } from '../tls/peeked.ts';
import type { ConnectionRecord, TcpHandler, TcpRoute } from './context.ts';
import { Dialler, type DialUser } from './dialler.ts';
import type { TcpProxyListener } from './listener.ts';
import { preludeFor } from './prelude.ts';
import { traceConnection } from './trace.ts';

const NO_HELLO: ClientHello = { sni: '', alpn: [] };
const NOTHING = Buffer.alloc(0);

/** The endpoint proved itself when it connected. */
const ENDED: Outcome = { kind: 'ok', status: 0, firstByteMs: 0 };

export class Session implements FreshOwner, DialUser, SpliceOwner {
  readonly #listener: TcpProxyListener;
  readonly #handler: TcpHandler;
  readonly #startedAt: number;
  #conn!: Conn;
  #client = '';
  /** What the client sent before there was a server. */
  #held: Buffer | undefined;
  #clientEnded = false;
  #peeking = false;
  #peeked: Peeked | undefined;
  #hello = NO_HELLO;
  #route: TcpRoute | undefined;
  #dialler: Dialler | undefined;
  #lease: Lease | undefined;
  #splice: Splice | undefined;
  #firstByteMs = 0;
  #error: ErrorCode | '' = '';
  /** Asked once, when it comes: whoever is traced is named. */
  #traced = false;
  #done = false;

  constructor(listener: TcpProxyListener) {
    this.#listener = listener;
    this.#handler = listener.handler;
    this.#startedAt = listener.ctx.env.clock.now();
  }

  attach(conn: Conn): void {
    const { ctx, slot, draining } = this.#listener;
    const { limits, timeouts } = this.#handler.config;
    this.#conn = conn;
    // Asking costs a system call, so only those who want to know do.
    if (ctx.tracer !== undefined) this.#traced = ctx.tracer.picks;
    if (this.#handler.needsClient || ctx.log !== undefined || this.#traced) this.#client = conn.remote.host;
    this.#listener.open.add(this);
    ctx.counters.listener(slot, L.open);
    if (draining) return this.#refuse('draining');
    const fault = (conn.ticket as AdmissionTicket).ofClient(slot, this.#client, limits, this.#startedAt);
    if (fault !== undefined) return this.#refuse(fault);
    // What is relayed has its own rhythm; waiting for more to send would only add to it.
    conn.noDelay();
    if (conn.tls !== undefined) return this.#dial({ sni: conn.tls.serverName, alpn: [conn.tls.alpn] });
    if (!this.#handler.needsHello) return this.#dial(NO_HELLO);
    this.#peeking = true;
    conn.expireIn(timeouts.helloMs);
  }

  onConnect(): void {}
  onDrain(): void {}

  onData(buffer: Buffer, length: number): void {
    if (this.#peeking) return this.#peek(buffer, length);
    // One helping is enough to keep until there is somebody to give it to.
    this.#held = Buffer.concat([this.#held ?? NOTHING, buffer.subarray(0, length)]);
    if (!this.#conn.closed) this.#conn.pause();
  }

  onEnd(): void {
    if (this.#peeking) return this.#refuse('bad-hello');
    this.#clientEnded = true;
  }

  onDeadline(): void {
    this.#refuse('hello-timeout');
  }

  /** Only before there is a server: the splice owns the connection from then on. */
  onClose(): void {
    if (this.#done) return;
    if (this.#error === '') {
      this.#error = 'client-gone';
      this.#listener.ctx.counters.error(this.#listener.slot, 'client-gone');
    }
    this.#dialler?.release();
    this.#finish();
  }

  #peek(buffer: Buffer, length: number): void {
    this.#peeked ??= new Peeked();
    const bytes = this.#peeked.add(buffer, length);
    if (bytes === undefined) return;
    const hello = parseClientHello(bytes, 0, bytes.length);
    if (typeof hello === 'number') {
      this.#peeked.wanted = hello;
      return;
    }
    this.#held = bytes;
    this.#peeked = undefined;
    if (hello === 'invalid') return this.#refuse('bad-hello');
    this.#peeking = false;
    this.#conn.expireIn(0);
    this.#conn.pause();
    this.#dial(hello === 'absent' ? NO_HELLO : hello);
  }

  #dial(hello: ClientHello): void {
    const { ctx } = this.#listener;
    this.#hello = hello;
    const { sni, alpn } = hello;
    this.#route = this.#handler.router.match({ sni, alpn, client: this.#client });
    if (this.#route === undefined) return this.#refuse('no-route');
    const { pool, slot } = this.#route;
    this.#listener.ctx.counters.route(slot, false);
    const key = pool.key === undefined ? '' : pool.key === 'sni' ? sni : this.#client;
    this.#dialler = new Dialler(ctx, pool, key, this.#client, this);
    this.#dialler.begin();
  }

  onServer(server: Conn, lease: Lease): void {
    const { timeouts } = this.#handler.config;
    this.#lease = lease;
    this.#route!.pool.affinity?.begin(this.#client, lease.endpoint.id, this.#listener.ctx.env.clock.now());
    const splice = new Splice(this.#conn, server, timeouts.idleMs, timeouts.lifetimeMs, this);
    this.#splice = splice;
    const held = this.#held;
    this.#held = undefined;
    const prelude = preludeFor(this.#route!.pool.config.proxyProtocol, this.#conn, this.#hello);
    if (prelude !== undefined) server.sendText(prelude);
    if (held !== undefined) splice.fromClient(held, 0, held.length);
    if (this.#clientEnded) splice.client.onEnd();
  }

  onNoServer(code: ErrorCode): void {
    this.#refuse(code);
  }

  /** A reset tells the client that nobody served it; an orderly end could be taken for an empty answer. */
  #refuse(code: ErrorCode): void {
    this.#error = code;
    this.#listener.ctx.counters.error(this.#listener.slot, code);
    this.#conn.reset();
  }

  onPassed(up: boolean, _buffer: Buffer, bytes: number): void {
    const { ctx, slot } = this.#listener;
    const endpoint = this.#lease!.endpoint.slot;
    ctx.counters.listener(slot, up ? L.bytesIn : L.bytesOut, bytes);
    ctx.counters.endpoint(endpoint, up ? E.bytesSent : E.bytesReceived, bytes);
    if (!up && this.#firstByteMs === 0) this.#firstByteMs = ctx.env.clock.now() - this.#startedAt;
  }

  onSpliceEnd({ server, endReason }: Splice): void {
    const { ctx } = this.#listener;
    const lease = this.#lease!;
    this.#lease = undefined;
    // A server that hangs up on a client before its first byte is as good as one that did not answer.
    const silent = server.conn.error !== undefined && server.bytes === 0 && endReason === 'server';
    if (server.conn.error !== undefined) ctx.counters.endpoint(lease.endpoint.slot, E.reset);
    if (silent) {
      this.#error = 'upstream-reset';
      ctx.counters.error(this.#listener.slot, 'upstream-reset');
    }
    this.#route!.pool.affinity?.end(this.#client, lease.endpoint.id, ctx.env.clock.now());
    lease.settle(silent ? { kind: 'failed', error: proxyError('upstream-reset') } : ENDED);
    this.#finish();
  }

  /** Ends it from outside: the drain's deadline has passed. */
  cut(): void {
    if (this.#splice !== undefined) this.#splice.end('cut');
    else if (!this.#conn.closed) this.#refuse('draining');
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    const { ctx, slot, handler, open } = this.#listener;
    open.delete(this);
    ctx.counters.listener(slot, L.open, -1);
    if (ctx.log === undefined && !this.#traced) return;
    const splice = this.#splice;
    const record: ConnectionRecord = {
      protocol: 'tcp',
      listener: handler.config.name,
      route: this.#route?.name ?? '',
      pool: this.#route?.pool.name ?? '',
      endpoint: this.#dialler?.endpointId ?? '',
      client: this.#client,
      sni: this.#hello.sni,
      error: this.#error,
      attempts: this.#dialler?.attempts ?? 0,
      durationMs: ctx.env.clock.now() - this.#startedAt,
      firstByteMs: this.#firstByteMs,
      bytesIn: splice?.client.bytes ?? 0,
      bytesOut: splice?.server.bytes ?? 0,
      closedBy: splice?.endReason ?? '',
    };
    ctx.log?.(record);
    if (this.#traced && ctx.tracer !== undefined) traceConnection(ctx.tracer, record, ctx.env.clock.now());
  }
}
