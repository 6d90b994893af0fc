// A process of its own that opens many keep-alive connections, asks once on each, and then holds them until it is ended.
// Arguments: port, count. Says "holding N" when all are open. It is not part of what is measured.

import { connect, type Socket } from 'node:net';

const AT_ONCE = 64;
const [port, count] = process.argv.slice(2).map(Number);
const held: Socket[] = [];
let lost = 0;

function open(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`));
    let answered = false;
    socket.on('data', () => {
      if (answered) return;
      answered = true;
      held.push(socket);
      resolve();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      lost++;
      resolve();
    });
  });
}

async function client(): Promise<void> {
  while (held.length + lost < count) await open();
}

await Promise.all(Array.from({ length: AT_ONCE }, client));
process.stdout.write(`holding ${held.length - lost}\n`);
setInterval(() => undefined, 60_000);
