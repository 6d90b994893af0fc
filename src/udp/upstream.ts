// Owns one socket to one endpoint: connected, so that only the endpoint's datagrams come in and its refusals (ICMP) become
// errors. It has at most one user, the flow that it carries; what comes while it has none is dropped.
//
//   (name) resolving ─▶ connected ──rest()──▶ resting ──use()──▶ connected
//              └─────────────┴─────────────close()─────┴────────────▶ closed
//
// A name is resolved with one datagram in hand; those that come meanwhile replace it.

import type { RemoteInfo } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Endpoint } from '../core/endpoint.ts';
import type { Datagrams, OpenSocket, SocketOwner } from '../net/datagrams.ts';

/** What a socket of an endpoint carries. */
export interface UpstreamUser {
  onReply(data: Buffer): void;
  /** The system's word, such as ECONNREFUSED. */
  onUpstreamError(code: string): void;
}

export class Upstream implements SocketOwner {
  readonly endpoint: Endpoint;
  /** Monotonic ms since when nobody uses it. */
  restingSince = 0;
  /** It got something that nobody waited for: more may follow, so nobody else may have it. */
  tainted = false;
  readonly #openSocket: OpenSocket;
  #user: UpstreamUser | undefined;
  #socket: Datagrams | undefined;
  #waiting: readonly Buffer[] | undefined;
  #closed = false;

  constructor(endpoint: Endpoint, user: UpstreamUser, openSocket: OpenSocket) {
    this.endpoint = endpoint;
    this.#openSocket = openSocket;
    this.#user = user;
  }

  /** The system's word when it cannot be opened, now or (of a name) later through the user. */
  open(): string | undefined {
    const { host, port } = this.endpoint.address;
    const family = isIP(host);
    if (family !== 0) return this.#connect(host, port, family as 4 | 6);
    lookup(host, (error, address, found) => {
      if (this.#closed) return;
      const code = error === null ? this.#connect(address, port, found as 4 | 6) : (error.code ?? 'ENOTFOUND');
      if (code !== undefined) return this.onSocketError(code);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting !== undefined) this.send(waiting);
    });
    return undefined;
  }

  #connect(host: string, port: number, family: 4 | 6): string | undefined {
    const socket = this.#openSocket(family, this);
    const code = socket.connect(host, port);
    if (code === undefined) this.#socket = socket;
    else socket.close();
    return code;
  }

  send(parts: readonly Buffer[]): void {
    if (this.#socket === undefined) this.#waiting = parts;
    else this.#socket.send(parts);
  }

  use(user: UpstreamUser): void {
    this.#user = user;
  }

  rest(now: number): void {
    this.#user = undefined;
    this.restingSince = now;
  }

  onDatagram(data: Buffer, _from: RemoteInfo): void {
    if (this.#user === undefined) this.tainted = true;
    else this.#user.onReply(data);
  }

  onSocketError(code: string): void {
    if (this.#user === undefined) this.tainted = true;
    else this.#user.onUpstreamError(code);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#user = undefined;
    this.#socket?.close();
  }
}
