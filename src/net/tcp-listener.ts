// Owns a listening TCP socket: binds, accepts, stops accepting, counts. Never reads a byte of what it accepts.
//
// Accepted handles are adopted before Node wraps them in a stream of its own (`Conn.fromHandle`), because only a socket
// built with `onread` reads without allocating, and servers have no public option for it. The hook is one property of
// the listening handle; where it is missing the plain 'connection' event is used instead, and all else stays the same.

import * as net from 'node:net';
import type { Address } from '../core/address.ts';
import { Conn, type ConnOwner, type Ticket } from './conn.ts';
import type { ListenOptions } from './listener.ts';
import type { NetLoop } from './loop.ts';

/** The first owner of an accepted connection. */
export interface FreshOwner extends ConnOwner {
  attach(conn: Conn): void;
}

export interface Acceptor {
  /** Undefined refuses the connection. */
  accept(): Ticket | undefined;
  open(): FreshOwner;
}

interface ListeningHandle {
  onconnection?: unknown;
}
interface AcceptedHandle {
  close(): void;
}

export class TcpListener {
  readonly #loop: NetLoop;
  readonly #server: net.Server;
  readonly #acceptor: Acceptor;

  constructor(loop: NetLoop, acceptor: Acceptor) {
    this.#loop = loop;
    this.#acceptor = acceptor;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => this.#plain(socket));
  }

  /** Resolves when bound; rejects with the system's error (EADDRINUSE, EACCES, ...). */
  listen(address: Address, options: ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(
        { host: address.host, port: address.port, backlog: options.backlog ?? 4096, reusePort: options.shared },
        () => {
          this.#server.off('error', reject);
          // An error after this point (EMFILE on accept) must not end the process; the kernel's queue holds the rest.
          this.#server.on('error', () => undefined);
          if (options.adopt !== false) this.#adopt();
          resolve();
        },
      );
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** True when accepted handles are taken over before Node wraps them. */
  adopting = false;

  #adopt(): void {
    const handle = (this.#server as unknown as { _handle?: ListeningHandle | null })._handle;
    if (handle === null || handle === undefined || typeof handle.onconnection !== 'function') return;
    handle.onconnection = (status: number, accepted: AcceptedHandle | undefined) => {
      if (status !== 0 || accepted === undefined) return;
      const ticket = this.#acceptor.accept();
      if (ticket === undefined) {
        accepted.close();
        return;
      }
      const owner = this.#acceptor.open();
      const conn = Conn.fromHandle(this.#loop, accepted, owner);
      conn.ticket = ticket;
      owner.attach(conn);
    };
    this.adopting = true;
  }

  #plain(socket: net.Socket): void {
    const ticket = this.#acceptor.accept();
    if (ticket === undefined) {
      socket.destroy();
      return;
    }
    const owner = this.#acceptor.open();
    const conn = Conn.fromSocket(this.#loop, socket, owner);
    conn.ticket = ticket;
    owner.attach(conn);
  }

  /** Stops accepting. Connections that are open stay open. */
  close(): void {
    this.#server.close();
  }
}
