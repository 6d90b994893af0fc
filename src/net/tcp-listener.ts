// Owns a listening TCP socket: binds, accepts, stops accepting, counts. Never reads a byte of what it accepts.
//
// Accepted handles are taken before Node wraps them in a socket. The hook is one property of the listening handle; where it
// is missing, or handles do not behave as known, the plain 'connection' event is used, and all else stays the same.

import * as net from 'node:net';
import type { Address } from '../core/address.ts';
import type { Conn, ConnOwner, Ticket } from './conn.ts';
import type { TcpHandle } from './handle.ts';
import { handlesWork } from './handle-check.ts';
import { HandleConn } from './handle-conn.ts';
import type { ListenOptions } from './listener.ts';
import type { NetLoop } from './loop.ts';
import { StreamConn } from './stream-conn.ts';

/** The first owner of an accepted connection. */
export interface FreshOwner extends ConnOwner {
  attach(conn: Conn): void;
}

export interface Acceptor {
  /** Undefined refuses the connection: it is reset. */
  accept(): Ticket | undefined;
  open(): FreshOwner;
}

interface ListeningHandle {
  onconnection?: unknown;
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
  async listen(address: Address, options: ListenOptions): Promise<void> {
    const adopts = options.adopt !== false && (await handlesWork(this.#loop));
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(
        { host: address.host, port: address.port, backlog: options.backlog ?? 4096, reusePort: options.shared },
        () => {
          this.#server.off('error', reject);
          // An error after this point (EMFILE on accept) must not end the process; the kernel's queue holds the rest.
          this.#server.on('error', () => undefined);
          if (adopts) this.#adopt();
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
    handle.onconnection = (status: number, accepted: TcpHandle | undefined) => {
      if (status !== 0 || accepted === undefined) return;
      const ticket = this.#acceptor.accept();
      if (ticket === undefined) {
        accepted.reset();
        return;
      }
      const owner = this.#acceptor.open();
      const conn = HandleConn.accepted(this.#loop, accepted, owner);
      conn.ticket = ticket;
      owner.attach(conn);
    };
    this.adopting = true;
  }

  #plain(socket: net.Socket): void {
    const ticket = this.#acceptor.accept();
    if (ticket === undefined) {
      socket.resetAndDestroy();
      return;
    }
    const owner = this.#acceptor.open();
    const conn = new StreamConn(this.#loop, socket, owner);
    conn.ticket = ticket;
    owner.attach(conn);
  }

  /** Stops accepting. Connections that are open stay open. */
  close(): void {
    this.#server.close();
  }
}
