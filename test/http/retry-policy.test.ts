// What a route says about sending again: answers by status, proof that a request may be done twice, budget, Retry-After, time.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { E, P } from '../../src/core/counters.ts';
import { type Answer, answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { type Message, statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';
import { asker } from '../../src/testing/versions.ts';

const ON_5XX = { attempts: 2, backoff: '1ms', on: ['connect-failure', 'reset', 'timeout', '5xx'] };
const POOL = { retries: { budget: '100%', budgetMin: 1000, backoff: '1ms' }, passive: 'off' };

/** Every request comes to the first one first. */
function inOrder(first: FakeUpstream, second: FakeUpstream): object[] {
  return [{ address: `127.0.0.1:${first.port}` }, { address: `127.0.0.1:${second.port}`, backup: true }];
}

interface World {
  readonly proxy: Running;
  readonly bad: FakeUpstream;
  readonly good: FakeUpstream;
}

/** One endpoint that answers with `answer`, one that is fine. */
async function world(
  t: TestContext,
  answer: (message: Message) => Answer,
  retries: object,
  more: { pool?: object; route?: object; config?: object } = {},
): Promise<World> {
  const bad = await FakeUpstream.start(t, answering(answer));
  const good = await FakeUpstream.start(
    t,
    answering(() => reply('good')),
  );
  const proxy = await startProxy(t, {
    endpoints: [bad, good],
    listener: { pool: undefined, routes: [{ pool: 'b', retries, ...more.route }] },
    pool: { ...POOL, ...more.pool, endpoints: inOrder(bad, good) },
  });
  return { proxy, bad, good };
}

async function status({ proxy }: World, text: string, method = 'GET'): Promise<number> {
  const client = await proxy.connect();
  return client.status(text, method);
}

const unavailable = (fields = ''): string => reply('no', fields, '503 Service Unavailable');

for (const [what, answer] of [
  ['that came whole', unavailable()],
  ['whose body is still to come', 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\n12'],
  ['without a body', 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'],
  ['in chunks', 'HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'],
] as const) {
  test(`an answer with a status of the policy, ${what}: the client sees only the next one`, async (t) => {
    const all = await world(t, () => answer, ON_5XX);
    assert.equal(await status(all, request('GET /')), 200);
    assert.equal(all.bad.requests.length, 1);
    assert.equal(all.good.requests.length, 1);
    assert.equal(all.proxy.counters.readEndpoint(0, E.status5xx), 1);
    assert.equal(all.proxy.counters.readPool(0, P.retries), 1);
    assert.deepEqual(
      all.proxy.log.map(({ attempts }) => attempts),
      [2],
    );
  });
}

test('a connection whose answer was left aside whole is used again', async (t) => {
  const { proxy, bad } = await world(t, () => unavailable(), ON_5XX);
  const client = await proxy.connect();
  for (let i = 0; i < 8; i++) assert.equal(await client.status(request('GET /')), 200);
  assert.equal(bad.requests.length, 8);
  assert.equal(bad.connections.length, 1);
});

test('statuses that the policy does not name pass', async (t) => {
  for (const [on, line, expected] of [
    [['502'], '503 Service Unavailable', 503],
    [['502-503'], '503 Service Unavailable', 200],
    [['gateway-error'], '500 Internal Server Error', 500],
    [['retriable-4xx'], '409 Conflict', 200],
    [['retriable-4xx'], '404 Not Found', 404],
    [['5xx'], '429 Too Many Requests', 429],
  ] as const) {
    const all = await world(t, () => reply('no', '', line), { ...ON_5XX, on });
    assert.equal(await status(all, request('GET /')), expected, `${on.join()} ${line}`);
  }
});

test('a POST is never repeated without proof: not on a status, not on a reset, not when it takes too long', async (t) => {
  const post = request('POST /', {}, 'x');
  const onStatus = await world(t, () => unavailable(), ON_5XX);
  assert.equal(await status(onStatus, post), 503);
  const late = await world(t, () => undefined, ON_5XX, { route: { timeouts: { attempt: '50ms' } } });
  assert.equal(await status(late, post), 504);
  const keyed = await world(t, () => unavailable(), ON_5XX);
  // A key means nothing where nobody said that it does.
  assert.equal(await status(keyed, request('POST /', { 'Idempotency-Key': 'a' }, 'x')), 503);
  for (const { bad, good } of [onStatus, late, keyed])
    assert.deepEqual([bad.requests.length, good.requests.length], [1, 0]);
});

test('a POST with Idempotency-Key is repeated where the route says so, with its key and its body', async (t) => {
  const all = await world(t, () => unavailable(), { ...ON_5XX, idempotencyKey: true });
  assert.equal(await status(all, request('POST /', { 'Idempotency-Key': 'k1' }, 'body')), 200);
  assert.ok(all.good.requests.every(({ body }) => body.toString() === 'body'));
  assert.equal(all.bad.requests.length, 1);
  assert.equal(await status(all, request('POST /', {}, 'body')), 503);
});

test('methods of the route replace the usual ones', async (t) => {
  const all = await world(t, () => unavailable(), { ...ON_5XX, methods: ['post'] });
  assert.equal(await status(all, request('POST /', {}, 'x')), 200);
  assert.equal(await status(all, request('GET /')), 503);
});

test('a request that is not at hand whole is not repeated', async (t) => {
  const all = await world(t, () => unavailable(), ON_5XX);
  assert.equal(await status(all, request('PUT /', {}, 'x'.repeat(20_000)), 'PUT'), 503);
});

test('with nobody else to ask, the answer is the answer', async (t) => {
  const bad = await FakeUpstream.start(
    t,
    answering(() => unavailable('X-Why: me\r\n')),
  );
  const proxy = await startProxy(t, {
    endpoints: [bad],
    listener: { pool: undefined, routes: [{ pool: 'b', retries: ON_5XX }] },
    pool: POOL,
  });
  const client = await proxy.connect();
  const answer = await client.write(request('GET /')).response();
  assert.deepEqual([statusOf(answer), valuesOf(answer, 'x-why')], [503, ['me']]);
  assert.equal(proxy.counters.readPool(0, P.retries), 0);
});

test('Retry-After is waited for up to the bound; beyond it the answer goes to the client', async (t) => {
  const soon = await world(t, () => unavailable('Retry-After: 1\r\n'), ON_5XX);
  const begun = performance.now();
  assert.equal(await status(soon, request('GET /')), 200);
  assert.ok(performance.now() - begun >= 990);
  const later = await world(t, () => unavailable('Retry-After: 2\r\n'), ON_5XX);
  assert.equal(await status(later, request('GET /')), 503);
});

test('the budget holds for answers as well: what it does not allow passes as it came', async (t) => {
  const all = await world(t, () => unavailable(), ON_5XX, {
    pool: { retries: { budget: '0%', budgetMin: 3 } },
  });
  const client = await all.proxy.connect();
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) statuses.push(await client.status(request('GET /')));
  const repeated = all.proxy.counters.readPool(0, P.retries);
  assert.ok(repeated >= 3 && repeated <= 6, `${repeated}`);
  assert.equal(statuses.filter((status) => status === 503).length, 20 - repeated);
  assert.equal(all.proxy.counters.readPool(0, P.retriesDenied), 20 - repeated);
});

test('an attempt that takes too long goes elsewhere, long before the first byte is due', async (t) => {
  const all = await world(t, () => undefined, ON_5XX, { route: { timeouts: { attempt: '50ms' } } });
  const begun = performance.now();
  assert.equal(await status(all, request('GET /')), 200);
  assert.ok(performance.now() - begun < 1000);
  assert.equal(all.proxy.counters.readEndpoint(0, E.timeout), 1);
});

test('an attempt that was answered in time may take as long as it likes', async (t) => {
  let finish = (): void => undefined;
  const slow = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
    await new Promise<void>((resolve) => (finish = resolve));
    connection.write('cd');
  });
  const proxy = await startProxy(t, {
    endpoints: [slow],
    listener: { pool: undefined, routes: [{ pool: 'b', timeouts: { attempt: '40ms' } }] },
    pool: POOL,
  });
  const client = await proxy.connect();
  client.write(request('GET /'));
  await client.untilText('ab');
  await new Promise((resolve) => setTimeout(resolve, 80));
  finish();
  assert.equal((await client.response()).body.toString(), 'abcd');
});

test('a client that leaves during the pause leaves nothing behind', async (t) => {
  const { proxy, bad } = await world(t, () => unavailable(), { ...ON_5XX, backoff: '10s', maxBackoff: '10s' });
  const client = await proxy.connect();
  client.write(request('GET /'));
  await eventually(() => bad.requests.length === 1 && proxy.inFlight() === 0, 'it pauses');
  client.socket.resetAndDestroy();
  await eventually(() => proxy.plane.open().requests === 0, 'nobody waits');
});

test('over HTTP/2 as well', async (t) => {
  const { proxy, bad, good } = await world(t, () => unavailable(), ON_5XX);
  await proxy.reload({
    listener: { pool: undefined, http2: true, routes: [{ pool: 'b', retries: ON_5XX }] },
    pool: { ...POOL, endpoints: inOrder(bad, good) },
  });
  const { ask } = asker(t, 'h2', proxy.port);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask({})));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(bad.requests.length, 8);
});

test('a pool has a policy for all of its routes', async (t) => {
  const bad = await FakeUpstream.start(
    t,
    answering(() => unavailable()),
  );
  const good = await FakeUpstream.start(
    t,
    answering(() => reply('good')),
  );
  const proxy = await startProxy(t, {
    endpoints: [bad, good],
    pool: { ...POOL, retries: { ...ON_5XX, budgetMin: 100 } },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 4; i++) assert.equal(statusOf(await client.write(request('GET /')).response()), 200);
});
