// Owns the first message of a real TLS client, as bytes.

import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';

/** What a real TLS client sends first. */
export async function realHello(servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', servername, ALPNProtocols, rejectUnauthorized: false });
  client.on('error', () => undefined);
  const bytes = await new Promise<Buffer>((resolve) => {
    server.once('connection', (socket) =>
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data);
      }),
    );
  });
  client.destroy();
  server.close();
  return bytes;
}
