// Several requests on one upstream connection: order, one that leaves among many, and a connection that dies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answering, FakeUpstream, reply, type UpstreamSocket } from '../../src/testing/fake-upstream.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const pathOf = (start: string) => start.split(' ')[1];
const POOL = { connection: { pipelining: 8 }, retries: { backoff: '1ms', budget: '100%' }, passive: 'off' };

/** Reads requests and answers none by itself. */
async function gather(connection: UpstreamSocket): Promise<void> {
  while ((await connection.request()) !== undefined);
}

test('eight clients share a connection, and each gets its own answer', async (t) => {
  const upstream = await FakeUpstream.start(t, gather);
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const clients = await Promise.all(Array.from({ length: 16 }, () => proxy.connect()));
  for (const [i, client] of clients.entries()) client.write(request(`GET /${i}`));
  await eventually(() => upstream.requests.length === 16, 'all arrived');
  assert.equal(upstream.connections.length, 2);
  for (const connection of upstream.connections) {
    connection.write(connection.requests.map(({ start }) => reply(pathOf(start))).join(''));
  }
  for (const [i, client] of clients.entries()) assert.equal((await client.response()).body.toString(), `/${i}`);
});

test('requests with a body and methods that may not be repeated are not pipelined', async (t) => {
  const upstream = await FakeUpstream.start(t, gather);
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const texts = [request('GET /'), request('POST /'), request('PUT /', {}, 'x'), request('DELETE /')];
  for (const [i, text] of texts.entries()) {
    (await proxy.connect()).write(text);
    await eventually(() => upstream.requests.length === i + 1, 'arrived');
  }
  assert.deepEqual(
    upstream.connections.map(({ requests }) => requests.length),
    [2, 1, 1],
  );
});

for (const which of [0, 1, 2]) {
  test(`a client that leaves (number ${which} of 3) does not disturb the others`, async (t) => {
    const upstream = await FakeUpstream.start(t, gather);
    const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
    const clients = await Promise.all([0, 1, 2].map(() => proxy.connect()));
    for (const [i, client] of clients.entries()) {
      client.write(request(`GET /${i}`));
      await eventually(() => upstream.requests.length === i + 1, 'arrived');
    }
    const [connection] = upstream.connections;
    const body = 'x'.repeat(100_000);
    if (which === 0) {
      // In the middle of its response.
      connection.write(reply(body).slice(0, 50_000));
      await clients[0].until(() => clients[0].total > 10_000, 'a part');
    }
    clients[which].reset();
    await eventually(() => proxy.log.length === 1, 'noticed');
    const all = connection.requests.map(({ start }) => reply(`${pathOf(start)}${body}`)).join('');
    connection.write(which === 0 ? reply(body).slice(50_000) + all.slice(all.indexOf('HTTP', 1)) : all);
    for (const [i, client] of clients.entries()) {
      if (i !== which) assert.equal((await client.response()).body.toString(), `/${i}${body}`);
    }
    assert.equal(upstream.connections.length, 1);
    assert.equal(proxy.load.failures[0], 0);
  });
}

test('a client that stalled in its response and leaves lets the others go on', async (t) => {
  const upstream = await FakeUpstream.start(t, gather);
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const [stalled, other] = [await proxy.connect(), await proxy.connect()];
  stalled.socket.pause();
  stalled.write(request('GET /0'));
  await eventually(() => upstream.requests.length === 1, 'arrived');
  other.write(request('GET /1'));
  await eventually(() => upstream.requests.length === 2, 'arrived');
  const size = 32 * 1024 * 1024;
  const [connection] = upstream.connections;
  connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`).write(Buffer.alloc(size));
  connection.write(reply('other'));
  let before = -1;
  await eventually(() => {
    const same = connection.socket.bytesWritten === before;
    before = connection.socket.bytesWritten;
    return same && before > 0;
  }, 'the flow stops');
  stalled.reset();
  assert.equal((await other.response()).body.toString(), 'other');
});

for (const how of ['reset', 'end'] as const) {
  test(`upstream ${how} with several outstanding: each is sent again, once`, async (t) => {
    const upstream = await FakeUpstream.start(t, (connection) =>
      connection.index === 0 ? gather(connection) : answering((m) => reply(pathOf(m.start)))(connection),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
    const clients = await Promise.all([0, 1, 2, 3].map(() => proxy.connect()));
    for (const [i, client] of clients.entries()) {
      client.write(request(`GET /${i}`));
      await eventually(() => upstream.requests.length === i + 1, 'arrived');
    }
    const [first] = upstream.connections;
    first.write(reply('/0'));
    assert.equal((await clients[0].response()).body.toString(), '/0');
    first[how]();
    for (const i of [1, 2, 3]) assert.equal((await clients[i].response()).body.toString(), `/${i}`);
    assert.equal(upstream.requests.length, 7);
  });
}

test('a fresh connection that dies: the first of the line is an ordinary failure, the others are sent again', async (t) => {
  const upstream = await FakeUpstream.start(t, (connection) =>
    connection.index === 0 ? gather(connection) : answering((m) => reply(pathOf(m.start)))(connection),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const clients = await Promise.all([0, 1, 2].map(() => proxy.connect()));
  for (const [i, client] of clients.entries()) {
    client.write(request(`GET /${i}`));
    await eventually(() => upstream.requests.length === i + 1, 'arrived');
  }
  upstream.connections[0].reset();
  assert.equal(statusOf(await clients[0].response()), 502, 'no other endpoint to try');
  for (const i of [1, 2]) assert.equal((await clients[i].response()).body.toString(), `/${i}`);
});

test('Connection: close with others outstanding: they go elsewhere at once', async (t) => {
  const upstream = await FakeUpstream.start(t, (connection) =>
    connection.index === 0 ? gather(connection) : answering((m) => reply(pathOf(m.start)))(connection),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const clients = await Promise.all([0, 1, 2].map(() => proxy.connect()));
  for (const [i, client] of clients.entries()) {
    client.write(request(`GET /${i}`));
    await eventually(() => upstream.requests.length === i + 1, 'arrived');
  }
  // It says close and does not close.
  upstream.connections[0].write(reply('/0', 'Connection: close\r\n'));
  for (const [i, client] of clients.entries()) assert.equal((await client.response()).body.toString(), `/${i}`);
});

test('an upgrade nobody wanted fails everybody on the line, and nobody hangs', async (t) => {
  const upstream = await FakeUpstream.start(t, (connection) =>
    connection.index === 0 ? gather(connection) : answering((m) => reply(pathOf(m.start)))(connection),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const clients = await Promise.all([0, 1, 2].map(() => proxy.connect()));
  for (const [i, client] of clients.entries()) {
    client.write(request(`GET /${i}`));
    await eventually(() => upstream.requests.length === i + 1, 'arrived');
  }
  upstream.connections[0].write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  assert.equal(statusOf(await clients[0].response()), 502);
  for (const i of [1, 2]) assert.equal((await clients[i].response()).body.toString(), `/${i}`);
});

test('requests that shared a connect have a first-byte deadline too', async (t) => {
  const upstream = await FakeUpstream.start(t, gather);
  const listener = { pool: undefined, routes: [{ pool: 'b', timeouts: { firstByte: '200ms' } }] };
  const proxy = await startProxy(t, { endpoints: [upstream], listener, pool: { ...POOL, retries: 0 } });
  const clients = await Promise.all([0, 1].map(() => proxy.connect()));
  // Sent in one turn of the loop, so that both wait for the same connect.
  for (const client of clients) client.write(request('GET /'));
  const statuses = await Promise.all(clients.map(async (client) => statusOf(await client.response())));
  assert.ok(
    statuses.every((status) => status === 504 || status === 502),
    statuses.join(),
  );
});
