// Deadlines and limits of every phase. Deadlines are looked at ten times a second, so the shortest ones here are 200 ms.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { E } from '../../src/core/counters.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const good = answering(() => reply('good'));
const silent = answering(() => undefined);
const SHORT = { head: '200ms', bodyIdle: '200ms', keepAlive: '200ms', sendIdle: '300ms', tunnelIdle: '300ms' };
const NO_RETRY = { retries: 0, passive: 'off' };

test('a head that does not come to its end: 408', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { timeouts: SHORT } });
  const client = await proxy.connect();
  client.write('GET / HTTP/1.1\r\nHost:');
  const response = await client.response();
  assert.equal(statusOf(response), 408);
  assert.deepEqual(valuesOf(response, 'connection'), ['close']);
  assert.equal(await client.untilEnded(), 'end');
});

test('further bytes do not push the deadline of a head back', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { timeouts: SHORT } });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 200);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n');
  const drip = setInterval(() => client.write('A: b\r\n'), 20);
  const startedAt = performance.now();
  const response = await client.response().finally(() => clearInterval(drip));
  assert.equal(statusOf(response), 408);
  assert.ok(performance.now() - startedAt < 1500);
});

test('a connection that says nothing, and one that idles after a response, are closed without a word', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { timeouts: SHORT } });
  const mute = await proxy.connect();
  const idle = await proxy.connect();
  assert.equal(await idle.status(request('GET /')), 200);
  await Promise.all([mute.untilEnded(), idle.untilEnded()]);
  assert.equal(mute.total, 0);
  assert.equal(idle.text, '');
});

test('a body that stops coming: 408, and the upstream is not blamed', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { timeouts: SHORT } });
  const client = await proxy.connect();
  client.write(request('POST /', { 'Content-Length': '10' }) + 'part');
  assert.equal(statusOf(await client.response()), 408);
  await client.untilEnded();
  assert.equal(proxy.log[0].error, 'body-timeout');
  assert.equal(proxy.load.failures[0], 0);
});

test('no first byte in time: 504, blamed on the upstream', async (t) => {
  const upstream = await FakeUpstream.start(t, silent);
  const listener = { pool: undefined, routes: [{ pool: 'b', timeouts: { firstByte: '200ms' } }] };
  const proxy = await startProxy(t, { endpoints: [upstream], listener, pool: NO_RETRY });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 504);
  assert.equal(proxy.load.failures[0], 1);
  assert.equal(proxy.counters.readEndpoint(0, E.timeout), 1);
  client.write(request('POST /', { 'Content-Length': '6' }) + 'abc');
  await eventually(() => upstream.connections.at(-1)!.bytes.includes('abc'), 'the body begins');
  client.write('def');
  assert.equal(statusOf(await client.response()), 504);
});

test('the whole exchange may have a limit', async (t) => {
  const upstream = await FakeUpstream.start(t, silent);
  const listener = { pool: undefined, routes: [{ pool: 'b', timeouts: { total: '150ms' } }] };
  const proxy = await startProxy(t, { endpoints: [upstream], listener, pool: NO_RETRY });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 504);
});

test('a response body that stops coming is cut, and looks cut', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
  );
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    pool: { ...NO_RETRY, connection: { bodyIdle: '200ms' } },
  });
  const client = await proxy.connect();
  client.write(request('GET /'));
  assert.equal(await client.untilEnded(), 'reset');
  await eventually(() => proxy.log.length === 1, 'logged');
  assert.equal(proxy.log[0].error, 'upstream-stalled');
  assert.equal(proxy.load.failures[0], 1);
});

const MANY = 16 * 1024 * 1024;

test('a client that stops reading is cut off, and the upstream is not blamed', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${MANY}\r\n\r\n`).write(Buffer.alloc(MANY));
  });
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { timeouts: { ...SHORT, sendIdle: '500ms' } },
    // Shorter than the client's: a balancer that watched the wrong side would blame the upstream.
    pool: { ...NO_RETRY, connection: { bodyIdle: '200ms' } },
  });
  const client = await proxy.connect();
  client.socket.pause();
  client.write(request('GET /'));
  await eventually(() => proxy.log.length === 1, 'the request ends');
  assert.equal(proxy.log[0].error, 'client-slow');
  assert.equal(proxy.load.failures[0], 0);
  client.socket.resume();
  assert.equal(await client.untilEnded(), 'reset');
});

test('an upstream that stops reading an upload: 504, and the client is not blamed', async (t) => {
  const upstream = await FakeUpstream.start(t, (connection) => {
    connection.socket.pause();
  });
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { timeouts: { ...SHORT, bodyIdle: '300ms' } },
    pool: { ...NO_RETRY, connection: { bodyIdle: '400ms' } },
  });
  const client = await proxy.connect();
  client.write(request('POST /', { 'Content-Length': `${MANY}` })).write(Buffer.alloc(MANY));
  assert.equal(statusOf(await client.response()), 504);
  assert.equal(proxy.log[0].error, 'upstream-timeout');
  client.socket.destroy();
  upstream.connections[0].socket.resume();
});

test('body limit: by length, by counting chunks, and when all chunks came with the head', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { limits: { body: 10 } } });
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const exact = await proxy.connect();
  assert.equal(await exact.status(request('POST /', {}, '0123456789')), 200);
  assert.equal(await exact.status(`${chunked}a\r\n0123456789\r\n0\r\n\r\n`), 200);

  const long = await proxy.connect();
  assert.equal(await long.status(request('POST /', {}, '0123456789a')), 413);
  await long.untilEnded();

  const atOnce = await proxy.connect();
  assert.equal(await atOnce.status(`${chunked}b\r\n0123456789a\r\n0\r\n\r\n`), 413);

  const counted = await proxy.connect();
  counted.write(`${chunked}6\r\n012345\r\n`);
  await eventually(() => proxy.inFlight() === 1, 'the request runs');
  counted.write('6\r\n012345\r\n');
  assert.equal(statusOf(await counted.response()), 413);
  await counted.untilEnded();
  assert.equal(upstream.requests.length, 2);
  assert.equal(proxy.load.failures[0], 0);
});

test('a request that says too much before a 413 still gets the 413', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { limits: { body: 10 } } });
  const client = await proxy.connect();
  client.write(request('POST /', { 'Content-Length': '500000' })).write(Buffer.alloc(500_000));
  assert.equal(statusOf(await client.response()), 413);
  assert.equal(await client.untilEnded(), 'end');
});

test('connections beyond the limit are refused, and room is found again', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { limits: { connections: 2 } } });
  const clients = [await proxy.connect(), await proxy.connect()];
  for (const client of clients) assert.equal(await client.status(request('GET /')), 200);
  await proxy.refused();
  clients[0].socket.destroy();
  await eventually(() => proxy.counters.readListener(0, 2) === 1, 'one is closed');
  const fourth = await proxy.connect();
  assert.equal(await fourth.status(request('GET /')), 200);
});

test('maxInFlight: requests wait in order; too many, or too long, is a 503 with Retry-After', async (t) => {
  const waiting: (() => void)[] = [];
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => new Promise((resolve) => waiting.push(() => resolve(reply(m.start.split(' ')[1]))))),
  );
  const pool = { maxInFlight: 1, queue: { size: 2, timeout: '400ms' }, allDown: { retryAfter: '7s' } };
  const proxy = await startProxy(t, { endpoints: [upstream], pool });
  const clients = await Promise.all([1, 2, 3].map(() => proxy.connect()));
  for (const [i, client] of clients.entries()) {
    client.write(request(`GET /${i}`));
    await eventually(() => proxy.counters.readPool(0, 0) === i + 1, 'accepted');
  }
  const late = await proxy.connect();
  late.write(request('GET /late'));
  const full = await late.response();
  assert.equal(statusOf(full), 503);
  assert.deepEqual(valuesOf(full, 'retry-after'), ['7']);
  await eventually(() => waiting.length === 1, 'the first arrived');
  waiting[0]();
  assert.equal((await clients[0].response()).body.toString(), '/0');
  await eventually(() => waiting.length === 2, 'the second arrived');
  waiting[1]();
  assert.equal((await clients[1].response()).body.toString(), '/1');
  await eventually(() => waiting.length === 3, 'the third arrived');
  late.write(request('GET /long'));
  const long = await late.response();
  assert.equal(statusOf(long), 503);
  assert.equal(proxy.log.at(-1)!.error, 'queue-timeout');
  waiting[2]();
  assert.equal((await clients[2].response()).body.toString(), '/2');
});

test('a client that leaves the queue is forgotten', async (t) => {
  const waiting: (() => void)[] = [];
  const upstream = await FakeUpstream.start(
    t,
    answering(() => new Promise((resolve) => waiting.push(() => resolve(reply('x'))))),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: { maxInFlight: 1 } });
  const [first, second] = [await proxy.connect(), await proxy.connect()];
  first.write(request('GET /'));
  await eventually(() => waiting.length === 1, 'the first arrived');
  second.write(request('GET /'));
  await eventually(() => proxy.counters.readPool(0, 3) === 1, 'the second waits');
  second.reset();
  await eventually(() => proxy.log.length === 1, 'it is noticed');
  assert.equal(proxy.log[0].error, 'client-gone');
  waiting[0]();
  await first.response();
  assert.equal(upstream.requests.length, 1);
});

/** Listens and never accepts: once its queue is full, the kernel leaves further connections unanswered. */
async function deafPort(t: TestContext): Promise<number> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port] = (await once(worker, 'message')) as [number];
  const waiting = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.after(async () => {
    for (const socket of waiting) socket.destroy();
    await worker.terminate();
  });
  await eventually(() => waiting.filter((socket) => !socket.connecting).length >= 2, 'the queue is full');
  return port;
}

test('connect timeout: another endpoint, for any method; 504 when there is none', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const deaf = await deafPort(t);
  const connection = { connectTimeout: '200ms' };
  const alone = await startProxy(t, { endpoints: [deaf], pool: { ...NO_RETRY, connection } });
  const client = await alone.connect();
  assert.equal(await client.status(request('GET /')), 504);
  assert.equal(alone.counters.readEndpoint(0, E.connectFailed), 1);
  const both = await startProxy(t, { endpoints: [deaf, upstream], pool: { connection, retries: { backoff: '1ms' } } });
  for (let i = 0; i < 2; i++) {
    const other = await both.connect();
    assert.equal(await other.status(request('POST /', {}, 'x')), 200);
  }
  assert.equal(upstream.requests.length, 2);
});

test('draining: running requests finish and say close, idle connections end, none are accepted', async (t) => {
  const waiting: ((text: string) => void)[] = [];
  const upstream = await FakeUpstream.start(
    t,
    answering(() => new Promise<string>((resolve) => waiting.push(resolve))),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const idle = await proxy.connect();
  const busy = await proxy.connect();
  const begun = await proxy.connect();
  busy.write(request('GET /busy'));
  begun.write(request('GET /begun'));
  idle.write(request('GET /idle'));
  await eventually(() => waiting.length === 3, 'all arrived');
  const byPath = new Map(upstream.connections.map((c, i) => [c.requests[0].start.split(' ')[1], waiting[i]]));
  byPath.get('/idle')!(reply('idle'));
  assert.equal(statusOf(await idle.response()), 200);
  byPath.get('/begun')!('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbe');
  await begun.untilText('be');
  proxy.plane.drain();
  assert.equal(await idle.untilEnded(), 'end');
  byPath.get('/busy')!(reply('busy'));
  const response = await busy.response();
  assert.deepEqual(valuesOf(response, 'connection'), ['close']);
  assert.equal(await busy.untilEnded(), 'end');
  upstream.connections.find((c) => c.requests[0].start.includes('/begun'))!.write('gu');
  await begun.response();
  // Its head had gone out before: it cannot say so any more, but ends all the same.
  assert.equal(await begun.untilEnded(), 'end');
  await assert.rejects(proxy.connect());
});
