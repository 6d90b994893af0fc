// A second attempt beside a first one that is silent: who wins, who is given up, and what is never hedged.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { E, P } from '../../src/core/counters.ts';
import { type Answer, answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import type { Message } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, type ProxyOptions, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';

const POOL = { retries: { budget: '100%', budgetMin: 1000, backoff: '1ms' }, passive: 'off' };

interface World {
  readonly proxy: Running;
  readonly first: FakeUpstream;
  readonly second: FakeUpstream;
}

/** The second is a backup: asked only when the first was. */
function inOrder([first, second]: readonly FakeUpstream[]): object[] {
  return [{ address: `127.0.0.1:${first.port}` }, { address: `127.0.0.1:${second.port}`, backup: true }];
}

type Answering = (message: Message) => Answer;

/** The first endpoint is asked first: the second is its backup. */
async function world(t: TestContext, first: Answering, second: Answering, route: object = {}): Promise<World> {
  const upstreams = [await FakeUpstream.start(t, answering(first)), await FakeUpstream.start(t, answering(second))];
  const options: ProxyOptions = {
    endpoints: upstreams,
    listener: { pool: undefined, routes: [{ pool: 'b', hedge: '40ms', ...route }] },
    pool: { ...POOL, endpoints: inOrder(upstreams) },
  };
  const proxy = await startProxy(t, options);
  return { proxy, first: upstreams[0], second: upstreams[1] };
}

const silent: Answering = () => undefined;
const quick: Answering = () => reply('quick');
const hedges = ({ counters }: Running): number[] => [counters.readPool(0, P.hedges), counters.readPool(0, P.hedgesWon)];

test('an endpoint that hangs: another answers after the delay, and no failure is counted', async (t) => {
  const { proxy, first } = await world(t, silent, quick);
  const client = await proxy.connect();
  for (let i = 0; i < 6; i++) {
    const begun = performance.now();
    assert.equal((await client.write(request('GET /')).response()).body.toString(), 'quick');
    assert.ok(performance.now() - begun < 1000);
  }
  assert.equal(first.requests.length, 6);
  assert.deepEqual(hedges(proxy), [6, 6]);
  assert.deepEqual([proxy.load.failures[0], proxy.counters.readEndpoint(0, E.cancelled)], [0, 6]);
  await eventually(() => proxy.inFlight() === 0 && first.open === 0, 'the silent ones are given up');
});

test('a first answer in time costs nothing', async (t) => {
  const { proxy, second } = await world(t, quick, quick);
  const client = await proxy.connect();
  for (let i = 0; i < 4; i++) await client.write(request('GET /')).response();
  await wait(80);
  assert.deepEqual(hedges(proxy), [0, 0]);
  assert.equal(second.requests.length, 0);
});

test('the first answers after the second was asked: the second is given up', async (t) => {
  const late: Answering = () => wait(90).then(() => reply('late'));
  const { proxy } = await world(t, late, silent);
  const client = await proxy.connect();
  const bodies: string[] = [];
  for (let i = 0; i < 2; i++) bodies.push((await client.write(request('GET /')).response()).body.toString());
  assert.deepEqual(bodies, ['late', 'late']);
  assert.deepEqual(hedges(proxy), [2, 0]);
  await eventually(() => proxy.inFlight() === 0, 'no lease is open');
  assert.deepEqual([proxy.load.failures[0], proxy.load.failures[1]], [0, 0]);
});

test('a quick error of the second does not beat an answer that is only slow', async (t) => {
  const slow: Answering = () => wait(150).then(() => reply('slow'));
  const { proxy } = await world(t, slow, () => reply('no', '', '503 Service Unavailable'));
  const client = await proxy.connect();
  const bodies: string[] = [];
  for (let i = 0; i < 2; i++) bodies.push((await client.write(request('GET /')).response()).body.toString());
  assert.deepEqual(bodies, ['slow', 'slow']);
});

test('the first fails while the second runs: the second is the answer', async (t) => {
  const first = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    await wait(80);
    connection.reset();
  });
  const second = await FakeUpstream.start(
    t,
    answering(() => wait(120).then(() => reply('second'))),
  );
  const proxy = await startProxy(t, {
    endpoints: [first, second],
    listener: { pool: undefined, routes: [{ pool: 'b', hedge: '40ms' }] },
    pool: { ...POOL, retries: 0, endpoints: inOrder([first, second]) },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 2; i++) assert.equal((await client.write(request('GET /')).response()).body.toString(), 'second');
  assert.equal(first.requests.length, 2);
  assert.ok(proxy.log.some(({ attempts }) => attempts === 2));
});

test('both hang: the client is told once, and nothing is left', async (t) => {
  const { proxy } = await world(t, silent, silent, { timeouts: { firstByte: '150ms' }, retries: 0 });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 504);
  assert.deepEqual(hedges(proxy), [1, 0]);
  await eventually(() => proxy.inFlight() === 0, 'no lease is open');
});

test('a client that leaves while both run leaves no lease', async (t) => {
  const { proxy } = await world(t, silent, silent);
  const client = await proxy.connect();
  client.write(request('GET /'));
  await eventually(() => proxy.inFlight() === 2, 'both run');
  client.socket.resetAndDestroy();
  await eventually(() => proxy.inFlight() === 0, 'neither does');
});

test('the total limit ends both', async (t) => {
  const { proxy } = await world(t, silent, silent, { timeouts: { total: '120ms' } });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 504);
  await eventually(() => proxy.inFlight() === 0, 'neither runs');
});

test('only what has no body and may be done twice is hedged', async (t) => {
  const slow: Answering = () => wait(90).then(() => reply('slow'));
  const { proxy, first, second } = await world(t, slow, slow, { hedge: '20ms' });
  const client = await proxy.connect();
  for (const text of [request('POST /'), request('POST /', {}, 'x'), request('PUT /', {}, 'x')])
    await client.write(text).response();
  assert.deepEqual(hedges(proxy), [0, 0]);
  assert.equal(first.requests.length + second.requests.length, 3);
});

test('hedges come out of the retry budget', async (t) => {
  const slow: Answering = () => wait(60).then(() => reply('slow'));
  const { proxy, first, second } = await world(t, slow, slow, { hedge: '20ms' });
  await proxy.reload({
    listener: { pool: undefined, routes: [{ pool: 'b', hedge: '20ms' }] },
    pool: { ...POOL, retries: { budget: '0%', budgetMin: 0 }, endpoints: inOrder([first, second]) },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 3; i++) await client.write(request('GET /')).response();
  assert.deepEqual([hedges(proxy)[0], proxy.counters.readPool(0, P.retriesDenied)], [0, 3]);
});

test('after a percentile: nothing is hedged before a hundred answers, and then what is slower than most', async (t) => {
  let slow = false;
  const { proxy } = await world(t, () => (slow ? undefined : reply('a')), quick, {
    hedge: { after: 'p95', atLeast: '20ms' },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 120; i++) await client.write(request('GET /')).response();
  const before = hedges(proxy)[0];
  slow = true;
  for (let i = 0; i < 4; i++) assert.equal((await client.write(request('GET /')).response()).body.toString(), 'quick');
  assert.equal(hedges(proxy)[1] - before, 4);
});
