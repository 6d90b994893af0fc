// Owns one datagram socket: opens it, hands on what it receives, sends without ever throwing. Knows no flows. It takes the
// short way past Node's socket object where this version of Node looks as known (see `direct-datagrams.ts`).

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { DirectDatagrams, MOST_WAITING_BYTES } from './direct-datagrams.ts';

/** What a socket reports to. */
export interface SocketOwner {
  /** `data` is the receiver's to keep. */
  onDatagram(data: Buffer, from: RemoteInfo): void;
  /** The system's word, such as ECONNREFUSED; of sending and of receiving. */
  onSocketError(code: string): void;
}

export interface SocketOptions {
  /** Several threads bind the same address; the kernel spreads senders over them. */
  readonly reusePort?: boolean;
  /** Asked of the kernel, which gives no more than net.core.rmem_max and wmem_max allow. */
  readonly bufferBytes?: number;
}

/** What the data path asks of a socket; simulations bring their own. */
export interface Datagrams {
  /**
   * To a numeric address; any when undefined. `given`: a socket of this process that is bound already. The system's word when it
   * cannot be.
   */
  bind(host: string | undefined, port: number, given?: number): string | undefined;
  /** Binds to any port and receives from this peer only. The system's word when it cannot be. */
  connect(host: string, port: number): string | undefined;
  readonly port: number;
  /** -1 when it is not known. */
  readonly fd: number;
  /** `parts` are one datagram; without `port` it goes to the connected peer. Failures are told to the owner. */
  send(parts: readonly Buffer[], port?: number, host?: string): void;
  close(): void;
}

export type OpenSocket = (family: 4 | 6, owner: SocketOwner, options?: SocketOptions) => Datagrams;

export const openSocket: OpenSocket = (family, owner, options) => new DatagramSocket(family, owner, options);

type Lookup = (
  host: string,
  options: unknown,
  done: (error: Error | null, address: string, family: number) => void,
) => void;

/** Addresses here are numeric, and answering at once keeps binding and connecting synchronous. */
const numeric: Lookup = (host, _options, done) => done(null, host, isIP(host));

class DatagramSocket implements Datagrams {
  readonly #socket: Socket;
  readonly #owner: SocketOwner;
  #direct: DirectDatagrams | undefined;
  #open = true;
  /** What went wrong while opening. */
  #failure: string | undefined;
  #opening = true;

  constructor(family: 4 | 6, owner: SocketOwner, { reusePort = false, bufferBytes }: SocketOptions = {}) {
    this.#owner = owner;
    this.#socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      reusePort,
      lookup: numeric as never,
      ...(bufferBytes === undefined ? {} : { recvBufferSize: bufferBytes, sendBufferSize: bufferBytes }),
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error.code ?? error.message));
    this.#socket.on('message', (data, from) => {
      if (this.#open) this.#owner.onDatagram(data, from);
    });
  }

  bind(host: string | undefined, port: number, given?: number): string | undefined {
    try {
      this.#socket.bind(given === undefined ? { port, address: host, exclusive: true } : { fd: given });
    } catch (error) {
      this.#failure ??= codeOf(error);
    }
    this.#opening = false;
    if (this.#failure === undefined) this.#direct = DirectDatagrams.of(this.#socket, this.#owner);
    return this.#failure;
  }

  connect(host: string, port: number): string | undefined {
    const failure = this.bind(undefined, 0);
    if (failure !== undefined) return failure;
    try {
      this.#socket.connect(port, host);
    } catch (error) {
      this.#failure = codeOf(error);
    }
    return this.#failure;
  }

  get fd(): number {
    const symbol = Object.getOwnPropertySymbols(this.#socket).find(({ description }) => description === 'state symbol');
    const state = symbol && (this.#socket as unknown as Record<symbol, { handle?: { fd?: number } | null }>)[symbol];
    return state?.handle?.fd ?? -1;
  }

  get port(): number {
    return this.#open ? this.#socket.address().port : 0;
  }

  send(parts: readonly Buffer[], port = 0, host = ''): void {
    if (!this.#open) return;
    const socket = this.#socket;
    const code = this.#direct?.send(parts, port, host);
    if (code === undefined) {
      if (socket.getSendQueueSize() > MOST_WAITING_BYTES) return this.#owner.onSocketError('ENOBUFS');
      try {
        if (port === 0) socket.send(parts, this.#sent);
        else socket.send(parts, port, host, this.#sent);
      } catch (error) {
        this.#owner.onSocketError(codeOf(error));
      }
    } else if (code !== '') this.#owner.onSocketError(code);
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null && this.#open) this.#owner.onSocketError(codeOf(error));
  };

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#direct?.close();
    this.#socket.close();
  }

  #failed(code: string): void {
    if (this.#opening) this.#failure ??= code;
    else if (this.#open) this.#owner.onSocketError(code);
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
