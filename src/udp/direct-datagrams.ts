// Owns the short way to a datagram socket's handle, past Node's socket object: no event, no callback and no request object
// for each datagram, and the outcome of a send is known at once instead of in a later turn.
//
// Nothing here is documented by Node, so nothing is assumed: where the handle does not look as known, `of` gives nothing and
// the socket is used the ordinary way, which does the same (see docs/decisions/0003).

import type { RemoteInfo, Socket } from 'node:dgram';
import { getSystemErrorName } from 'node:util';
import type { SocketOwner } from './socket.ts';

/** What the kernel does not take at once waits in this process; beyond so much, datagrams are dropped, as a full queue does. */
export const MOST_WAITING_BYTES = 1024 * 1024;

interface SendRequest {
  oncomplete?: (status: number) => void;
  list?: readonly Buffer[];
}

interface Handle {
  onmessage: (count: number, handle: Handle, data: Buffer | undefined, from: RemoteInfo) => void;
  send(request: SendRequest, list: readonly Buffer[], count: number, callback: boolean): number;
  send(
    request: SendRequest,
    list: readonly Buffer[],
    count: number,
    port: number,
    host: string,
    callback: boolean,
  ): number;
  getSendQueueSize(): number;
}

interface Binding {
  readonly SendWrap: new () => SendRequest;
}

let binding: Binding | undefined = lookUp();

function lookUp(): Binding | undefined {
  try {
    const found = (process as unknown as { binding(name: string): Partial<Binding> }).binding('udp_wrap');
    return typeof found.SendWrap === 'function' ? (found as Binding) : undefined;
  } catch {
    return undefined;
  }
}

/** Everything through Node's sockets: for tests of that path. */
export function disableDirectDatagrams(): void {
  binding = undefined;
}

/** Unused: the kernel takes nearly every datagram at once, and then the request was not needed. */
let spare: SendRequest | undefined;

export class DirectDatagrams {
  readonly #handle: Handle;
  readonly #owner: SocketOwner;
  #open = true;
  /** Sends that the kernel did not take at once. */
  #pending = 0;

  private constructor(handle: Handle, owner: SocketOwner) {
    this.#handle = handle;
    this.#owner = owner;
    const ordinary = handle.onmessage;
    handle.onmessage = (count, self, data, from) => {
      if (count < 0 || data === undefined) ordinary.call(handle, count, self, data, from);
      else if (this.#open) owner.onDatagram(data, from);
    };
  }

  /** Call once the socket is bound. */
  static of(socket: Socket, owner: SocketOwner): DirectDatagrams | undefined {
    if (binding === undefined) return undefined;
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
    const state = symbol === undefined ? undefined : (socket as unknown as Record<symbol, unknown>)[symbol];
    const handle = (state as { handle?: Partial<Handle> } | undefined)?.handle;
    if (typeof handle?.send !== 'function' || typeof handle.onmessage !== 'function') return undefined;
    if (typeof handle.getSendQueueSize !== 'function') return undefined;
    return new DirectDatagrams(handle as Handle, owner);
  }

  /** '' when it is sent or waits in line, else the system's word. */
  send(parts: readonly Buffer[], port: number, host: string): string {
    const handle = this.#handle;
    if (this.#pending > 0 && handle.getSendQueueSize() > MOST_WAITING_BYTES) return 'ENOBUFS';
    const request = spare ?? new binding!.SendWrap();
    spare = undefined;
    const result =
      port === 0
        ? handle.send(request, parts, parts.length, true)
        : handle.send(request, parts, parts.length, port, host, true);
    if (result === 0) {
      // The kernel's buffer is full, so it waits in libuv's line.
      request.list = parts;
      request.oncomplete = this.#sent;
      this.#pending++;
      return '';
    }
    spare = request;
    if (result > 0) return '';
    return getSystemErrorName(result);
  }

  readonly #sent = (status: number): void => {
    this.#pending--;
    if (status < 0 && this.#open) this.#owner.onSocketError(getSystemErrorName(status));
  };

  close(): void {
    this.#open = false;
  }
}
