// Owns the short way to a datagram socket's handle, past Node's socket object: no event, no callback and no request object
// for each datagram, and the outcome of a send is known at once instead of in a later turn.
//
// Nothing here is documented by Node, so nothing is assumed: the first ordinary send of the process, connected and not, is
// watched to learn how this version calls its handle, and the first datagram received is looked at. What looks unlike what is
// known is left to the socket, which does the same, slower (see docs/decisions/0003).

import type { RemoteInfo, Socket } from 'node:dgram';
import { getSystemErrorName } from 'node:util';
import type { SocketOwner } from './datagrams.ts';

/** What the kernel does not take at once waits in this process; beyond so much, datagrams are dropped, as a full queue does. */
export const MOST_WAITING_BYTES = 1024 * 1024;

interface SendRequest {
  oncomplete?: (status: number) => void;
  list?: readonly Buffer[];
}

type OnMessage = (this: unknown, count: number, handle: unknown, data: Buffer | undefined, from: RemoteInfo) => void;

interface Handle {
  onmessage: OnMessage;
  /** Request, list, its length, then port and host unless connected, then whether the request is to be told. */
  send(...call: unknown[]): number;
  getSendQueueSize(): number;
}

/** How a form of sending is called: not seen yet, as known, or otherwise. */
type Form = 'unknown' | 'known' | 'other';

let connectedForm: Form = 'unknown';
let addressedForm: Form = 'unknown';
let receiving: Form = 'unknown';
let Request: (new () => SendRequest) | undefined;
/** Unused: the kernel takes nearly every datagram at once, and then the request was not needed. */
let spare: SendRequest | undefined;

/** Everything through Node's sockets: for tests of that path. */
export function disableDirectDatagrams(): void {
  connectedForm = addressedForm = receiving = 'other';
}

export class DirectDatagrams {
  readonly #handle: Handle;
  readonly #owner: SocketOwner;
  #open = true;
  /** Sends that the kernel did not take at once. */
  #pending = 0;

  private constructor(handle: Handle, owner: SocketOwner) {
    this.#handle = handle;
    this.#owner = owner;
    if (receiving !== 'other') this.#receive(handle.onmessage);
  }

  /** Call once the socket is bound. */
  static of(socket: Socket, owner: SocketOwner): DirectDatagrams | undefined {
    if (connectedForm === 'other' && addressedForm === 'other' && receiving === 'other') return undefined;
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
    const state = symbol === undefined ? undefined : (socket as unknown as Record<symbol, unknown>)[symbol];
    const handle = (state as { handle?: Partial<Handle> } | undefined)?.handle;
    if (typeof handle?.send !== 'function' || typeof handle.onmessage !== 'function') return undefined;
    if (typeof handle.getSendQueueSize !== 'function') return undefined;
    return new DirectDatagrams(handle as Handle, owner);
  }

  #receive(ordinary: OnMessage): void {
    const handle = this.#handle;
    handle.onmessage = (count, self, data, from) => {
      if (receiving === 'unknown' && count >= 0) receiving = looksKnown(count, data, from) ? 'known' : 'other';
      if (receiving !== 'known') handle.onmessage = ordinary;
      if (receiving !== 'known' || count < 0 || data === undefined) ordinary.call(handle, count, self, data, from);
      else if (this.#open) this.#owner.onDatagram(data, from);
    };
  }

  /** '' when it is sent or waits in line, the system's word when it failed, undefined when it is to be sent the ordinary way. */
  send(parts: readonly Buffer[], port: number, host: string): string | undefined {
    const form = port === 0 ? connectedForm : addressedForm;
    if (form !== 'known') {
      if (form === 'unknown') this.#watch();
      return undefined;
    }
    const handle = this.#handle;
    if (this.#pending > 0 && handle.getSendQueueSize() > MOST_WAITING_BYTES) return 'ENOBUFS';
    const request = spare ?? new Request!();
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
    return result > 0 ? '' : getSystemErrorName(result);
  }

  /** Learns from the next ordinary send, which goes its way unchanged. */
  #watch(): void {
    const handle = this.#handle;
    const ordinary = handle.send;
    handle.send = (...call) => {
      handle.send = ordinary;
      const form = formOf(call);
      if (call.length === 4) connectedForm = form;
      else addressedForm = form;
      return ordinary.apply(handle, call);
    };
  }

  readonly #sent = (status: number): void => {
    this.#pending--;
    if (status < 0 && this.#open) this.#owner.onSocketError(getSystemErrorName(status));
  };

  close(): void {
    this.#open = false;
  }
}

function looksKnown(count: number, data: Buffer | undefined, from: RemoteInfo): boolean {
  return Buffer.isBuffer(data) && data.length === count && typeof from?.address === 'string' && from.port >= 0;
}

function formOf(call: readonly unknown[]): Form {
  const [request, list, count, port, host] = call;
  const made = (request as { constructor?: { name?: string } } | null | undefined)?.constructor;
  const callback = call[call.length - 1];
  const common = Array.isArray(list) && count === list.length && callback === true && made?.name === 'SendWrap';
  const known =
    common && (call.length === 4 || (call.length === 6 && typeof port === 'number' && typeof host === 'string'));
  if (!known) return 'other';
  Request = made as unknown as new () => SendRequest;
  return 'known';
}
