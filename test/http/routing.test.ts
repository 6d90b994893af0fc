// Content routing over real sockets: paths that try to get around a route, variants of splits, what is logged and counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { V } from '../../src/core/counters.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';

const GUARDED = [
  { name: 'office', path: '/admin/*', client: '10.0.0.0/8', pool: 'b' },
  { name: 'nobody', path: '/admin/*', filters: [{ respond: 403 }] },
  { name: 'public', pool: 'b' },
];

const TRICKS: Readonly<Record<string, readonly string[]>> = {
  'the plain path': ['/admin/x'],
  'dot segments': ['/x/../admin/x', '/./admin/x', '/admin/../admin/x', '/%2e%2e/admin/x', '/x/%2E./admin/x'],
  'escapes of letters': ['/%61dmin/x', '/adm%69n/x'],
  'encoded slashes': ['/admin%2Fx', '/%2Fadmin/x', '/admin%2f%2fx', '/x%2F..%2Fadmin/x', '/x/..%2fadmin/x'],
  'several slashes': ['//admin/x', '/x/..//admin/x', '///admin//x'],
  backslashes: ['/admin\\x', '/\\admin/x', '/x\\..\\admin/x', '/admin%5Cx', '/x%5c..%5cadmin/x'],
  parameters: ['/admin;a=b/x', '/x/..;/admin/x', '/;/admin/x', '/x/..;y=z/admin/x'],
  NUL: ['/admin%00/x', '/x%00/../admin/x', '/admin/%00'],
  'overlong UTF-8': [
    '/x/%c0%ae%c0%ae/admin/x',
    '/admin%c0%afx',
    '/admin%e0%80%afx',
    '/admin%f0%80%80%afx',
    '/%c1%a1dmin/x',
  ],
  'broken escapes': ['/admin%/x', '/%zzadmin/x', '/admin%2'],
  'the absolute form': ['http://test.example/admin/x', 'http://test.example/x/../admin/x'],
};

for (const [trick, paths] of Object.entries(TRICKS)) {
  test(`a route for some is not got around by ${trick}`, async (t) => {
    const upstream = await FakeUpstream.start(
      t,
      answering(() => reply('secret')),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], listener: { pool: undefined, routes: GUARDED } });
    for (const path of paths) {
      const client = await proxy.connect();
      const status = await client.status(request(`GET ${path}`));
      assert.ok(status === 403 || status === 400, `${path}: ${status}`);
    }
    assert.equal(upstream.requests.length, 0, 'nothing came through');
  });
}

test('a path that has several readings is served when all of them take the same route', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(m.start.split(' ')[1])),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { pool: undefined, routes: GUARDED } });
  const client = await proxy.connect();
  for (const path of ['/projects/group%2Fname', '//images//logo.png', '/shop;session=1/cart', '/%C3%BC%E9', '/a%5Cb']) {
    client.write(request(`GET ${path}`));
    assert.equal((await client.response()).body.toString(), path, 'and goes on as it came');
  }
});

test('an ambiguous path is refused as a bad request, and is counted and logged as one', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { pool: undefined, routes: GUARDED } });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /admin%2Fx')), 400);
  assert.equal(proxy.log[0].error, 'bad-request');
  assert.equal(proxy.counters.readError(0, 'bad-request'), 1);
});

const SPLIT = {
  name: 'shop',
  split: {
    by: 'cookie:who',
    variants: {
      a: { pool: 'b', weight: 1 },
      b: { pool: 'b', weight: 1, force: { header: { 'x-variant': 'b' }, query: { preview: true } } },
    },
  },
};

test('who has no cookie is given one and keeps its variant; log and counters know which', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply('', '', valuesOf(m, 'x-fail').length > 0 ? '503 Down' : '200 OK')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { pool: undefined, routes: [SPLIT] } });
  const client = await proxy.connect();
  for (let i = 0; i < 10; i++) {
    client.write(request('GET /'));
    const [set] = valuesOf(await client.response(), 'set-cookie');
    assert.match(set, /^who=[0-9a-f]{32}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
    const { variant } = proxy.log.at(-1)!;
    const cookie = set.split(';')[0];
    client.write(request('GET /', { Cookie: `x=1; ${cookie}` }));
    assert.deepEqual(valuesOf(await client.response(), 'set-cookie'), [], 'who has one keeps it');
    assert.equal(proxy.log.at(-1)!.variant, variant);
  }
  client.write(request('GET /', { 'X-Variant': 'b', 'X-Fail': '1' }));
  assert.equal(statusOf(await client.response()), 503);
  assert.equal(proxy.log.at(-1)!.variant, 'b');
  client.write(request('GET /?preview'));
  await client.response();
  assert.equal(proxy.log.at(-1)!.variant, 'b');
  const count = (slot: number, column: number): number => proxy.counters.readVariant(slot, column);
  assert.equal(count(0, V.requests) + count(1, V.requests), 22);
  assert.deepEqual([count(0, V.failures), count(1, V.failures)], [0, 1]);
});

test('captures, tables and the variant are at hand for filters', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(valuesOf(m, 'x-told').join())),
  );
  const told = '${capture:tenant} ${capture:id} ${map:tier} ${variant}';
  const route = {
    host: '{tenant}.test.example',
    path: '/users/{id}/*',
    split: { variants: { only: { pool: 'b' } } },
    // What the route was chosen by stays at hand.
    filters: [{ rewrite: { to: '/elsewhere' } }],
  };
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { pool: undefined, routes: [route] },
    pool: { filters: [{ headers: { request: { set: { 'x-told': told } } } }] },
    config: { maps: { tier: { of: 'header:x-plan', values: { 'p*': 'gold' }, default: 'basic' } } },
  });
  const client = await proxy.connect();
  client.write(request('GET /users/7/orders', { Host: 'acme.test.example', 'X-Plan': 'pro' }));
  assert.equal((await client.response()).body.toString(), 'acme 7 gold only');
});

test('devices and languages take routes', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(m.start)),
  );
  const routes = [
    { userAgent: 'bot', filters: [{ respond: 429 }] },
    { language: 'de', filters: [{ respond: 204 }] },
    { userAgent: ['mobile', 'desktop'], pool: 'b' },
  ];
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { pool: undefined, routes } });
  const client = await proxy.connect();
  const laptop = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0';
  assert.equal(await client.status(request('GET /')), 429, 'no user agent is a bot');
  assert.equal(await client.status(request('GET /', { 'User-Agent': laptop })), 200);
  assert.equal(
    await client.status(request('GET /', { 'User-Agent': laptop, 'Accept-Language': 'de-AT,en;q=0.5' })),
    204,
  );
});
