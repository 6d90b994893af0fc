// A process of its own on the load core: gRPC servers that send back the message they get. It is not part of what is measured, so it
// is HTTP/2 by hand: no library between the frames.

import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const PORTS = 3;
const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

function serve(stream: ServerHttp2Stream): void {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => undefined);
  stream.on('end', () => {
    if (stream.destroyed) return;
    stream.respond(HEAD, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  });
}

const ports = await Promise.all(
  Array.from({ length: PORTS }, () => {
    const server = createServer({ settings: { maxConcurrentStreams: 1000 } });
    server.on('stream', serve);
    return new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  }),
);
process.stdout.write(`ports ${ports.join(' ')}\n`);
