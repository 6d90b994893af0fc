// Owns an endpoint of HTTP/2 that answers with exactly the frames it is told to, right or wrong, and keeps what came. It
// shares no code with ours.

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { DATA, type Frame, frame, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE } from './raw-h2.ts';

const INITIAL_WINDOW = 4;
const MOST_FRAME_BYTES = 16_384;

export class H2Peer {
  readonly socket: Socket;
  /** Number of this connection, from 0. */
  readonly index: number;
  readonly frames: Frame[] = [];
  /** What came first, where the preface belongs. */
  preface = '';
  /** What came last and is no whole frame. */
  rest: Buffer = Buffer.alloc(0);
  /** Acknowledges nothing any more. */
  silent = false;
  closed = false;
  #initialWindow = 65_535;
  /** What may be sent, by stream beside its first window, and on the connection. */
  readonly #windows = new Map<number, number>([[0, 65_535]]);

  constructor(socket: Socket, index: number, on: (peer: H2Peer, frame: Frame) => void) {
    this.socket = socket;
    this.index = index;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
    // A client that ends is let go, as servers do.
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => this.#read(bytes, on));
    this.send(frame(SETTINGS, 0, 0));
  }

  /** Heads of requests that came. */
  get asked(): number {
    return this.frames.filter(({ type }) => type === HEADERS).length;
  }

  send(...parts: Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  #read(bytes: Buffer, on: (peer: H2Peer, frame: Frame) => void): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (this.preface === '') {
      if (this.rest.length < PREFACE.length) return;
      this.preface = this.rest.toString('latin1', 0, PREFACE.length);
      this.rest = this.rest.subarray(PREFACE.length);
    }
    while (this.rest.length >= 9) {
      const length = this.rest.readUIntBE(0, 3);
      if (this.rest.length < 9 + length) return;
      const [type, flags] = [this.rest[3], this.rest[4]];
      const one = { type, flags, id: this.rest.readUInt32BE(5), body: Buffer.from(this.rest.subarray(9, 9 + length)) };
      this.rest = this.rest.subarray(9 + length);
      this.frames.push(one);
      this.#note(one);
      on(this, one);
    }
  }

  #note({ type, flags, id, body }: Frame): void {
    if (type === WINDOW_UPDATE) this.#windows.set(id, (this.#windows.get(id) ?? 0) + body.readUInt32BE(0));
    if (type === SETTINGS && flags === 0) {
      for (let at = 0; at < body.length; at += 6)
        if (body.readUInt16BE(at) === INITIAL_WINDOW) this.#initialWindow = body.readUInt32BE(at + 2);
    }
    if (!this.silent && flags === 0 && (type === SETTINGS || type === PING))
      this.send(frame(type, 1, 0, type === PING ? body : ''));
  }

  /** Sends as much of a body as is taken, until nothing is for a while: how many bytes that was. */
  async fill(id: number): Promise<number> {
    const windows = this.#windows;
    let sent = 0;
    for (let idle = 0; idle < 20 && !this.closed; ) {
      const room = Math.min(windows.get(0) ?? 0, this.#initialWindow + (windows.get(id) ?? 0));
      const part = Math.min(room, MOST_FRAME_BYTES);
      if (part <= 0) {
        idle++;
        await wait(5);
        continue;
      }
      idle = 0;
      sent += part;
      for (const one of [0, id]) windows.set(one, (windows.get(one) ?? 0) - part);
      this.send(frame(DATA, 0, id, Buffer.alloc(part)));
    }
    return sent;
  }
}

export interface H2Endpoint {
  readonly port: number;
  /** Every connection there ever was. */
  readonly peers: H2Peer[];
}

/** `on` is told of every frame, behind what settings and pings demand. */
export async function h2Endpoint(
  t: TestContext,
  on: (peer: H2Peer, frame: Frame) => void,
  tls?: { readonly key: string; readonly cert: string },
): Promise<H2Endpoint> {
  const peers: H2Peer[] = [];
  const accept = (socket: Socket): void => void peers.push(new H2Peer(socket, peers.length, on));
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
      : createTlsServer({ ...tls, ALPNProtocols: ['h2'] }, accept);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const { socket } of peers) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, peers };
}
