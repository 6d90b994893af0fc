// The filter `cache`: what must not be mixed up. Who asks, for what, of which place, and what the endpoint was told when it answered.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DiskStore } from '../../src/http/cache/disk.ts';
import type { Entry } from '../../src/http/cache/entry.ts';
import { inKey, originOf, placeBeside } from '../../src/http/cache/keys.ts';
import { ResponseCache } from '../../src/http/cache/response-cache.ts';
import { reply } from '../../src/testing/fake-upstream.ts';
import { type Filtered, filtered } from '../../src/testing/filtered.ts';
import { type Message, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually } from '../../src/testing/scenario.ts';

const MAX = 'Cache-Control: max-age=60\r\n';
const MEANWHILE = 'Cache-Control: max-age=0, stale-while-revalidate=60\r\n';
const targetOf = ({ start }: Message): string => start.split(' ')[1];
const text = async (world: Filtered, start: string, fields?: Record<string, string>, body?: string): Promise<string> =>
  (await world.ask(start, fields, body)).body.toString();

/** An endpoint that numbers its answers. */
function counting(t: TestContext, fields: string, ...filters: unknown[]): Promise<Filtered> {
  let times = 0;
  return filtered(t, filters, (m) => reply(`${targetOf(m)} ${++times}`, fields));
}

test('cache: HEAD asks for itself what is stale, and puts nothing in the place of what GET brought', async (t) => {
  const world = await filtered(t, ['cache'], (m) =>
    m.start.startsWith('HEAD')
      ? `HTTP/1.1 200 OK\r\n${MAX}Content-Length: 5\r\n\r\n`
      : reply(`hello ${world.upstream.requests.length}`, MEANWHILE),
  );
  await world.ask('GET /a');
  assert.equal((await world.ask('HEAD /a')).field('cache-status'), 'evenkeel; fwd=stale');
  assert.deepEqual(
    world.upstream.requests.map(({ start }) => start.split(' ')[0]),
    ['GET', 'HEAD'],
  );
  assert.equal(await text(world, 'GET /a'), 'hello 1');
});

test('cache: where filters behind it have a say, what is stale is asked for on their way', async (t) => {
  const world = await counting(
    t,
    `X-Internal: 1\r\n${MEANWHILE}`,
    'cache',
    { rewrite: { addPrefix: '/public' } },
    { headers: { response: { remove: ['x-internal'] } } },
  );
  assert.equal(await text(world, 'GET /a'), '/public/a 1');
  for (const times of [2, 3]) {
    const told = await world.ask('GET /a');
    assert.deepEqual([told.body.toString(), told.field('x-internal')], [`/public/a ${times}`, undefined]);
    assert.match(told.field('cache-status')!, /fwd=stale/);
  }
  assert.deepEqual(world.upstream.requests.map(targetOf), ['/public/a', '/public/a', '/public/a']);
});

test('cache: what is refreshed behind is kept by what the new answer varies by', async (t) => {
  let times = 0;
  const world = await filtered(t, ['cache'], (m) =>
    reply(`${valuesOf(m, 'x-lang').join()} ${++times}`, times === 1 ? MEANWHILE : `${MAX}Vary: X-Lang\r\n`),
  );
  const ask = (lang: string): Promise<string> => text(world, 'GET /', { 'X-Lang': lang });
  assert.deepEqual([await ask('de'), await ask('de')], ['de 1', 'de 1']);
  await eventually(async () => (await ask('de')) === 'de 2', 'refreshed');
  assert.deepEqual([await ask('en'), await ask('de'), await ask('en')], ['en 3', 'de 2', 'en 3']);
});

test('cache: ports are different places, but for the one that goes without saying', async (t) => {
  const world = await filtered(t, ['cache'], (m) => reply(valuesOf(m, 'host').join(), MAX));
  const ask = (host: string): Promise<string> => text(world, 'GET /', { Host: host });
  assert.equal(await ask('victim.example:1337'), 'victim.example:1337');
  assert.equal(await ask('victim.example'), 'victim.example');
  assert.equal(await ask('VICTIM.example:80'), 'victim.example');
  assert.equal(world.proxy.plane.purge({ key: 'http://victim.example:1337/' }), 1);
  assert.equal(world.proxy.plane.purge({ key: 'http://victim.example/' }), 1);
});

test('cache: of a target and a Host that name different places the target counts, as for the endpoint', async (t) => {
  const world = await filtered(t, ['cache'], (m) => reply(valuesOf(m, 'host').join(), MAX));
  const told = await world.ask('GET http://one.example/', { Host: 'two.example' });
  assert.equal(told.body.toString(), 'one.example');
  for (const host of ['one.example', 'two.example']) assert.equal(await text(world, 'GET /', { Host: host }), host);
  assert.match((await world.ask('GET http://one.example/', { Host: 'one.example' })).field('cache-status')!, /hit/);
});

test('cache: what a trusted proxy says of the scheme tells places apart', async (t) => {
  const world = await filtered(
    t,
    ['cache'],
    (m) =>
      valuesOf(m, 'x-forwarded-proto')[0] === 'https'
        ? reply('ok', MAX)
        : reply('', `${MAX}Location: https://test.example/\r\n`, '301 Moved'),
    { config: { trustedProxies: ['127.0.0.1/32'] } },
  );
  assert.equal((await world.ask('GET /', { 'X-Forwarded-Proto': 'http' })).status, 301);
  assert.equal((await world.ask('GET /', { 'X-Forwarded-Proto': 'https' })).status, 200);
  assert.equal(world.proxy.plane.purge({ key: 'https://test.example/' }), 1);
});

test('cache: a scheme that is none cannot make one address look like another', () => {
  assert.equal(originOf('HTTPS', 'a.example:443'), 'https://a.example');
  assert.equal(originOf('http', 'a.example:443'), 'http://a.example:443');
  assert.equal(originOf('http', '[::1]:80'), 'http://[::1]');
  assert.equal(originOf('http://victim/?', 'a'), 'http%3A%2F%2Fvictim%2F%3F://a');
});

test('cache: requests with a body are neither answered from it nor kept', async (t) => {
  const world = await filtered(t, ['cache'], (m) => reply(`body=${m.body.toString()}`, MAX));
  const fat = await world.ask('GET /', {}, 'evil=1');
  assert.deepEqual([fat.body.toString(), fat.field('cache-status')], ['body=evil=1', 'evenkeel; fwd=bypass']);
  assert.equal(await text(world, 'GET /'), 'body=');
  assert.equal(await text(world, 'GET /', {}, 'evil=2'), 'body=evil=2');
  const chunked = await world.proxy.connect();
  chunked.write(request('GET /', { 'Transfer-Encoding': 'chunked' }) + '3\r\nabc\r\n0\r\n\r\n');
  assert.equal((await chunked.response()).body.toString(), 'body=abc');
});

test('cache: requests for another protocol go past it', async (t) => {
  const world = await counting(t, MAX, 'cache');
  await world.ask('GET /ws');
  const told = await world.ask('GET /ws', { Connection: 'Upgrade', Upgrade: 'websocket' });
  assert.deepEqual([told.body.toString(), told.field('cache-status')], ['/ws 2', 'evenkeel; fwd=bypass']);
  assert.equal(await text(world, 'GET /ws'), '/ws 1');
});

const users = Object.fromEntries(
  ['alice', 'bob'].map((name) => [name, `{SHA}${createHash('sha1').update('pw').digest('base64')}`]),
);
const as = (name: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${name}:pw`).toString('base64')}`,
});
const HIDING = { 'basic-auth': { users, hide: true } };
const NAMING = { headers: { request: { set: { 'X-User': '${identity}' } } } };

for (const [what, filters] of [
  ['before it', [HIDING, NAMING, 'cache']],
  ['behind it', ['cache', HIDING, NAMING]],
] as const) {
  test(`cache: whom a filter ${what} identified is answered for alone, unless the endpoint says otherwise`, async (t) => {
    const world = await filtered(t, filters, (m) =>
      reply(
        `${valuesOf(m, 'x-user').join()}${valuesOf(m, 'authorization').join()}`,
        targetOf(m) === '/all' ? 'Cache-Control: public, max-age=60\r\n' : MAX,
      ),
    );
    assert.equal(await text(world, 'GET /me', as('alice')), 'alice');
    assert.equal(await text(world, 'GET /me', as('bob')), 'bob');
    assert.equal(await text(world, 'GET /all', as('alice')), 'alice');
    assert.equal(await text(world, 'GET /all', as('bob')), 'alice');
  });
}

test('cache: whom a filter behind it found by other means than Authorization is answered for alone', async (t) => {
  const key = 'a-long-enough-secret';
  const world = await counting(t, MAX, 'cache', { 'api-key': { keys: { one: key } } });
  for (const times of [1, 2]) assert.equal(await text(world, 'GET /', { 'X-Api-Key': key }), `/ ${times}`);
  assert.equal((await world.ask('GET /')).status, 401);
});

test('cache: credentials that a filter took off still count', async (t) => {
  const world = await counting(t, MAX, { headers: { request: { remove: ['authorization'] } } }, 'cache');
  assert.equal(await text(world, 'GET /', { Authorization: 'Bearer a' }), '/ 1');
  assert.equal(await text(world, 'GET /', { Authorization: 'Bearer b' }), '/ 2');
});

test('cache: a value in a key of its own cannot be taken for a variant, or for two values', async (t) => {
  const world = await filtered(t, [{ cache: { key: '${query:v}', query: { ignore: ['v', 'w'] } } }], (m) => {
    const isEvil = m.start.includes('%0A');
    return reply(isEvil ? 'evil' : `good for ${valuesOf(m, 'x-lang').join()}`, isEvil ? MAX : `${MAX}Vary: X-Lang\r\n`);
  });
  assert.equal(await text(world, 'GET /p?v=1', { 'X-Lang': 'de' }), 'good for de');
  assert.equal(await text(world, 'GET /p?v=1%0Ax-lang%3A%20en'), 'evil');
  assert.equal(await text(world, 'GET /p?v=1', { 'X-Lang': 'en' }), 'good for en');
  const two = await counting(t, MAX, { cache: { key: '${header:x-a} ${header:x-b}' } });
  assert.equal(await text(two, 'GET /', { 'X-A': 'a b', 'X-B': 'c' }), '/ 1');
  assert.equal(await text(two, 'GET /', { 'X-A': 'a', 'X-B': 'b c' }), '/ 2');
});

test('cache: what stands in keys is on one line and says what it was', () => {
  const values = ['a b', 'a%20b', 'a\nb', 'ü', 'Ã¼', '\ud800', '\ud801', '\ufffd', '%ud800', ''];
  const written = values.map(inKey);
  assert.equal(new Set(written).size, values.length);
  for (const one of written) assert.match(one, /^[!-~]*$/);
});

test('cache: a key with control characters is refused', async (t) => {
  await assert.rejects(filtered(t, [{ cache: { key: 'a\nb' } }]), /control characters/);
});

test('cache: what answers vary by is what the client sent, whatever filters behind make of it', async (t) => {
  const rules = { find: 'a', with: 'b' };
  const world = await counting(
    t,
    `${MAX}Content-Type: text/html\r\nVary: Accept-Encoding, X-Lang\r\n`,
    'cache',
    {
      'replace-body': { rules },
    },
    { headers: { request: { set: { 'X-Lang': 'all' } } } },
  );
  const ask = (coding: string, lang: string): Promise<string> =>
    text(world, 'GET /', { 'Accept-Encoding': coding, 'X-Lang': lang });
  const first = await ask('gzip', 'de');
  assert.equal(await ask('gzip', 'de'), first);
  const other = await ask('br', 'de');
  assert.notEqual(other, first);
  assert.notEqual(await ask('gzip', 'en'), first);
  assert.equal(await ask('br', 'de'), other);
});

test('cache: what filters before it say is what answers vary by', async (t) => {
  const world = await filtered(
    t,
    [{ headers: { request: { set: { 'X-Kind': '${query:k}' } } } }, { cache: { query: { ignore: ['k'] } } }],
    (m) => reply(valuesOf(m, 'x-kind').join(), `${MAX}Vary: X-Kind\r\n`),
  );
  for (let i = 0; i < 2; i++)
    for (const kind of ['a', 'b']) assert.equal(await text(world, `GET /?k=${kind}`, { 'X-Kind': 'c' }), kind);
  assert.equal(world.upstream.requests.length, 2);
});

for (const said of ['no-store', 'private']) {
  test(`cache: a 304 that says ${said} makes the answer go`, async (t) => {
    let times = 0;
    const world = await filtered(t, ['cache'], (m) => {
      times++;
      return valuesOf(m, 'if-none-match')[0] === '"v1"'
        ? `HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: ${said}\r\n\r\n`
        : reply(`whole ${times}`, 'Cache-Control: max-age=0\r\nETag: "v1"\r\n');
    });
    await world.ask('GET /');
    const told = await world.ask('GET /');
    assert.deepEqual(
      [told.status, told.body.toString(), told.field('cache-control'), told.field('cache-status')],
      [200, 'whole 1', said, 'evenkeel; fwd=stale; fwd-status=304'],
    );
    assert.equal(await text(world, 'GET /'), 'whole 3');
    assert.deepEqual(valuesOf(world.asked(), 'if-none-match'), []);
  });
}

test('cache: only-if-cached is no failure of the endpoint', async (t) => {
  const world = await counting(t, MAX, 'cache');
  const only = { 'Cache-Control': 'only-if-cached' };
  assert.equal((await world.ask('GET /', only)).status, 504);
  await eventually(() => world.proxy.log.length === 1, 'logged');
  assert.deepEqual([world.proxy.log[0].status, world.proxy.log[0].error], [504, '']);
  assert.equal(world.upstream.requests.length, 0);
  await world.ask('GET /');
  assert.equal((await world.ask('GET /', only)).status, 200);
});

test('cache: a change makes the places go that it names, at the same origin and under the same key', async (t) => {
  const world = await filtered(t, [{ cache: { key: '${header:x-kind}' } }], (m) =>
    m.start.startsWith('POST')
      ? reply('', 'Location: /b?x=1\r\nContent-Location: http://test.example:81/c\r\n', '201 Created')
      : reply(`${targetOf(m)} ${world.upstream.requests.length}`, MAX),
  );
  const all = async (): Promise<string[]> => {
    const told: string[] = [];
    for (const path of ['/a', '/b?x=1', '/c']) told.push(await text(world, `GET ${path}`, { 'X-Kind': 'k' }));
    return told;
  };
  assert.deepEqual(await all(), ['/a 1', '/b?x=1 2', '/c 3']);
  await world.ask('POST /a', { 'X-Kind': 'k' }, 'x');
  assert.deepEqual(await all(), ['/a 5', '/b?x=1 6', '/c 3']);
  assert.equal(placeBeside('http://a.example/x/y?z k', '/b'), 'http://a.example/b k');
});

test('cache: counts of addresses do not hold the addresses', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const cache = new ResponseCache({ memoryBytes: 1000, maxObjectBytes: 1000, disk: undefined } as never, 1, '');
  // Bytes of its own each, as what was read from a socket.
  const long = (i: number): string => Buffer.alloc(8000, `http://h/${i}?`).toString('latin1');
  cache.asked('');
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 4000; i++) {
    assert.equal(cache.asked(long(i)), 1);
    cache.notKept(long(i), 60_000);
  }
  gc();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 8_000_000, `${grown} bytes for addresses of 32 MB`);
  assert.equal(cache.asked(long(7)), 2);
  assert.equal(cache.isNotKept(long(7)), true);
  assert.equal(cache.isNotKept(long(4001)), false);
  cache.close();
});

test('cache: disk finds the variants of a key at once, and forgets what they varied by with the last of them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cache-'));
  const disk = new DiskStore(folder, 1_000_000);
  t.after(() => {
    disk.close();
    rmSync(folder, { recursive: true });
  });
  const put = (key: string, vary: readonly string[]): Promise<void> =>
    disk.put({ key, lines: '', body: Buffer.from('x'), tags: ['t'] } as unknown as Entry, vary);
  const variants = ['http://h/a\nx: 1', 'http://h/a\nx: 2'];
  for (const key of variants) await put(key, ['x']);
  await put('http://h/b', []);
  assert.deepEqual([disk.varyOf('http://h/a'), disk.count], [['x'], 3]);
  assert.equal(disk.purge({ key: 'http://h/a' }), 2);
  assert.deepEqual([disk.varyOf('http://h/a'), disk.varyOf('http://h/b'), disk.count], [undefined, [], 1]);
  // What varies by something else is the only one.
  for (const key of variants) await put(key, ['x']);
  await put('http://h/a\ny: 1', ['y']);
  assert.deepEqual([disk.varyOf('http://h/a'), disk.count], [['y'], 2]);
  assert.equal(disk.purge({ tag: 't' }), 2);
  assert.equal(disk.varyOf('http://h/a'), undefined);
});

test('what a client says of the scheme is believed only of proxies', async (t) => {
  for (const trusted of [false, true]) {
    let times = 0;
    const world = await filtered(t, ['cache'], () => reply(`${++times}`, 'Cache-Control: max-age=60\r\n'), {
      config: trusted ? { trustedProxies: '127.0.0.0/8' } : {},
    });
    await world.ask('GET /', { 'X-Forwarded-Proto': 'https' });
    const plain = (await world.ask('GET /')).body.toString();
    assert.equal(plain, trusted ? '2' : '1');
    assert.equal(world.proxy.plane.purge({ prefix: 'https://' }), trusted ? 1 : 0);
  }
});
