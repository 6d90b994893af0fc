// Owns a TCP server of a test: every connection is kept as a RawSocket, and each may be given something to do.

import { type AddressInfo, createServer, type Server } from 'node:net';
import type { TestContext } from 'node:test';
import { RawSocket } from './raw-socket.ts';

export class TcpBackend {
  readonly port: number;
  readonly connections: RawSocket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Closed at the end of the test. `serve` is called for each connection. */
  static async start(t: TestContext, serve?: (connection: RawSocket) => void): Promise<TcpBackend> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const backend = new TcpBackend(server);
    server.on('connection', (socket) => {
      const connection = new RawSocket(socket);
      backend.connections.push(connection);
      serve?.(connection);
    });
    t.after(() => backend.close());
    return backend;
  }

  /** Sends back what it gets, and ends when the client does. */
  static echo(t: TestContext): Promise<TcpBackend> {
    return TcpBackend.start(t, ({ socket }) => socket.pipe(socket));
  }

  get open(): number {
    return this.connections.filter(({ closed }) => !closed).length;
  }

  /** The n-th connection, once it is there. */
  async connection(n = 0): Promise<RawSocket> {
    const until = performance.now() + 5000;
    while (this.connections[n] === undefined) {
      if (performance.now() > until) throw new Error(`connection ${n} never came`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return this.connections[n];
  }

  /** As a process that dies: nobody listens, and every connection is reset. */
  close(): void {
    this.#server.close();
    for (const { socket } of this.connections) if (!socket.destroyed) socket.resetAndDestroy();
  }
}
