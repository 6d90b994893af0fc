// Filters for trying things out on real traffic: mirror and fault.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { E, type FilterEvent } from '../../src/core/counters.ts';
import { type Answer, answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { type Filtered, filtered } from '../../src/testing/filtered.ts';
import { type Message, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually } from '../../src/testing/scenario.ts';

interface Mirrored extends Filtered {
  readonly shadow: FakeUpstream;
  count(event: FilterEvent): number;
}

async function mirrored(
  t: TestContext,
  settings: object = {},
  answer: (message: Message) => Answer = () => reply('shadow'),
  options: Parameters<typeof filtered>[3] = {},
): Promise<Mirrored> {
  const shadow = await FakeUpstream.start(t, answering(answer));
  const world = await filtered(t, [{ mirror: { pool: 'shadow', ...settings } }], () => reply('real'), {
    ...options,
    more: { shadow: [shadow] },
  });
  return { ...world, shadow, count: (event) => world.proxy.counters.readEvent(0, event) };
}

test('mirror: the shadow gets what the endpoint gets, with a mark; the client hears only the endpoint', async (t) => {
  const { ask, shadow, upstream, count } = await mirrored(t);
  assert.equal((await ask('GET /a?b=c', { 'X-A': 'b' })).body.toString(), 'real');
  assert.equal((await ask('POST /form', {}, 'body')).body.toString(), 'real');
  await eventually(() => shadow.requests.length === 2, 'both are copied');
  for (const [i, copy] of shadow.requests.entries()) {
    const original = upstream.requests[i];
    assert.equal(copy.start, original.start);
    assert.deepEqual(copy.body, original.body);
    assert.deepEqual(valuesOf(copy, 'x-forwarded-for'), valuesOf(original, 'x-forwarded-for'));
    assert.deepEqual([valuesOf(copy, 'x-mirrored'), valuesOf(original, 'x-mirrored')], [['1'], []]);
  }
  assert.equal(count('mirrored'), 2);
});

test('mirror: what later filters change is changed in the copy', async (t) => {
  const shadow = await FakeUpstream.start(
    t,
    answering(() => reply('x')),
  );
  const { ask } = await filtered(
    t,
    [{ mirror: 'shadow' }, { headers: { request: { set: { 'X-Late': 'yes' } } } }],
    () => reply('real'),
    { more: { shadow: [shadow] } },
  );
  await ask('GET /');
  await eventually(() => shadow.requests.length === 1, 'copied');
  assert.deepEqual(valuesOf(shadow.requests[0], 'x-late'), ['yes']);
});

test('mirror: a shadow that hangs delays nothing, and no more than its places are taken', async (t) => {
  const { ask, shadow, count, proxy } = await mirrored(t, { maxInFlight: 3, timeout: '300ms' }, () => undefined);
  const begun = performance.now();
  for (let i = 0; i < 10; i++) assert.equal((await ask('GET /')).status, 200);
  assert.ok(performance.now() - begun < 290, 'nobody waited');
  assert.deepEqual([count('mirrored'), count('mirror-dropped')], [3, 7]);
  await eventually(() => proxy.inFlight() === 0, 'the copies are given up');
  assert.equal(proxy.counters.readEndpoint(1, E.timeout), 3);
  assert.equal(shadow.requests.length, 3);
  await ask('GET /');
  assert.equal(count('mirrored'), 4);
});

test('mirror: a shadow that refuses, resets or talks nonsense is nobody’s trouble', async (t) => {
  let mood = 0;
  const { ask, proxy, count } = await mirrored(
    t,
    { timeout: '200ms' },
    () =>
      [
        'nonsense\r\n\r\n',
        reply('no', '', '500 Internal Server Error'),
        'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx',
      ][mood++ % 3],
  );
  for (let i = 0; i < 6; i++) assert.equal((await ask('GET /')).body.toString(), 'real');
  assert.equal(count('mirrored'), 6);
  await eventually(() => mood === 6, 'all were sent');
  assert.equal(
    proxy.log.every(({ error, attempts }) => error === '' && attempts === 1),
    true,
  );
});

test('mirror: a share of the requests', async (t) => {
  const { ask, count } = await mirrored(t, { percent: '30%' });
  for (let i = 0; i < 100; i++) await ask('GET /');
  const copies = count('mirrored');
  assert.ok(copies > 10 && copies < 55, `${copies}`);
});

test('mirror: bodies that are long, still to come or of unknown length are not copied', async (t) => {
  const { ask, proxy, shadow, upstream, count } = await mirrored(t);
  await ask('POST /', {}, 'x'.repeat(20_000));
  const client = await proxy.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n');
  await client.response();
  client.write(request('POST /', { 'Content-Length': '2' }) + 'a');
  await eventually(() => upstream.connections.length >= 1 && proxy.inFlight() === 1, 'it is on its way');
  client.write('b');
  await client.response();
  assert.deepEqual([count('mirrored'), count('mirror-dropped'), shadow.requests.length], [0, 3, 0]);
});

test('mirror: a reload gives up what is under way', async (t) => {
  const { ask, proxy, shadow } = await mirrored(t, { timeout: '60s' }, () => undefined);
  await ask('GET /');
  await eventually(() => shadow.requests.length === 1, 'a copy is under way');
  await proxy.reload({ listener: { filters: [] }, pool: { retries: 0 } });
  await eventually(() => proxy.inFlight() === 0, 'it was given up');
});

test('fault: a delay, an abort, or one after the other', async (t) => {
  const slow = await filtered(t, [{ fault: { delay: '60ms' } }]);
  const begun = performance.now();
  assert.equal((await slow.ask('GET /')).status, 200);
  assert.ok(performance.now() - begun >= 55);
  const cut = await filtered(t, [{ fault: { abort: 503 } }]);
  assert.equal((await cut.ask('GET /')).status, 503);
  assert.equal(cut.upstream.requests.length, 0);
  const both = await filtered(t, [{ fault: { delay: { min: '30ms', max: '50ms' }, abort: 429 } }]);
  const then = performance.now();
  assert.equal((await both.ask('POST /', {}, 'body')).status, 429);
  assert.ok(performance.now() - then >= 28);
  assert.equal(both.proxy.counters.readEvent(0, 'fault-injected'), 1);
});

test('fault: a request that was delayed arrives whole', async (t) => {
  const { ask, asked } = await filtered(t, [{ fault: { delay: '20ms' } }]);
  assert.equal((await ask('POST /', {}, 'x'.repeat(50_000))).status, 200);
  assert.equal(asked().body.length, 50_000);
});

test('fault: a share of the requests', async (t) => {
  const { ask } = await filtered(t, [{ fault: { percent: '30%', abort: 500 } }]);
  let cut = 0;
  for (let i = 0; i < 100; i++) if ((await ask('GET /')).status === 500) cut++;
  assert.ok(cut > 10 && cut < 55, `${cut}`);
});

test('fault: no more requests are held than was said', async (t) => {
  const { proxy, ask } = await filtered(t, [{ fault: { delay: '400ms', maxActive: 2 } }]);
  const held = [await proxy.connect(), await proxy.connect()];
  for (const client of held) client.write(request('GET /'));
  await eventually(() => proxy.counters.readEvent(0, 'fault-injected') === 2, 'two are held');
  const begun = performance.now();
  assert.equal((await ask('GET /')).status, 200);
  assert.ok(performance.now() - begun < 300);
  for (const client of held) assert.equal((await client.response()).body.toString(), 'hello');
});

test('fault: by a field, from those who may, and only so', async (t) => {
  const settings = { header: 'X-Fault', from: '10.0.0.0/8' };
  const { ask, upstream } = await filtered(t, [{ fault: settings }], undefined, {
    config: { trustedProxies: '127.0.0.0/8' },
  });
  const status = async (client: string, fault: string): Promise<number> =>
    (await ask('GET /', { 'X-Forwarded-For': client, 'X-Fault': fault })).status;
  assert.equal(await status('10.1.1.1', 'abort=418'), 418);
  assert.equal(await status('192.0.2.1', 'abort=418'), 200);
  for (const nonsense of ['abort=200', 'abort=9999', 'delay=x', 'abort', 'x=1', 'delay=1e9s', ''])
    assert.equal(await status('10.1.1.1', nonsense), 200, nonsense);
  const begun = performance.now();
  assert.equal(await status('10.1.1.1', 'delay=60ms, abort=503'), 503);
  assert.ok(performance.now() - begun >= 55);
  assert.equal(upstream.requests.length, 8);
});
