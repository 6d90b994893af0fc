// A process of its own on the load core. `echo N` opens N UDP servers that send back what they get, and says their ports.
// `ask PORT CLIENTS SECONDS` is the load: every client sends a datagram, waits for the answer and sends the next; at the end
// it says what it saw. It is not part of what is measured.

import { createSocket, type Socket } from 'node:dgram';

const BYTES = 64;
/** A datagram that is not answered by then is lost, and the client sends another. */
const LOST_MS = 500;

const [mode, ...numbers] = process.argv.slice(2);
const [first, clients, seconds] = numbers.map(Number);
if (mode === 'echo') await echo(first);
else ask(first, clients, seconds);

async function echo(count: number): Promise<void> {
  const ports = await Promise.all(
    Array.from({ length: count }, () => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, lookup: numeric });
      socket.on('message', (data, from) => socket.send(data, from.port, from.address));
      return new Promise<number>((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket.address().port)));
    }),
  );
  process.stdout.write(`ports ${ports.join(' ')}\n`);
}

function numeric(host: string, _options: unknown, done: (error: null, address: string, family: number) => void): void {
  done(null, host, 4);
}

interface Client {
  readonly socket: Socket;
  sentAt: number;
}

function ask(port: number, count: number, duration: number): void {
  const data = Buffer.alloc(BYTES, 'x');
  const waits: number[] = [];
  let answered = 0;
  let lost = 0;
  const send = (client: Client): void => {
    client.sentAt = performance.now();
    client.socket.send(data);
  };
  const all = Array.from({ length: count }, (): Client => {
    const socket = createSocket({ type: 'udp4', lookup: numeric });
    const client = { socket, sentAt: 0 };
    socket.on('message', (answer) => {
      if (answer.length !== BYTES) throw new Error(`an answer of ${answer.length} bytes`);
      if (answered++ % 16 === 0) waits.push(performance.now() - client.sentAt);
      send(client);
    });
    socket.on('error', () => lost++);
    socket.connect(port, '127.0.0.1', () => send(client));
    return client;
  });
  const began = performance.now();
  setInterval(() => {
    const now = performance.now();
    for (const client of all) {
      if (client.sentAt === 0 || now - client.sentAt < LOST_MS) continue;
      lost++;
      send(client);
    }
  }, LOST_MS / 4);
  setTimeout(() => {
    const took = (performance.now() - began) / 1000;
    waits.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(1000 * (waits[Math.floor(waits.length * share)] ?? 0));
    process.stdout.write(`RESULT ${answered} ${took} ${at(0.5)} ${at(0.99)} ${lost}\n`);
    process.exit(0);
  }, duration * 1000);
}
