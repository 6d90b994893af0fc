// What a TCP proxy owes its two ends: every byte, in order, both ways, and each end of a direction when it comes.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { E, L } from '../../src/core/counters.ts';
import type { ErrorCode } from '../../src/core/error.ts';
import type { ConnectionRecord } from '../../src/tcp/context.ts';
import { deafServer } from '../../src/testing/deaf-server.ts';
import { eventually, type ProxyOptions, startProxy } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

function start(t: TestContext, options: ProxyOptions) {
  return startProxy(t, { ...options, listener: { protocol: 'tcp', ...options.listener } });
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const errorsOf = (proxy: Awaited<ReturnType<typeof start>>, code: ErrorCode) => proxy.counters.readError(0, code);
const records = (proxy: Awaited<ReturnType<typeof start>>) => proxy.log as unknown as ConnectionRecord[];

for (const adopt of [true, false]) {
  test(`a large transfer both ways at once arrives unharmed (${adopt ? 'adopted' : 'portable'})`, async (t) => {
    const backend = await TcpBackend.echo(t);
    const proxy = await start(t, { endpoints: [backend.port], adopt });
    const client = await proxy.connect();
    const sent = Buffer.alloc(12 * 1024 * 1024);
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    client.write(sent);
    client.end();
    assert.equal(await client.untilEnded(), 'end');
    assert.ok(client.all.equals(sent));
    await eventually(() => records(proxy).length === 1, 'one line in the log');
    const [record] = records(proxy);
    assert.equal(record.bytesIn, sent.length);
    assert.equal(record.bytesOut, sent.length);
    assert.equal(record.closedBy, 'client');
    assert.equal(proxy.counters.readListener(0, L.bytesIn), sent.length);
    assert.equal(proxy.counters.readEndpoint(0, E.bytesReceived), sent.length);
  });
}

test('a server that speaks first is heard', async (t) => {
  const backend = await TcpBackend.start(t, (connection) => connection.write('220 ready\r\n'));
  const proxy = await start(t, { endpoints: [backend.port] });
  const client = await proxy.connect();
  await client.untilText('220 ready\r\n');
});

test('what the client sends before the server is reached is kept, and its end too', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port] });
  const client = await proxy.connect();
  client.write('all there is');
  client.end();
  const server = await backend.connection();
  await server.untilText('all there is');
  assert.equal(await server.untilEnded(), 'end');
  server.write('and the answer');
  server.end();
  await client.untilText('and the answer');
});

test('one side may end and go on listening, whichever it is', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port] });
  const first = await proxy.connect();
  const a = await backend.connection(0);
  first.end();
  await a.untilEnded();
  for (const text of ['one', 'two']) {
    a.write(text);
    await first.untilText(text);
  }
  a.end();
  await first.untilEnded();

  const second = await proxy.connect();
  const b = await backend.connection(1);
  b.end();
  await second.untilEnded();
  for (const text of ['three', 'four']) {
    second.write(text);
    await b.untilText(text);
  }
  second.end();
  await b.untilEnded();
  await eventually(() => records(proxy).length === 2, 'both are over');
  assert.deepEqual(
    records(proxy).map(({ closedBy }) => closedBy),
    ['client', 'server'],
  );
});

test('a reset of one side is a reset of the other, so that nothing cut looks whole', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port] });
  const client = await proxy.connect();
  const a = await backend.connection(0);
  a.write('half of');
  await client.untilText('half of');
  a.reset();
  assert.equal(await client.untilEnded(), 'reset');

  const other = await proxy.connect();
  const b = await backend.connection(1);
  other.write('x');
  await b.untilText('x');
  other.reset();
  assert.equal(await b.untilEnded(), 'reset');
  await eventually(() => records(proxy).length === 2, 'both are over');
  assert.equal(proxy.counters.readEndpoint(0, E.reset), 1);
});

test('a slow reader stops the sender, whoever reads slowly, and nothing piles up in between', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port] });
  const client = await proxy.connect();
  const server = await backend.connection();
  const size = 64 * 1024 * 1024;
  const before = process.memoryUsage().arrayBuffers;
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    to.socket.pause();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let accepted = 0;
    from.socket.on('drain', () => undefined);
    while (accepted < size && from.socket.write(chunk)) accepted += chunk.length;
    await wait(150);
    const held = proxy.counters.readListener(0, from === client ? L.bytesIn : L.bytesOut);
    assert.ok(held < 24 * 1024 * 1024, `${held} bytes went in without being read`);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes of buffers`);
    to.sink = () => undefined;
    to.socket.resume();
    await eventually(() => from.socket.writableLength === 0, 'everything is taken');
  }
});

test('a dial that fails goes on to another endpoint, and the client notices nothing', async (t) => {
  const dead = await deadPort();
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, {
    endpoints: [dead, backend.port],
    pool: { retries: { backoff: '1ms', budget: '100%' } },
  });
  for (let i = 0; i < 4; i++) {
    const client = await proxy.connect();
    client.write('hello');
    await client.untilText('hello');
    client.end();
    await client.untilEnded();
  }
  await eventually(() => records(proxy).length === 4, 'all are over');
  assert.ok(records(proxy).some(({ attempts }) => attempts === 2));
  assert.ok(records(proxy).every(({ endpoint, error }) => endpoint === 'b/1' && error === ''));
  assert.ok(proxy.counters.readEndpoint(0, E.connectFailed) > 0);
});

test('a server that does not accept in time is given up for another one', async (t) => {
  const deaf = await deafServer(t);
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, {
    endpoints: [deaf, backend.port],
    pool: { connection: { connectTimeout: '150ms' }, retries: { backoff: '1ms' } },
  });
  const clients = await Promise.all([proxy.connect(), proxy.connect()]);
  for (const client of clients) {
    client.write('hello');
    await client.untilText('hello');
    client.end();
    await client.untilEnded();
  }
  await eventually(() => records(proxy).length === 2, 'both are over');
  assert.deepEqual(
    records(proxy)
      .map(({ attempts }) => attempts)
      .sort((a, b) => a - b),
    [1, 2],
  );
  const alone = await start(t, { endpoints: [deaf], pool: { connection: { connectTimeout: '150ms' }, retries: 0 } });
  await alone.refused();
  await eventually(() => errorsOf(alone, 'connect-timeout') === 1, 'counted');
});

test('nobody to connect to: the client is reset, and the cause is counted and logged', async (t) => {
  const proxy = await start(t, { endpoints: [await deadPort()], pool: { retries: 0 } });
  await proxy.refused();
  await eventually(() => errorsOf(proxy, 'connect-failed') === 1, 'counted');
  assert.equal(records(proxy)[0].error, 'connect-failed');
  const empty = await start(t, { endpoints: [] });
  await empty.refused();
  await eventually(() => errorsOf(empty, 'pool-empty') === 1, 'counted');
});

test('a client that leaves while its server is being found costs nothing', async (t) => {
  const backend = await TcpBackend.echo(t);
  const dead = await deadPort();
  const proxy = await start(t, { endpoints: [dead, backend.port], pool: { retries: { backoff: '200ms' } } });
  for (let i = 0; i < 4; i++) {
    const client = await proxy.connect();
    client.reset();
  }
  await eventually(() => records(proxy).length === 4, 'all are over');
});

test('silence ends a connection, traffic either way keeps it', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { timeouts: { idle: '300ms' } } });
  const quiet = await proxy.connect();
  const lively = await proxy.connect();
  await backend.connection(1);
  const server = backend.connections[1];
  for (let i = 0; i < 8; i++) {
    await wait(60);
    server.write('tick');
  }
  assert.equal(await quiet.untilEnded(), 'end');
  assert.equal(lively.ending, 'open');
  await eventually(() => records(proxy).length === 1, 'the quiet one is over');
  assert.equal(records(proxy)[0].closedBy, 'idle');
});

test('no connection outlives its lifetime', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { timeouts: { lifetime: '150ms' } } });
  const client = await proxy.connect();
  client.write('x');
  assert.equal(await client.untilEnded(), 'reset');
  await eventually(() => records(proxy).length === 1, 'it is over');
  assert.equal(records(proxy)[0].closedBy, 'lifetime');
});

test('a drain lets connections go on and takes no new ones; the deadline cuts what is left and counts it', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port] });
  const client = await proxy.connect();
  client.write('before');
  await client.untilText('before');
  proxy.plane.drain();
  await assert.rejects(proxy.connect(), /ECONNREFUSED/);
  client.write('after');
  await client.untilText('after');
  assert.deepEqual(proxy.plane.open(), { requests: 0, streams: 1 });
  assert.deepEqual(proxy.plane.cut(), { requests: 0, streams: 1 });
  assert.equal(await client.untilEnded(), 'reset');
  await eventually(() => records(proxy).length === 0 || records(proxy)[0].closedBy === 'cut', 'cut');
});

test('a reload leaves open connections alone and sends new ones by the new configuration', async (t) => {
  const old = await TcpBackend.echo(t);
  const next = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [old.port, next.port], pool: { balance: 'round-robin' } });
  const client = await proxy.connect();
  client.write('a');
  await client.untilText('a');
  const { port } = client === undefined ? old : old.open === 1 ? next : old;
  await proxy.reload({ listener: { protocol: 'tcp' }, pool: { endpoints: [`127.0.0.1:${port}`] } });
  client.write('b');
  await client.untilText('b');
  const other = await proxy.connect();
  other.write('c');
  await other.untilText('c');
  assert.deepEqual([old.open, next.open], [1, 1]);
});
