// A program that tests run inside a network namespace: a client and a server on request, told by lines of JSON on stdin.
// It ends when its stdin does, so that a test that dies leaves none behind.

import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The client's own address. */
  readonly from?: string;
}

export type Order =
  /** Says `name peer-address\n` to everybody and then echoes; by UDP `name peer-address text` for every datagram. */
  | { readonly op: 'serve'; readonly host: string; readonly port: number; readonly name: string }
  /** Connects, reads the greeting, closes; an error's code in its place. */
  | (Target & { readonly op: 'ask'; readonly times: number })
  /** As `ask`, and stays open under the returned number. */
  | (Target & { readonly op: 'open' })
  | { readonly op: 'echo'; readonly conn: number; readonly text: string }
  /** Random bytes there and back in random pieces; true when they came back unchanged. */
  | (Target & { readonly op: 'bulk'; readonly size: number })
  | (Target & { readonly op: 'udp'; readonly times: number; readonly sameSocket: boolean })
  | { readonly op: 'get'; readonly url: string };

const WAIT_MS = 2000;
const held = new Map<number, Reader>();
let numbers = 0;

/** A connection read in pieces of what the test asks for. */
class Reader {
  readonly socket: Socket;
  #data = Buffer.alloc(0);
  #ended = '';
  #wake: () => void = () => undefined;

  constructor({ host, port, from }: Target) {
    this.socket = connect({ host, port, localAddress: from });
    this.socket.on('data', (chunk: Buffer) => {
      this.#data = Buffer.concat([this.#data, chunk]);
      this.#wake();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#ended = error.code ?? error.message;
    });
    this.socket.on('close', () => {
      this.#ended ||= 'closed';
      this.#wake();
    });
  }

  async take(length: number | 'line'): Promise<Buffer | string> {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const end = length === 'line' ? this.#data.indexOf('\n') + 1 : this.#data.length >= length ? length : 0;
      if (end > 0) {
        const taken = this.#data.subarray(0, end);
        this.#data = this.#data.subarray(end);
        return taken;
      }
      if (this.#ended !== '') return this.#ended;
      const left = until - performance.now();
      if (left <= 0) return 'timeout';
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

async function greeting(reader: Reader): Promise<string> {
  const line = await reader.take('line');
  return line.toString().trim();
}

async function bulk(order: Target & { readonly size: number }): Promise<boolean> {
  const reader = new Reader(order);
  await greeting(reader);
  const sent = randomBytes(order.size);
  const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  for (let at = 0; at < sent.length; ) {
    const length = 1 + (randomBytes(2).readUInt16LE() % 9000);
    reader.socket.write(sent.subarray(at, at + length));
    at += length;
    if (length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const back = await reader.take(sent.length);
  reader.socket.destroy();
  return typeof back !== 'string' && hash(back) === hash(sent);
}

async function datagram({ host, port, from }: Target, socket = udpSocket(host)): Promise<string> {
  if (from !== undefined) await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), WAIT_MS);
    const end = (text: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      resolve(text);
    };
    socket.on('message', (data) => end(data.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    // Connected, so that a refusal (ICMP) is seen.
    const send = (): void => socket.send('hello', (error) => error && end((error as NodeJS.ErrnoException).code ?? ''));
    try {
      socket.remoteAddress();
      send();
    } catch {
      socket.connect(port, host, send);
    }
  });
}

function udpSocket(host: string) {
  return createSocket(host.includes(':') ? 'udp6' : 'udp4');
}

async function serve({ host, port, name }: Extract<Order, { op: 'serve' }>): Promise<string> {
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(`${name} ${socket.remoteAddress}\n`);
    socket.pipe(socket);
  });
  const udp = udpSocket(host);
  udp.on('message', (data, peer) => udp.send(`${name} ${peer.address} ${data.toString()}`, peer.port, peer.address));
  await new Promise<void>((resolve) => tcp.listen(port, host, resolve));
  await new Promise<void>((resolve) => udp.bind(port, host, resolve));
  return 'serving';
}

async function obey(order: Order): Promise<unknown> {
  switch (order.op) {
    case 'serve':
      return serve(order);
    case 'ask': {
      const answers: string[] = [];
      for (let i = 0; i < order.times; i++) {
        const reader = new Reader(order);
        answers.push(await greeting(reader));
        reader.socket.destroy();
      }
      return answers;
    }
    case 'open': {
      const reader = new Reader(order);
      held.set(++numbers, reader);
      return { conn: numbers, greeting: await greeting(reader) };
    }
    case 'echo': {
      const reader = held.get(order.conn)!;
      reader.socket.write(order.text);
      return (await reader.take(order.text.length)).toString();
    }
    case 'bulk':
      return bulk(order);
    case 'udp': {
      const answers: string[] = [];
      let socket = udpSocket(order.host);
      for (let i = 0; i < order.times; i++) {
        answers.push(await datagram(i > 0 && order.sameSocket ? { ...order, from: undefined } : order, socket));
        if (order.sameSocket) continue;
        socket.close();
        socket = udpSocket(order.host);
      }
      socket.close();
      return answers;
    }
    case 'get':
      return (await fetch(order.url)).text();
  }
}

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { id, order } = JSON.parse(line) as { id: number; order: Order };
    obey(order).then(
      (result) => process.stdout.write(`${JSON.stringify({ id, result })}\n`),
      (error: Error) => process.stdout.write(`${JSON.stringify({ id, error: error.message })}\n`),
    );
  });
  lines.on('close', () => process.exit());
}
