// Requests that are refused: the status, the end of the connection, and not one byte upstream.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { L } from '../../src/core/counters.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';

const REFUSED: readonly (readonly [status: number, text: string])[] = [
  [400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  [400, 'GET / HTTP/1.1\r\n\r\n'],
  [400, 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n'],
  [400, 'GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
  [400, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n'],
  [400, '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  [404, request('GET /', { Host: 'other.example' })],
  [413, request('POST /', { 'Content-Length': '101' })],
  [414, `GET /${'x'.repeat(9000)} HTTP/1.1\r\n`],
  [417, request('GET /', { Expect: 'miracles' })],
  [431, `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(101)}`],
  [431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(17_000)}`],
  [501, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
  [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
];

test('each has its status; nothing reaches the upstream, and nothing behind it is read', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { pool: undefined, routes: [{ host: ['a', 'test.example'], pool: 'b' }], limits: { body: 100 } },
    pool: { passive: 'off' },
  });
  for (const [status, text] of REFUSED) {
    const client = await proxy.connect();
    // Well framed, so the connection goes on.
    const framed = status === 404;
    client.write(text);
    if (!framed) client.write(request('GET /smuggled'));
    const response = await client.response();
    assert.equal(statusOf(response), status, JSON.stringify(text.slice(0, 80)));
    assert.equal(valuesOf(response, 'date').length, 1);
    assert.ok(!response.body.toString().includes('evenkeel'));
    if (framed) {
      assert.deepEqual(valuesOf(response, 'connection'), []);
      assert.equal(await client.status(request('GET /')), 200);
      continue;
    }
    assert.deepEqual(valuesOf(response, 'connection'), ['close']);
    assert.equal(await client.untilEnded(), 'end');
    assert.equal(client.text, '', 'one answer and no more');
  }
  assert.deepEqual(
    upstream.requests.map(({ start }) => start),
    ['GET / HTTP/1.1'],
  );
  assert.equal(proxy.counters.readListener(0, L.requests), 6);
});

test('a refusal behind good requests comes after their answers', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(m.start.split(' ')[1])),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(`${request('GET /1')}${request('GET /2')}GET / HTTP/1.1\r\nHost : a\r\n\r\n${request('GET /3')}`);
  assert.equal((await client.response()).body.toString(), '/1');
  assert.equal((await client.response()).body.toString(), '/2');
  assert.equal(statusOf(await client.response()), 400);
  assert.equal(await client.untilEnded(), 'end');
  assert.equal(upstream.requests.length, 2);
});

test('broken chunks in the middle of an upload: 400, and the upstream sees no end', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  while (upstream.connections.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await upstream.connections[0].untilText('hello');
  client.write('5\r\nhello, world\r\n0\r\n\r\n');
  assert.equal(statusOf(await client.response()), 400);
  await client.untilEnded();
  await upstream.connections[0].untilEnded();
  assert.equal(upstream.requests.length, 0);
  assert.equal(proxy.load.failures[0], 0);
});
