// Owns the upstream side of a test: a TCP server whose every connection follows a script, so that it can be slow, lie,
// send garbage or die at any byte, and which records exactly what it received. `answering` makes a well-behaved one.

import { createServer, type Server } from 'node:net';
import type { TestContext } from 'node:test';
import { type Message, readMessage } from './http-message.ts';
import { RawSocket } from './raw-socket.ts';

export class UpstreamSocket extends RawSocket {
  /** Number of this connection, from 0. */
  index = 0;
  /** Requests read so far by `request`. */
  readonly requests: Message[] = [];
  /** The same of all connections. */
  arrivals: Message[] = [];

  /** The next whole request; undefined when the connection ended instead. */
  async request(): Promise<Message | undefined> {
    let message: Message | undefined;
    await this.until(() => {
      message = readMessage(this.bytes, { kind: 'request' });
      return message !== undefined || this.ending !== 'open' || this.closed;
    }, 'complete request');
    if (message === undefined) return undefined;
    this.take(message.size);
    this.requests.push(message);
    this.arrivals.push(message);
    return message;
  }
}

export type Script = (connection: UpstreamSocket) => void | Promise<void>;

export class FakeUpstream {
  /** Every connection there ever was. */
  readonly connections: UpstreamSocket[] = [];
  /** Requests of all connections, in the order in which they were read. */
  readonly requests: Message[] = [];
  /** What went wrong inside scripts. */
  readonly errors: unknown[] = [];
  /** Somebody else closes it: a scenario does so after its checks for leaks, and fails on `errors`. */
  kept = false;
  script: Script;
  readonly #server: Server;

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new UpstreamSocket(socket);
      connection.index = this.connections.length;
      connection.arrivals = this.requests;
      this.connections.push(connection);
      // A client that ends is let go, as servers do.
      socket.on('end', () => socket.end());
      void this.#run(connection);
    });
  }

  /** `host` '::1' for IPv6. Closed at the end of the test. */
  static async start(t: TestContext, script: Script, host = '127.0.0.1'): Promise<FakeUpstream> {
    const upstream = new FakeUpstream(script);
    await new Promise<void>((resolve, reject) => {
      upstream.#server.once('error', reject);
      upstream.#server.listen(0, host, resolve);
    });
    t.after(() => {
      if (!upstream.kept) upstream.close();
    });
    return upstream;
  }

  async #run(connection: UpstreamSocket): Promise<void> {
    try {
      await this.script(connection);
    } catch (error) {
      this.errors.push(error);
    }
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.connections.filter((connection) => !connection.closed).length;
  }

  close(): void {
    this.#server.close();
    for (const connection of this.connections) connection.socket.destroy();
  }
}

export type Answer = string | Uint8Array | undefined | Promise<string | Uint8Array | undefined>;

/** Reads request after request and writes what `answer` says; undefined writes nothing. */
export function answering(answer: (request: Message, connection: UpstreamSocket) => Answer): Script {
  return async (connection) => {
    for (;;) {
      const message = await connection.request();
      if (message === undefined) return;
      const bytes = await answer(message, connection);
      if (bytes !== undefined && !connection.socket.destroyed) connection.write(bytes);
    }
  };
}

/** A response with a Content-Length. */
export function reply(body: string, fields = '', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
