// A backend for the soak, a process of its own so that it can be killed. Argument: the port.
//   /         a small page            /chunked  twenty chunks          /large  1 MiB
//   /slow     answers after a while   POST      the number of bytes    WebSocket: echo

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const LARGE = Buffer.alloc(1024 * 1024, 'x');
const port = Number(process.argv[2]);

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.end(String(bytes)));
    return;
  }
  switch (request.url) {
    case '/chunked':
      for (let i = 0; i < 20; i++) response.write(`chunk ${i}\n`);
      return void response.end();
    case '/large':
      return void response.end(LARGE);
    case '/slow':
      return void setTimeout(() => response.end('late\n'), 300);
    default:
      return void response.end('ok\n');
  }
});
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(data));
  socket.on('error', () => undefined);
});
server.listen(port, '127.0.0.1');
