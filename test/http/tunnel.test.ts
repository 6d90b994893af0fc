// Upgraded connections: a real WebSocket library on both ends, and raw bytes where it matters who sent what when.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { L } from '../../src/core/counters.ts';
import { FakeUpstream, reply, type Script } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const UPGRADE = { Connection: 'keep-alive, Upgrade', Upgrade: 'echo' };
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

async function echoServer(t: TestContext): Promise<number> {
  const server: Server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 64 * 1024 * 1024 });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (data.toString() === 'close me') socket.close(4001, 'as asked');
      else socket.send(data, { binary });
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}
const message = (socket: WebSocket) => new Promise<Buffer>((resolve) => socket.once('message', resolve));
const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));

for (const adopt of [true, false]) {
  test(`WebSocket: echo, large frames, close from both sides (${adopt ? 'adopted' : 'portable'})`, async (t) => {
    const port = await echoServer(t);
    const proxy = await startProxy(t, { endpoints: [port], adopt });
    const socket = await opened(`ws://127.0.0.1:${proxy.port}/chat`);
    socket.send('hello');
    assert.equal((await message(socket)).toString(), 'hello');
    const large = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < large.length; i += 4) large.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    socket.send(large);
    assert.ok((await message(socket)).equals(large));
    assert.equal(proxy.inFlight(), 1);
    assert.deepEqual(proxy.plane.open(), { requests: 0, streams: 1 });
    const ended = closed(socket);
    socket.close(4000);
    assert.equal(await ended, 4000);
    await eventually(() => proxy.plane.open().streams === 0, 'the tunnel is gone');
    assert.equal(proxy.log[0].status, 101);

    const second = await opened(`ws://127.0.0.1:${proxy.port}/`);
    const secondEnded = closed(second);
    second.send('close me');
    assert.equal(await secondEnded, 4001);
    await eventually(() => proxy.plane.open().streams === 0, 'the tunnel is gone');
    assert.equal(proxy.counters.readListener(0, L.upgrades), 2);
    assert.equal(proxy.counters.readListener(0, L.openUpgrades), 0);
    assert.equal(proxy.load.failures[0], 0);
  });
}

/** Says who it is at once, then echoes with a mark. */
const echo: Script = async (connection) => {
  await connection.untilText('\r\n\r\n');
  connection.take(connection.bytes.indexOf('\r\n\r\n') + 4);
  connection.write(`${SWITCH}early`);
  const mark = (): void => {
    connection.write(`<${connection.take(connection.bytes.length).toString('latin1')}>`);
  };
  connection.socket.on('data', () => queueMicrotask(mark));
  if (connection.bytes.length > 0) mark();
};

test('early bytes of both sides arrive at the other one', async (t) => {
  const upstream = await FakeUpstream.start(t, echo);
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(`${request('GET /', UPGRADE)}ahead`);
  const response = await client.response();
  assert.equal(statusOf(response), 101);
  assert.deepEqual(response.fields.slice(0, 2), [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'echo'],
  ]);
  await client.untilText('early<ahead>');
  client.write('more');
  await client.untilText('<more>');
  const sent = upstream.connections[0].all.toString('latin1');
  assert.match(sent, /\r\nConnection: Upgrade\r\nUpgrade: echo\r\n/);
  client.reset();
});

test('half close passes through, each way', async (t) => {
  const upstream = await FakeUpstream.start(t, echo);
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('GET /', UPGRADE));
  await client.untilText('early');
  client.end();
  await upstream.connections[0].untilEnded();
  assert.equal(await client.untilEnded(), 'end');
  await eventually(() => proxy.plane.open().streams === 0, 'the tunnel is gone');
});

for (const side of ['client', 'upstream'] as const) {
  test(`a ${side} that resets takes the tunnel with it`, async (t) => {
    const upstream = await FakeUpstream.start(t, echo);
    const proxy = await startProxy(t, { endpoints: [upstream] });
    const client = await proxy.connect();
    client.write(request('GET /', UPGRADE));
    await client.untilText('early');
    if (side === 'client') client.reset();
    else upstream.connections[0].reset();
    await eventually(() => proxy.plane.open().streams === 0, 'the tunnel is gone');
    await client.untilEnded();
  });
}

test('a tunnel outlives the deadlines of requests, and idles out by its own', async (t) => {
  const upstream = await FakeUpstream.start(t, echo);
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: {
      pool: undefined,
      routes: [{ pool: 'b', timeouts: { firstByte: '200ms', total: '200ms' } }],
      timeouts: { head: '200ms', bodyIdle: '200ms', keepAlive: '200ms', tunnelIdle: '500ms' },
    },
    pool: { connection: { bodyIdle: '200ms', idle: '200ms' } },
  });
  const client = await proxy.connect();
  client.write(request('GET /', UPGRADE));
  await client.untilText('early');
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.write(`${i}`);
    await client.untilText(`<${i}>`);
  }
  await client.untilEnded();
  assert.ok(client.text.endsWith('early<0><1><2><3>'), client.text);
});

test('an upgrade that is declined is an ordinary response', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    for (;;) {
      const asked = await connection.request();
      if (asked === undefined) return;
      connection.write(reply(valuesOf(asked, 'upgrade').join()));
    }
  });
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  for (const [fields, passed] of [
    [UPGRADE, 'echo'],
    [{ Upgrade: 'echo' }, ''],
    [{ Connection: 'Upgrade', Upgrade: 'h2c' }, ''],
    [{ Connection: 'Upgrade', Upgrade: 'echo, h2c' }, ''],
    [{ Connection: 'Upgrade' }, ''],
  ] as const) {
    client.write(request('GET /', fields));
    assert.equal((await client.response()).body.toString(), passed);
  }
  client.write(request('POST /', UPGRADE, 'x'));
  assert.equal((await client.response()).body.toString(), '', 'not with a body');
  assert.equal(upstream.connections.length, 1);
});

test('tunnels count against the connection limit and are cut with the listener', async (t) => {
  const upstream = await FakeUpstream.start(t, echo);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { limits: { connections: 1 } } });
  const client = await proxy.connect();
  client.write(request('GET /', UPGRADE));
  await client.untilText('early');
  await proxy.refused();
  assert.deepEqual(proxy.plane.cut(), { requests: 0, streams: 1 });
  await client.untilEnded();
});

test('backpressure: a tunnel side that does not read stops the other one', async (t) => {
  let received = 0;
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.untilText('\r\n\r\n');
    connection.write(SWITCH);
    connection.sink = (chunk) => {
      received += chunk.length;
    };
    connection.socket.pause();
  });
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('GET /', UPGRADE));
  await client.untilText('101');
  const size = 64 * 1024 * 1024;
  client.write(Buffer.alloc(size, 'z'));
  const { socket } = client;
  let last = -1;
  await eventually(() => {
    const settled = socket.bytesWritten - socket.writableLength === last;
    last = socket.bytesWritten - socket.writableLength;
    return settled && last > 0;
  }, 'the flow stops');
  assert.ok(received < size);
  assert.ok(socket.writableLength > 0);
  upstream.connections[0].socket.resume();
  await eventually(() => received === size, 'all arrives');
  client.reset();
});
