// The filter `cache` over real sockets: what is kept and for whom, how it is brought up to date, and what it never does.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { type Filtered, filtered } from '../../src/testing/filtered.ts';
import { valuesOf } from '../../src/testing/http-message.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';
import { asker, VERSIONS } from '../../src/testing/versions.ts';

const MAX = 'Cache-Control: max-age=60\r\n';
const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString();

/** The endpoint counts, so that a second answer can be told from the first. */
function counting(
  t: TestContext,
  fields: string | ((times: number) => string),
  filter: unknown = 'cache',
): Promise<Filtered> {
  let times = 0;
  return filtered(t, [filter], (m) => {
    times++;
    const told = typeof fields === 'string' ? fields : fields(times);
    return reply(`${m.start.split(' ')[1]} ${times}`, told);
  });
}
const bodies = async (
  world: Filtered,
  asks: readonly (readonly [string, Record<string, string>?])[],
): Promise<string[]> => {
  const told: string[] = [];
  for (const [start, fields] of asks) told.push((await world.ask(start, fields)).body.toString());
  return told;
};

const kept: readonly (readonly [string, string, boolean])[] = [
  ['max-age', MAX, true],
  ['s-maxage before max-age', 'Cache-Control: max-age=0, s-maxage=60\r\n', true],
  ['Expires', `Expires: ${at(60)}\r\n`, true],
  ['nothing said', '', false],
  ['Last-Modified alone: no guesses', `Last-Modified: ${at(-86_400)}\r\n`, false],
  ['no-store', 'Cache-Control: no-store\r\n', false],
  ['private', 'Cache-Control: private, max-age=60\r\n', false],
  ['Age as old as it may get', `${MAX}Age: 60\r\n`, false],
  ['Set-Cookie', `${MAX}Set-Cookie: session=1\r\n`, false],
  ['Vary: *', `${MAX}Vary: *\r\n`, false],
  ['Expires in the past', `Expires: ${at(-60)}\r\n`, false],
];
for (const [what, fields, isKept] of kept) {
  test(`cache: ${what} is ${isKept ? 'kept' : 'not kept'}`, async (t) => {
    const world = await counting(t, fields);
    assert.deepEqual(await bodies(world, [['GET /a'], ['GET /a']]), ['/a 1', isKept ? '/a 1' : '/a 2']);
  });
}

test('cache: a hit says its age, its date and what the cache did; HEAD is answered from GET', async (t) => {
  const world = await counting(t, `${MAX}Age: 10\r\nDate: ${at(-3)}\r\nETag: "x"\r\n`);
  const first = await world.ask('GET /a');
  assert.equal(first.field('cache-status'), 'evenkeel; fwd=miss; stored');
  const hit = await world.ask('GET /a');
  assert.match(hit.field('cache-status')!, /^evenkeel; hit; ttl=(49|50)$/);
  assert.match(hit.field('age')!, /^1[01]$/);
  assert.deepEqual(hit.all('date'), [first.field('date')]);
  const head = await world.ask('HEAD /a');
  assert.deepEqual([head.status, head.field('content-length'), head.body.length], [200, '4', 0]);
  assert.equal(world.upstream.requests.length, 1);
  const known = await world.ask('GET /a', { 'If-None-Match': '"x"' });
  assert.deepEqual([known.status, known.body.length], [304, 0]);
});

test('cache: queries, hosts and schemes are different places; tracking parameters need not be', async (t) => {
  const world = await counting(t, MAX, { cache: { query: { ignore: ['utm_*', 'fbclid'], sort: true } } });
  assert.deepEqual(
    await bodies(world, [
      ['GET /a?x=1&y=2'],
      ['GET /a?y=2&utm_source=n&x=1&fbclid=abc'],
      ['GET /a?x=2'],
      ['GET /a?x=1&y=2', { Host: 'other.example' }],
      ['GET /%61?x=1&y=2'],
    ]),
    ['/a?x=1&y=2 1', '/a?x=1&y=2 1', '/a?x=2 2', '/a?x=1&y=2 3', '/a?x=1&y=2 1'],
  );
});

test('cache: answers that vary are kept apart, codings in one form', async (t) => {
  const world = await filtered(t, ['cache'], (m) =>
    reply(
      `${valuesOf(m, 'accept-language').join()} ${world.upstream.requests.length}`,
      `${MAX}Vary: Accept-Language, Accept-Encoding\r\n`,
    ),
  );
  const ask = async (language: string, coding: string): Promise<string> =>
    (await world.ask('GET /', { 'Accept-Language': language, 'Accept-Encoding': coding })).body.toString();
  assert.deepEqual(
    [
      await ask('de', 'gzip, br'),
      await ask('en', 'gzip'),
      await ask('de', 'br;q=1.0, gzip;q=0.5'),
      await ask('en', 'br'),
      await ask('de', 'gzip, br, br;q=0'),
    ],
    ['de 1', 'en 2', 'de 1', 'en 3', 'de 1'].map((text, i) => (i === 4 ? 'de 1' : text)),
  );
});

test('cache: what needs authorization is kept only where the endpoint says so', async (t) => {
  const auth = { Authorization: 'Bearer a' };
  const closed = await counting(t, MAX);
  assert.deepEqual(
    await bodies(closed, [
      ['GET /', auth],
      ['GET /', { Authorization: 'Bearer b' }],
    ]),
    ['/ 1', '/ 2'],
  );
  const open = await counting(t, 'Cache-Control: public, max-age=60\r\n');
  assert.deepEqual(await bodies(open, [['GET /', auth], ['GET /']]), ['/ 1', '/ 1']);
});

test('cache: fields that are no part of the key do not reach what others get', async (t) => {
  const world = await filtered(t, ['cache'], (m) =>
    reply(`host ${valuesOf(m, 'x-forwarded-host').join()} via ${valuesOf(m, 'x-original-url').join()}`, MAX),
  );
  const first = await world.ask('GET /', { 'X-Forwarded-Host': 'evil.example', X_Forwarded_Host: 'evil.example' });
  assert.equal(first.body.toString(), 'host test.example via ');
  // What an endpoint makes of a field that nobody knows, it has to name in Vary.
  const keyed = await filtered(t, [{ cache: { key: '${header:x-original-url}' } }], (m) =>
    reply(valuesOf(m, 'x-original-url').join(), MAX),
  );
  assert.equal((await keyed.ask('GET /', { 'X-Original-Url': '/evil' })).body.toString(), '/evil');
  assert.equal((await keyed.ask('GET /')).body.toString(), '');
});

test('cache: stale answers are asked about, and a 304 makes them fresh', async (t) => {
  let times = 0;
  const world = await filtered(t, ['cache'], (m) => {
    times++;
    if (valuesOf(m, 'if-none-match')[0] === '"v1"')
      return `HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=60\r\nX-Turn: ${times}\r\n\r\n`;
    return reply('first', 'Cache-Control: max-age=0\r\nETag: "v1"\r\nX-Turn: 1\r\n');
  });
  await world.ask('GET /');
  const second = await world.ask('GET /');
  assert.deepEqual([second.status, second.body.toString(), second.field('x-turn')], [200, 'first', '2']);
  assert.equal(second.field('cache-status'), 'evenkeel; fwd=stale; fwd-status=304; stored');
  const third = await world.ask('GET /', { 'If-None-Match': '"v1"' });
  assert.equal(third.status, 304);
  assert.equal(times, 2);
});

test('cache: stale while revalidate: the client does not wait, the next one gets the new answer', async (t) => {
  const world = await counting(t, 'Cache-Control: max-age=0, stale-while-revalidate=60\r\n');
  assert.deepEqual(await bodies(world, [['GET /'], ['GET /']]), ['/ 1', '/ 1']);
  await eventually(() => world.upstream.requests.length === 2, 'asked behind');
  await eventually(async () => (await world.ask('GET /')).body.toString() !== '/ 1', 'brought up to date');
});

test('cache: stale if error: an endpoint that fails, or is gone, is stood in for', async (t) => {
  let broken = false;
  const world = await filtered(t, ['cache'], () =>
    broken
      ? reply('oops', '', '500 Oops')
      : reply('good', 'Cache-Control: max-age=0, stale-if-error=60\r\nETag: "a"\r\n'),
  );
  assert.equal((await world.ask('GET /')).body.toString(), 'good');
  broken = true;
  const stale = await world.ask('GET /');
  assert.deepEqual([stale.status, stale.body.toString()], [200, 'good']);
  assert.match(stale.field('cache-status')!, /hit; fwd=stale; fwd-status=500/);
  world.upstream.close();
  assert.equal((await world.ask('GET /')).body.toString(), 'good');
  assert.equal((await world.ask('GET /never')).status, 502);
});

test('cache: must-revalidate means it', async (t) => {
  let broken = false;
  const world = await filtered(t, ['cache'], () =>
    broken
      ? reply('oops', '', '500 Oops')
      : reply('good', 'Cache-Control: max-age=0, must-revalidate, stale-if-error=60\r\nETag: "a"\r\n'),
  );
  await world.ask('GET /');
  broken = true;
  assert.equal((await world.ask('GET /')).status, 500);
});

test('cache: of all who ask at once one is sent to the endpoint; where nothing is kept, all are', async (t) => {
  for (const [fields, expected] of [
    [MAX, 1],
    ['Cache-Control: no-store\r\n', 8],
  ] as const) {
    const waiting: ((text: string) => void)[] = [];
    const world = await filtered(t, ['cache'], () => new Promise<string>((resolve) => waiting.push(resolve)));
    const asked = Array.from({ length: 8 }, () => world.ask('GET /'));
    await eventually(() => waiting.length === 1, 'one is sent');
    waiting[0](reply('answer', fields));
    await eventually(() => waiting.length === expected, `${expected} are sent`);
    for (const answer of waiting) answer(reply('answer', fields));
    assert.deepEqual(new Set((await Promise.all(asked)).map(({ body }) => body.toString())), new Set(['answer']));
  }
});

test('cache: whoever waits goes on when the one who asked breaks off', async (t) => {
  const world = await filtered(t, ['cache'], () =>
    world.upstream.requests.length === 1 ? undefined : reply('answer', MAX),
  );
  const first = await world.proxy.connect();
  first.write('GET / HTTP/1.1\r\nHost: test.example\r\n\r\n');
  await eventually(() => world.upstream.requests.length === 1, 'asked');
  const second = world.ask('GET /');
  await eventually(() => world.proxy.plane.open().requests === 2, 'the second waits');
  first.socket.resetAndDestroy();
  assert.equal((await second).body.toString(), 'answer');
});

for (const client of VERSIONS) {
  test(`cache: ranges and large bodies from whole answers (${client})`, async (t) => {
    const body = Buffer.from(Array.from({ length: 700_000 }, (_, i) => i % 251));
    const upstream = await FakeUpstream.start(
      t,
      answering(() =>
        Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\n${MAX}ETag: "e"\r\nContent-Length: ${body.length}\r\n\r\n`),
          body,
        ]),
      ),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], listener: { http2: true, filters: ['cache'] } });
    const { ask } = asker(t, client, proxy.port);
    for (let i = 0; i < 2; i++) assert.ok((await ask({})).body.equals(body));
    const part = await ask({ headers: { range: 'bytes=100000-499999' } });
    assert.deepEqual([part.status, part.headers['content-range']], [206, 'bytes 100000-499999/700000']);
    assert.ok(part.body.equals(body.subarray(100_000, 500_000)));
    assert.equal((await ask({ headers: { range: 'bytes=900000-' } })).status, 416);
    assert.equal(upstream.requests.length, 1);
  });
}

test('cache: an answer that breaks off is not kept', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write(`HTTP/1.1 200 OK\r\n${MAX}Content-Length: 100\r\n\r\nhalf`);
    setTimeout(() => connection.socket.destroy(), 10);
  });
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { filters: ['cache'] } });
  const { ask } = asker(t, 'h1', proxy.port);
  for (let i = 0; i < 2; i++) await assert.rejects(ask({}));
  assert.equal(upstream.requests.length, 2);
});

test('cache: a change of what it is makes it unknown', async (t) => {
  const world = await counting(t, MAX);
  assert.deepEqual(await bodies(world, [['GET /a'], ['POST /a'], ['GET /a']]), ['/a 1', '/a 2', '/a 3']);
});

test('cache: purged by key, by prefix, by tag, or all', async (t) => {
  const world = await counting(t, `${MAX}Cache-Tag: news, front\r\n`);
  const { plane } = world.proxy;
  const all: [string][] = [['GET /a/1'], ['GET /a/2'], ['GET /b']];
  const host = 'http://test.example';
  await bodies(world, all);
  assert.equal(plane.purge({ key: `${host}/a/1` }), 1);
  assert.deepEqual(await bodies(world, all), ['/a/1 4', '/a/2 2', '/b 3']);
  assert.equal(plane.purge({ prefix: `${host}/a/` }), 2);
  assert.deepEqual(await bodies(world, all), ['/a/1 5', '/a/2 6', '/b 3']);
  assert.equal(plane.purge({ tag: 'front' }), 3);
  assert.equal(plane.purge({ tag: 'front' }), 0);
  await bodies(world, all);
  assert.equal(plane.purge({ all: true }), 3);
});

test('cache: filters before it work on hits, filters behind it were at work when it was kept; nobody gets the fields of another', async (t) => {
  const world = await filtered(
    t,
    [
      { 'rate-limit': { rate: '100/h' } },
      'compress',
      { headers: { response: { set: { 'X-Outer': '${client}' } } } },
      'cache',
      { headers: { response: { set: { 'X-Inner': '${requestId}' } } } },
    ],
    () => reply('text '.repeat(1000), `${MAX}Content-Type: text/plain\r\n`),
  );
  const first = await world.ask('GET /', { 'Accept-Encoding': 'gzip' });
  const second = await world.ask('GET /', { 'Accept-Encoding': 'gzip' });
  const plain = await world.ask('GET /');
  assert.equal(gunzipSync(second.body).toString(), 'text '.repeat(1000));
  assert.equal(plain.body.toString(), 'text '.repeat(1000));
  assert.equal(second.field('x-inner'), first.field('x-inner'));
  assert.equal(second.field('x-outer'), '127.0.0.1');
  assert.deepEqual(
    [first, second, plain].map((one) => /r=(\d+)/.exec(one.all('ratelimit').join())![1]),
    ['99', '98', '97'],
  );
  assert.equal(world.upstream.requests.length, 1);
});

test('cache: only what is asked for often enough is kept; clients do not decide what is fresh unless they may', async (t) => {
  const rare = await counting(t, MAX, { cache: { minUses: 2 } });
  assert.deepEqual(await bodies(rare, [['GET /'], ['GET /'], ['GET /']]), ['/ 1', '/ 2', '/ 2']);
  const insisting = { 'Cache-Control': 'no-cache' };
  const deaf = await counting(t, MAX);
  assert.deepEqual(await bodies(deaf, [['GET /'], ['GET /', insisting]]), ['/ 1', '/ 1']);
  const obedient = await counting(t, MAX, { cache: { obeyClients: true } });
  assert.deepEqual(await bodies(obedient, [['GET /'], ['GET /', insisting], ['GET /']]), ['/ 1', '/ 2', '/ 2']);
});

test('cache: what says nothing is kept as the route says, by status', async (t) => {
  let status = '200 OK';
  const world = await filtered(t, [{ cache: { ttl: { 200: '1m', '4xx': '10s' } } }], () =>
    reply(`${world.upstream.requests.length}`, '', status),
  );
  assert.deepEqual(await bodies(world, [['GET /a'], ['GET /a']]), ['1', '1']);
  status = '404 Not Found';
  assert.deepEqual(await bodies(world, [['GET /b'], ['GET /b']]), ['2', '2']);
  status = '500 Oops';
  assert.deepEqual(await bodies(world, [['GET /c'], ['GET /c']]), ['3', '4']);
});

test('cache: memory is bounded in bytes; what was not asked for longest goes', async (t) => {
  const world = await filtered(t, ['cache'], (m) => reply(m.start.split(' ')[1].padEnd(10_000), MAX), {
    config: { caches: { default: { memory: '100k' } } },
  });
  for (let i = 0; i < 30; i++) await world.ask(`GET /${i}`);
  await world.ask('GET /29');
  assert.equal(world.upstream.requests.length, 30);
  await world.ask('GET /0');
  assert.equal(world.upstream.requests.length, 31);
});

test('cache: disk outlives the process; what a crash left half written is never served', async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-cache-'));
  t.after(() => rmSync(path, { recursive: true }));
  const options = { config: { caches: { default: { memory: '64k', disk: { path, size: '1m' } } } } };
  const answer = (m: { start: string }): string => reply(`${m.start.split(' ')[1]} `.repeat(1000), MAX);
  const files = (): string[] =>
    readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => /[0-9a-f]{64}$/.test(name))
      .map((name) => join(path, name));
  await t.test('filled', async (t) => {
    const world = await filtered(t, ['cache'], answer, options);
    for (let i = 0; i < 10; i++) await world.ask(`GET /${i}`);
    await eventually(() => files().length === 10, 'all are written');
    await world.ask('GET /0');
    assert.equal(world.upstream.requests.length, 10);
  });
  const [cut, changed] = files();
  const gone = [cut, changed].map(
    (file) => /"key":"http:\/\/test\.example(\/\d)"/.exec(readFileSync(file, 'latin1'))![1],
  );
  writeFileSync(cut, readFileSync(cut).subarray(0, 500));
  const bytes = readFileSync(changed);
  bytes[bytes.length - 5] ^= 1;
  writeFileSync(changed, bytes);
  await t.test('found again', async (t) => {
    const world = await filtered(t, ['cache'], answer, options);
    await eventually(async () => {
      await world.ask('GET /9');
      return (await world.ask('GET /8')).field('cache-status')?.includes('hit') === true;
    }, 'what is there is known');
    const before = world.upstream.requests.length;
    for (let i = 0; i < 10; i++) assert.equal((await world.ask(`GET /${i}`)).body.toString(), `/${i} `.repeat(1000));
    const asked = world.upstream.requests.slice(before).map(({ start }) => start.split(' ')[1]);
    assert.deepEqual(asked.sort(), gone.sort());
  });
});
