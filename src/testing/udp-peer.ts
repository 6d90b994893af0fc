// Owns one datagram socket of a test, client or server: it records everything it receives, with the sender.

import { createSocket, type RemoteInfo } from 'node:dgram';
import type { TestContext } from 'node:test';

export interface Datagram {
  readonly data: Buffer;
  readonly from: RemoteInfo;
}

export class UdpPeer {
  /** Not yet taken by `next`. */
  readonly inbox: Datagram[] = [];
  /** All there ever were. */
  readonly senders = new Set<number>();
  count = 0;
  /** Called for every datagram; servers answer here. */
  onDatagram: ((datagram: Datagram) => void) | undefined;
  readonly port: number;
  readonly host: string;
  readonly #socket;
  #wake: (() => void) | undefined;
  #open = true;

  private constructor(socket: ReturnType<typeof createSocket>) {
    this.#socket = socket;
    const { port, address } = socket.address();
    this.port = port;
    this.host = address;
    socket.on('message', (data, from) => {
      this.count++;
      this.senders.add(from.port);
      if (this.onDatagram !== undefined) return this.onDatagram({ data, from });
      this.inbox.push({ data, from });
      this.#wake?.();
    });
    // A peer that is gone is found out by waiting, not by an exception.
    socket.on('error', () => undefined);
  }

  /** `host` '::1' for IPv6. Closed at the end of the test. */
  static async open(t: TestContext, host = '127.0.0.1', port = 0): Promise<UdpPeer> {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1024 * 1024 });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    const peer = new UdpPeer(socket);
    t.after(() => peer.close());
    return peer;
  }

  /** A server that sends back what it gets, changed by `answer`; undefined sends nothing. */
  static async server(
    t: TestContext,
    answer: (data: Buffer, from: RemoteInfo) => Buffer | readonly Buffer[] | undefined = (data) => data,
    host = '127.0.0.1',
    port = 0,
  ): Promise<UdpPeer> {
    const server = await UdpPeer.open(t, host, port);
    server.onDatagram = ({ data, from }) => {
      const answers = answer(data, from);
      if (answers === undefined) return;
      for (const one of Array.isArray(answers) ? answers : [answers])
        server.send(one as Buffer, from.port, from.address);
    };
    return server;
  }

  send(data: Buffer | string, port: number, host = this.host): void {
    if (this.#open) this.#socket.send(typeof data === 'string' ? Buffer.from(data) : data, port, host, () => undefined);
  }

  /** The next datagram; fails after `withinMs`. */
  async next(withinMs = 3000): Promise<Datagram> {
    const until = performance.now() + withinMs;
    while (this.inbox.length === 0) {
      const left = until - performance.now();
      if (left <= 0) throw new Error(`no datagram within ${withinMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.inbox.shift()!;
  }

  /** Sends, and returns the text of the next datagram. */
  async ask(text: string, port: number, host = this.host): Promise<string> {
    this.send(text, port, host);
    return (await this.next()).data.toString();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }
}
