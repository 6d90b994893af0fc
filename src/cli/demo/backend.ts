// Owns one server of the demo: a real HTTP server with a set speed that can be killed (sockets destroyed, port closed,
// as by kill -9) and revived on the same port.

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Random } from '../../core/env.ts';

export class DemoBackend {
  readonly speedMs: number;
  port = 0;
  alive = false;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(speedMs: number, random: Random) {
    this.speedMs = speedMs;
    this.#random = random;
  }

  static async start(speedMs: number, random: Random): Promise<DemoBackend> {
    const backend = new DemoBackend(speedMs, random);
    await backend.#open(0);
    return backend;
  }

  #open(port: number): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url === '/health') {
        response.setHeader('content-type', 'application/json');
        response.end('{"status":"healthy"}');
        return;
      }
      setTimeout(
        () => response.end(`answered by 127.0.0.1:${this.port}\n`),
        this.speedMs * (0.7 + 0.6 * this.#random.unit()),
      );
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        this.port = (server.address() as AddressInfo).port;
        this.alive = true;
        resolve();
      });
    });
  }

  async toggle(): Promise<void> {
    if (this.alive) await this.stop();
    else await this.#open(this.port);
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    this.alive = false;
    const closed = new Promise<void>((resolve) => this.#server!.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}
