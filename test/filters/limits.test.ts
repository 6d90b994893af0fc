// Filters that say how much: rate-limit, concurrency-limit, body-limit, access.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { W } from '../../src/core/counters.ts';
import { redisServer } from '../../src/testing/databases.ts';
import { reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { needs } from '../../src/testing/programs.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually } from '../../src/testing/scenario.ts';
import { asker } from '../../src/testing/versions.ts';

test('rate-limit: so many at once, and then 429 with when to come back', async (t) => {
  const { ask, upstream } = await filtered(t, [{ 'rate-limit': { rate: '3/m' } }]);
  const told = [await ask('GET /'), await ask('GET /'), await ask('GET /'), await ask('GET /')];
  assert.deepEqual(
    told.map(({ status }) => status),
    [200, 200, 200, 429],
  );
  assert.deepEqual(
    told.map((one) => /r=(\d+)/.exec(one.field('ratelimit')!)![1]),
    ['2', '1', '0', '0'],
  );
  assert.equal(told[0].field('ratelimit-policy'), '"default";q=3;w=60');
  const retryAfter = Number(told[3].field('retry-after'));
  assert.ok(retryAfter > 15 && retryAfter <= 20, `${retryAfter}`);
  assert.equal(upstream.requests.length, 3);
});

test('rate-limit: each key has its own share, and limits of one name are one', async (t) => {
  const limit = (name: string): object => ({ 'rate-limit': { key: 'header:x-user', rate: '1/h', name } });
  const { ask } = await filtered(t, [], undefined, {
    listener: {
      pool: undefined,
      routes: [
        { path: '/a', filters: [limit('shared')], pool: 'b' },
        { path: '/b', filters: [limit('shared')], pool: 'b' },
        { path: '/c', filters: [limit('')], pool: 'b' },
      ],
    },
  });
  const status = async (path: string, user: string): Promise<number> =>
    (await ask(`GET ${path}`, { 'X-User': user })).status;
  assert.deepEqual(
    [await status('/a', 'x'), await status('/b', 'x'), await status('/c', 'x'), await status('/a', 'y')],
    [200, 429, 200, 200],
  );
});

test('rate-limit: a dry run tells and lets pass', async (t) => {
  const { ask, proxy } = await filtered(t, [{ 'rate-limit': { rate: '1/h', dryRun: true } }]);
  for (let i = 0; i < 3; i++) assert.equal((await ask('GET /')).status, 200);
  assert.equal(proxy.counters.readEvent(0, 'rate-limited'), 2);
});

test('rate-limit: a reload that leaves it alone forgets nobody', async (t) => {
  const filters = [{ 'rate-limit': { rate: '1/h' } }];
  const { ask, proxy } = await filtered(t, filters);
  assert.equal((await ask('GET /')).status, 200);
  await proxy.reload({ listener: { filters }, pool: { retries: 0 } });
  assert.equal((await ask('GET /')).status, 429);
});

test('concurrency-limit: so many at once; a place is free again when a request is over, however it ends', async (t) => {
  const waiting: ((text: string) => void)[] = [];
  const { proxy, ask } = await filtered(
    t,
    [{ 'concurrency-limit': { max: 2 } }],
    () => new Promise<string>((resolve) => waiting.push(resolve)),
  );
  const clients = [await proxy.connect(), await proxy.connect()];
  for (const client of clients) client.write(request('GET /'));
  await eventually(() => waiting.length === 2, 'both wait');
  const refused = await ask('GET /');
  assert.deepEqual([refused.status, refused.field('retry-after')], [429, '1']);
  clients[0].socket.resetAndDestroy();
  await eventually(() => proxy.inFlight() === 1, 'one has gone');
  const third = await proxy.connect();
  third.write(request('GET /'));
  await eventually(() => waiting.length === 3, 'the place is taken again');
  for (const answer of waiting) answer(reply('x'));
  await clients[1].response();
  await third.response();
  const again = await proxy.connect();
  again.write(request('GET /'));
  await eventually(() => waiting.length === 4, 'and free again');
  waiting[3](reply('x'));
  await again.response();
});

test('body-limit: refused at once where the length is told, else where it is passed', async (t) => {
  const { ask, proxy } = await filtered(t, [{ 'body-limit': '1k' }]);
  assert.equal((await ask('POST /', {}, 'x'.repeat(1024))).status, 200);
  assert.equal((await ask('POST /', {}, 'x'.repeat(1025))).status, 413);
  const client = await proxy.connect();
  client.write(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n${'x'.repeat(1025)}\r\n0\r\n\r\n`,
  );
  assert.match((await client.response()).start, / 413 /);
  const slow = await proxy.connect();
  slow.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 5; i++) await slow.writePieces([`100\r\n${'x'.repeat(256)}\r\n`]);
  assert.match((await slow.response()).start, / 413 /);
});

test('access: networks, methods and kinds of clients, allowed and denied', async (t) => {
  const { ask } = await filtered(t, [], undefined, {
    config: { trustedProxies: '127.0.0.0/8' },
    listener: {
      pool: undefined,
      routes: [
        {
          path: '/in',
          filters: [
            { access: { allow: { networks: ['10.0.0.0/8', '2001:db8::/32'] }, deny: { networks: '10.9.0.0/16' } } },
          ],
          pool: 'b',
        },
        { path: '/read', filters: [{ access: { allow: { methods: ['get', 'head'] } } }], pool: 'b' },
      ],
    },
  });
  const from = async (client: string): Promise<number> => (await ask('GET /in', { 'X-Forwarded-For': client })).status;
  assert.deepEqual(
    [await from('10.1.2.3'), await from('10.9.2.3'), await from('192.0.2.1'), await from('2001:db8::5')],
    [200, 403, 403, 200],
  );
  assert.deepEqual([(await ask('GET /read')).status, (await ask('DELETE /read')).status], [200, 403]);
});

test('limits hold for HTTP/2 as well', async (t) => {
  const { proxy } = await filtered(t, [{ 'rate-limit': { rate: '2/h' } }], undefined, { listener: { http2: true } });
  const { ask } = asker(t, 'h2', proxy.port);
  const told = await Promise.all(Array.from({ length: 6 }, () => ask({})));
  assert.equal(told.filter(({ status }) => status === 429).length, 4);
  assert.ok(told.filter(({ status }) => status === 429).every(({ headers }) => headers['retry-after'] === '1800'));
});

test('rate-limit: balancers that share a store share the limit; without it each counts by itself', {
  skip: needs('redis-server'),
}, async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const filters = [{ 'rate-limit': { rate: '10/h', store: `redis://127.0.0.1:${redis.port}` } }];
  const one = await filtered(t, filters);
  const other = await filtered(t, filters);
  await eventually(async () => {
    await one.ask('GET /');
    return one.proxy.counters.readWorker(W.storesUp) + other.proxy.counters.readWorker(W.storesUp) === 2;
  }, 'both are connected');
  const statuses: number[] = [];
  for (let i = 0; i < 24; i++) statuses.push((await (i % 2 === 0 ? one : other).ask('GET /')).status);
  const allowed = statuses.filter((status) => status === 200).length;
  assert.ok(allowed <= 10 && statuses.slice(-8).every((status) => status === 429), statuses.join());
  await redis.stop();
  await eventually(async () => (await one.ask('GET /')).status === 200, 'counts by itself again');
  assert.ok(one.proxy.counters.readEvent(0, 'limit-local') > 0);
});
