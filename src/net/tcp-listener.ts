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
import type { SocketFd } from './inherited-sockets.ts';
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
  readonly #acceptor: Acceptor;
  /** One, unless several sockets were given. */
  readonly #servers: net.Server[] = [];

  constructor(loop: NetLoop, acceptor: Acceptor) {
    this.#loop = loop;
    this.#acceptor = acceptor;
  }

  /** Resolves when bound; rejects with the system's error (EADDRINUSE, EACCES, ...). */
  async listen(address: Address, options: ListenOptions): Promise<void> {
    const adopts = options.adopt !== false && (await handlesWork(this.#loop));
    const { backlog = 4096, shared, given } = options;
    if (given === undefined || given.tcp.length === 0)
      return this.#open({ host: address.host, port: address.port, backlog, reusePort: shared }, adopts);
    for (const fd of given.tcp) await this.#open({ fd, backlog }, adopts);
  }

  #open(how: net.ListenOptions & { readonly fd?: number }, adopts: boolean): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#plain(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(how, () => {
        server.off('error', reject);
        // An error after this point (EMFILE on accept) must not end the process; the kernel's queue holds the rest.
        server.on('error', () => undefined);
        if (adopts) this.#adopt(server);
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#servers[0]?.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  get sockets(): readonly SocketFd[] {
    return this.#servers.flatMap((server) => {
      const { fd } = (server as unknown as { _handle?: { fd?: number } | null })._handle ?? {};
      return fd === undefined || fd < 0 ? [] : [{ transport: 'tcp' as const, fd }];
    });
  }

  /** True when accepted handles are taken over before Node wraps them. */
  adopting = false;

  #adopt(server: net.Server): void {
    const handle = (server as unknown as { _handle?: ListeningHandle | null })._handle;
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
    for (const server of this.#servers) server.close();
  }
}
