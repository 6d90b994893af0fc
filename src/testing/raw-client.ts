// Owns the downstream side of a test: writes exactly the bytes it is told and reads responses with the reference reader.

import { connect } from 'node:net';
import { type Message, readMessage, statusOf } from './http-message.ts';
import { RawSocket } from './raw-socket.ts';

export class RawClient extends RawSocket {
  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** The next response, informational ones included; it must be complete before the connection ends. */
  async response(method = 'GET'): Promise<Message> {
    let message: Message | undefined;
    await this.until(() => {
      message = readMessage(this.bytes, { kind: 'response', method, ended: this.ending === 'end' });
      return message !== undefined;
    }, 'complete response');
    this.take(message!.size);
    return message!;
  }

  /** Sends a request and returns the status of the answer to it. */
  async status(request: string, method = 'GET'): Promise<number> {
    this.write(request);
    return statusOf(await this.response(method));
  }
}

/** A request as text; `fields` may override Host. */
export function request(start: string, fields: Readonly<Record<string, string>> = {}, body = ''): string {
  const all = { Host: 'test.example', ...(body === '' ? {} : { 'Content-Length': `${body.length}` }), ...fields };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${start} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
