// What is sent again, where, and what never is.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { P } from '../../src/core/counters.ts';
import { answering, closedPort, FakeUpstream, reply, type Script } from '../../src/testing/fake-upstream.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const good = answering(() => reply('good'));
/** Takes the first request of a connection and resets. */
const resetting: Script = async (connection) => {
  await connection.request();
  connection.reset();
};
const POOL = { retries: { backoff: '1ms', budget: '100%' }, passive: 'off' };

async function pair(t: TestContext, first: Script) {
  const upstreams = [await FakeUpstream.start(t, first), await FakeUpstream.start(t, good)];
  const proxy = await startProxy(t, { endpoints: upstreams, pool: POOL });
  return { upstreams, proxy, client: await proxy.connect() };
}

/** Asks until the request went to the first upstream, so that its place in the rotation does not matter. */
async function askBoth(t: TestContext, first: Script, text: string, method = 'GET') {
  const { upstreams, proxy, client } = await pair(t, first);
  const statuses: number[] = [];
  for (let i = 0; i < 2; i++) statuses.push(await client.status(text, method));
  return { statuses: statuses.toSorted((a, b) => a - b), upstreams, proxy };
}

test('connect refused: another endpoint takes it, for any method', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [await closedPort(), upstream], pool: POOL });
  const client = await proxy.connect();
  for (let i = 0; i < 4; i++) assert.equal(await client.status(request('POST /', {}, 'body')), 200);
  assert.equal(upstream.requests.length, 4);
  assert.ok(proxy.log.some(({ attempts }) => attempts === 2));
});

test('connect refused with a body that is still to come: sent elsewhere, whole', async (t) => {
  const upstream = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, { endpoints: [await closedPort(), upstream], pool: POOL });
  for (let i = 0; i < 2; i++) {
    const client = await proxy.connect();
    client.write(request('POST /', { 'Content-Length': '40000' }) + 'x'.repeat(30_000));
    await eventually(() => proxy.inFlight() === 1, 'the request runs');
    client.write('x'.repeat(10_000));
    assert.equal(statusOf(await client.response()), 200);
  }
  assert.ok(upstream.requests.every(({ body }) => body.equals(Buffer.alloc(40_000, 'x'))));
});

test('every endpoint refuses: 502', async (t) => {
  const proxy = await startProxy(t, { endpoints: await freePorts(2), pool: POOL });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 502);
  assert.equal(proxy.log[0].error, 'connect-failed');
  assert.equal(proxy.log[0].attempts, 2);
});

test('a GET that was reset is tried elsewhere', async (t) => {
  const { statuses, upstreams } = await askBoth(t, resetting, request('GET /'));
  assert.deepEqual(statuses, [200, 200]);
  assert.ok(upstreams[0].requests.length > 0);
  assert.equal(upstreams[1].requests.length, 2);
});

test('a POST that was reset on a fresh connection is not repeated', async (t) => {
  const { statuses, upstreams } = await askBoth(t, resetting, request('POST /', {}, 'x'));
  assert.deepEqual(statuses, [200, 502]);
  assert.equal(upstreams[0].requests.length, 1);
  assert.equal(upstreams[1].requests.length, 1);
});

test('a clean close before any byte counts like a reset', async (t) => {
  const closing: Script = async (connection) => {
    await connection.request();
    connection.end();
  };
  const { statuses } = await askBoth(t, closing, request('POST /', {}, 'x'));
  assert.deepEqual(statuses, [200, 502]);
});

/** Serves one request well, does `then` to the second. */
function onSecond(then: Script): Script {
  return async (connection) => {
    await connection.request();
    connection.write(reply('good'));
    if (connection.index > 0) return good(connection);
    await connection.request();
    await then(connection);
  };
}

test('a kept connection that dies before any byte: sent again at once, any method, no failure counted', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    onSecond((connection) => connection.reset()),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: { ...POOL, retries: 0 } });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 200);
  assert.equal(await client.status(request('POST /', {}, 'body')), 200);
  assert.equal(upstream.connections.length, 2);
  assert.deepEqual(
    upstream.requests.map(({ body }) => body.toString()),
    ['', 'body', 'body'],
  );
  assert.equal(proxy.load.failures[0], 0);
});

for (const [what, bytes] of [
  ['part of a head', 'HTTP/1.1 20'],
  ['an informational answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
] as const) {
  test(`a kept connection that dies after ${what}: a POST is not repeated`, async (t) => {
    const upstream = await FakeUpstream.start(
      t,
      onSecond(async (connection) => {
        await connection.writePieces([bytes]);
        connection.end();
      }),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
    const client = await proxy.connect();
    assert.equal(await client.status(request('GET /')), 200);
    client.write(request('POST /', {}, 'body'));
    let response = await client.response();
    if (statusOf(response) === 103) response = await client.response();
    assert.equal(statusOf(response), 502);
    assert.equal(upstream.requests.length, 2);
  });
}

test('a body over 16 KiB is not kept for a second attempt', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    onSecond((connection) => connection.reset()),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 200);
  assert.equal(await client.status(request('PUT /', {}, 'x'.repeat(20_000))), 502);
  assert.equal(upstream.requests.length, 2);
});

test('a malformed response is not asked for twice', async (t) => {
  const { statuses } = await askBoth(
    t,
    answering(() => 'SPDY what\r\n\r\n'),
    request('GET /'),
  );
  assert.deepEqual(statuses, [200, 502]);
});

test('attempts are limited', async (t) => {
  const upstreams = await Promise.all([1, 2, 3, 4].map(() => FakeUpstream.start(t, resetting)));
  const proxy = await startProxy(t, {
    endpoints: upstreams,
    pool: { ...POOL, retries: { attempts: 2, backoff: '1ms' } },
  });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 502);
  assert.equal(
    upstreams.reduce((sum, { requests }) => sum + requests.length, 0),
    3,
  );
});

test('the budget ends a storm', async (t) => {
  const upstreams = [await FakeUpstream.start(t, resetting), await FakeUpstream.start(t, resetting)];
  const retries = { attempts: 1, backoff: '1ms', budget: '0%', budgetMin: 3 };
  const proxy = await startProxy(t, { endpoints: upstreams, pool: { ...POOL, retries } });
  const client = await proxy.connect();
  for (let i = 0; i < 20; i++) assert.equal(await client.status(request('GET /')), 502);
  const retried = proxy.counters.readPool(0, P.retries);
  // At most 3 a second, and the 20 requests take far less than one.
  assert.ok(retried >= 3 && retried <= 6, `${retried}`);
  assert.equal(proxy.counters.readPool(0, P.retriesDenied), 20 - retried);
});

test('no retry once response bytes went out', async (t) => {
  const { upstreams, client } = await pair(t, async (connection) => {
    await connection.request();
    await connection.writePieces(['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345']);
    connection.reset();
  });
  if ((await Promise.race([client.write(request('GET /')).response(), client.untilEnded()])) !== 'reset') {
    client.write(request('GET /'));
    await client.untilEnded();
  }
  assert.equal(client.ending, 'reset');
  assert.equal(upstreams[0].requests.length, 1);
});

test('a retry that finds nobody else says what went wrong', async (t) => {
  const upstream = await FakeUpstream.start(t, resetting);
  const proxy = await startProxy(t, { endpoints: [upstream], pool: POOL });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 502);
  assert.equal(proxy.log[0].error, 'upstream-reset');
});
