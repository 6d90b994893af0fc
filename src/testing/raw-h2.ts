// Owns a client of HTTP/2 that sends exactly the frames it is told to, right or wrong, and tells which came back.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly body: Buffer;
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;

export function frame(type: number, flags: number, id: number, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)]);
}

/** Literal fields without Huffman code or table: what every decoder reads. */
export function block(fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[]): Buffer {
  const list = Array.isArray(fields) ? (fields as readonly (readonly [string, string])[]) : Object.entries(fields);
  return Buffer.concat(list.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return Buffer.concat([Buffer.of(...length, rest), bytes]);
}

export const GET = { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'a.example' };
export const POST = { ...GET, ':method': 'POST' };

export class RawH2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  ended = false;
  #held: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('data', (bytes) => this.#read(bytes));
  }

  /** `polite`: preface and settings are sent and acknowledged. */
  static async connect(port: number, polite = true): Promise<RawH2> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawH2(socket);
    await once(socket, 'connect');
    if (polite) client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0));
    return client;
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  #read(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length >= 9) {
      const length = this.#held.readUIntBE(0, 3);
      if (this.#held.length < 9 + length) return;
      const [type, flags] = [this.#held[3], this.#held[4]];
      const id = this.#held.readUInt32BE(5);
      this.frames.push({ type, flags, id, body: Buffer.from(this.#held.subarray(9, 9 + length)) });
      this.#held = this.#held.subarray(9 + length);
    }
  }

  /** The first frame that fits, however late it comes. */
  async frame(fits: (frame: Frame) => boolean, what: string): Promise<Frame> {
    for (let i = 0; i < 400; i++) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.ended && i > 5) break;
      await wait(10);
    }
    throw new Error(`no ${what} came; what did: ${this.frames.map(({ type, id }) => `${type}@${id}`).join(' ')}`);
  }

  /** The reason that ended the connection. */
  async goaway(): Promise<number> {
    return (await this.frame(({ type }) => type === GOAWAY, 'GOAWAY')).body.readUInt32BE(4);
  }

  /** The reason that ended a stream. */
  async reset(id: number): Promise<number> {
    const found = await this.frame((one) => one.type === RST_STREAM && one.id === id, `RST_STREAM of ${id}`);
    return found.body.readUInt32BE(0);
  }

  /** The status of a stream's answer, which this server writes by number or as a literal. */
  async status(id: number): Promise<number> {
    const { body } = await this.frame((one) => one.type === HEADERS && one.id === id, `HEADERS of ${id}`);
    const start = body[0] === 0x20 ? 1 : 0;
    const known: Record<number, number> = { 136: 200, 137: 204, 138: 206, 139: 304, 140: 400, 141: 404, 142: 500 };
    return known[body[start]] ?? Number(body.latin1Slice(start + 2, start + 5));
  }

  close(): void {
    this.socket.destroy();
  }
}
