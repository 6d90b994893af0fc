// Owns what the gRPC measurement says: one unary method, its message (a string as field 1, in protobuf's form) and its frame. And the
// servers behind the balancers: gRPC on HTTP/2 without TLS, on three ports of one process on the load core.

import { fileURLToPath } from 'node:url';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';

export const GRPC_METHOD = '/bench.Echo/Say';
const STRING_1 = 0x0a;

export interface Message {
  readonly text: string;
}

export function encodeMessage({ text }: Message): Buffer {
  const bytes = Buffer.from(text);
  const head = [STRING_1];
  let left = bytes.length;
  for (; left > 127; left >>>= 7) head.push((left & 127) | 128);
  return Buffer.concat([Buffer.of(...head, left), bytes]);
}

export function decodeMessage(bytes: Buffer): Message {
  if (bytes[0] !== STRING_1) throw new TypeError('no string as field 1');
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    length |= (bytes[at] & 127) << shift;
    if (bytes[at++] < 128) break;
  }
  return { text: bytes.toString('utf8', at, at + length) };
}

/** Not compressed, four bytes of length, the message. */
export function grpcFrame(text: string): Buffer {
  const message = encodeMessage({ text });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export async function startGrpcBackends(scope: Scope): Promise<{ readonly endpoints: readonly string[] }> {
  const file = fileURLToPath(new URL('./grpc-backend.ts', import.meta.url));
  const started = scope.start(LOAD_CORE, process.execPath, [file]);
  for (let waited = 0; waited < 10_000; waited += 20) {
    const ports = /ports ([\d ]+)\n/.exec(started.output());
    if (ports !== null) return { endpoints: ports[1].split(' ').map((port) => `127.0.0.1:${port}`) };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the gRPC servers did not start: ${started.output()}`);
}
