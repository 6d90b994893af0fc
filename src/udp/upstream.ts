// Owns one socket to one endpoint: connected, so that only the endpoint's datagrams come in and its refusals (ICMP) become
// errors. It has at most one user, the flow that it carries; what comes while it has none is dropped.
//
//   (name) resolving ─▶ connected ──rest()──▶ resting ──use()──▶ connected
//              └─────────────┴─────────────close()─────┴────────────▶ closed
//
// While a name resolves, the first few datagrams wait; the user is told of those that are lost.

import type { RemoteInfo } from 'node:dgram';
import type { Endpoint } from '../core/endpoint.ts';
import type { Datagrams, OpenSocket, SocketOwner } from '../net/datagrams.ts';
import type { Names, Resolution } from './names.ts';

/** What a socket of an endpoint carries. */
export interface UpstreamUser {
  onReply(data: Buffer): void;
  /** Of an open socket: the system's word, such as ECONNREFUSED. */
  onUpstreamError(code: string): void;
  /** It could not be opened after all, once the name was resolved. The newest datagram was not sent. */
  onUnopened(code: string): void;
  /** So many datagrams were dropped. */
  onUnsent(count: number): void;
}

/** The beginning of a conversation may be more than one datagram; a name takes milliseconds. */
const MOST_WAITING = 4;

export class Upstream implements SocketOwner {
  readonly endpoint: Endpoint;
  /** Monotonic ms since when nobody uses it. */
  restingSince = 0;
  /** It got something that nobody waited for: more may follow, so nobody else may have it. */
  tainted = false;
  readonly #openSocket: OpenSocket;
  readonly #names: Names;
  #user: UpstreamUser | undefined;
  #socket: Datagrams | undefined;
  #waiting: (readonly Buffer[])[] = [];
  #closed = false;

  constructor(endpoint: Endpoint, user: UpstreamUser, openSocket: OpenSocket, names: Names) {
    this.endpoint = endpoint;
    this.#openSocket = openSocket;
    this.#names = names;
    this.#user = user;
  }

  /** The system's word when it cannot be opened, now or (of a name) later through the user. */
  open(): string | undefined {
    const found = this.#names.resolve(this.endpoint.address.host, (later) => this.#resolved(later));
    return found === undefined ? undefined : this.#connect(found);
  }

  #resolved(found: Resolution): void {
    if (this.#closed) return;
    const code = this.#connect(found);
    const waiting = this.#waiting;
    this.#waiting = [];
    if (code === undefined) {
      for (const parts of waiting) this.send(parts);
      return;
    }
    // What becomes of the newest is the user's business.
    if (waiting.length > 1) this.#user?.onUnsent(waiting.length - 1);
    this.#user?.onUnopened(code);
  }

  #connect(found: Resolution): string | undefined {
    if (typeof found === 'string') return found;
    const socket = this.#openSocket(found.family, this);
    const code = socket.connect(found.host, this.endpoint.address.port);
    if (code === undefined) this.#socket = socket;
    else socket.close();
    return code;
  }

  send(parts: readonly Buffer[]): void {
    if (this.#socket !== undefined) this.#socket.send(parts);
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(parts);
    else this.#user?.onUnsent(1);
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
    const waiting = this.#waiting.length;
    this.#waiting = [];
    if (waiting > 0) this.#user?.onUnsent(waiting);
    this.#user = undefined;
    this.#socket?.close();
  }
}
