// Clients and endpoints that mean harm, or behave as nobody expects, while filters answer, replace, hold and fetch.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const MAX = 'Cache-Control: max-age=60\r\n';
/** Stale at once, and usable meanwhile. */
const STALE = 'Cache-Control: max-age=0, stale-while-revalidate=60\r\n';

function site(t: TestContext, size: number): string {
  const root = mkdtempSync(join(tmpdir(), 'evenkeel-hostile-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'large.bin'), Buffer.alloc(size, 97));
  return root;
}

test('a request sent behind one whose file is still on its way waits for its turn', async (t) => {
  const { proxy } = await filtered(t, [{ static: site(t, 8_000_000) }]);
  const client = await proxy.connect();
  client.socket.pause();
  client.write(request('GET /large.bin'));
  await eventually(() => proxy.plane.open().requests === 1, 'it is answered');
  await wait(50);
  client.write(request('GET /large.bin') + request('GET /missing'));
  await wait(50);
  client.socket.resume();
  for (let i = 0; i < 2; i++) assert.equal((await client.response()).body.length, 8_000_000);
  assert.equal(statusOf(await client.response()), 404);
});

test('requests sent behind an answer that is still being coded wait for their turn', async (t) => {
  const text = 'hello world '.repeat(20_000);
  const { proxy } = await filtered(t, ['compress', 'cache'], () => reply(text, `${MAX}Content-Type: text/html\r\n`));
  const client = await proxy.connect();
  const asked = request('GET /', { 'Accept-Encoding': 'br' });
  client.write(asked);
  await client.response();
  client.write(asked + asked);
  for (let i = 0; i < 2; i++) assert.equal(brotliDecompressSync((await client.response()).body).toString(), text);
});

test('a body that a filter answered without reading does not become a request', async (t) => {
  const { proxy } = await filtered(t, [{ static: site(t, 1_000_000) }]);
  const client = await proxy.connect();
  client.write('GET /large.bin HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nGET /');
  client.write('smuggled HTTP/1.1\r\nHost: a\r\n\r\n'.padEnd(35));
  assert.equal((await client.response()).body.length, 1_000_000);
  await client.until(() => client.ending === 'end', 'it is the last one');
  assert.equal(client.bytes.length, 0);
});

test('a client that reads slowly gets the whole of what is compressed, also where nothing comes out for long', async (t) => {
  const body = Buffer.concat(
    Array.from({ length: 200 }, () => [randomBytes(70_000), Buffer.alloc(200_000, 97)]).flat(),
  );
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
  const { proxy } = await filtered(t, [{ compress: { encodings: ['gzip'] } }], () =>
    Buffer.concat([Buffer.from(head), body]),
  );
  const client = await proxy.connect();
  client.socket.pause();
  client.write(request('GET /', { 'Accept-Encoding': 'gzip' }));
  await wait(150);
  client.socket.resume();
  assert.ok(gunzipSync((await client.response()).body).equals(body));
});

test('what is asked behind the back of a client has none of its body, nor of what says that one comes', async (t) => {
  const { proxy, upstream } = await filtered(t, ['cache'], () => reply('x', STALE));
  const client = await proxy.connect();
  client.write(request('GET /a'));
  await client.response();
  for (const rest of ['Content-Length: 5\r\n\r\nabcde', 'Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n']) {
    const evil = await proxy.connect();
    evil.write(`GET /a HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n${rest}`);
    assert.equal(statusOf(await evil.response()), 200);
    for (let i = 0; i < 3; i++) assert.equal(await client.status(request(`GET /other${i}`)), 200);
  }
  // The endpoint of this test throws at what is no whole request.
  for (const { start, body } of upstream.requests)
    assert.ok(/^GET \/(?:a|other\d) /.test(start) && body.length <= 5, start);
});

test('while a file of a cache is read, nothing of another client’s head gets into what is asked for it', async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-hostile-'));
  t.after(() => rmSync(path, { recursive: true }));
  const { ask, proxy, upstream } = await filtered(
    t,
    ['cache'],
    (m) =>
      reply(
        `${m.start} ${valuesOf(m, 'cookie').join()} ${m.start.includes('fill') ? 'x'.repeat(20_000) : ''}`,
        m.start.includes('private') ? 'Cache-Control: no-store\r\n' : STALE,
      ),
    { config: { caches: { default: { memory: '64k', disk: { path, size: '10m' } } } } },
  );
  await ask('GET /public');
  for (let i = 0; i < 8; i++) await ask(`GET /fill${i}`);
  await eventually(() => readdirSync(path, { recursive: true }).length >= 10, 'written');
  const [one, other] = [await proxy.connect(), await proxy.connect()];
  one.write(request('GET /public'));
  other.write(request('GET /private', { Cookie: 'session=victim' }));
  await one.response();
  await other.response();
  await eventually(() => upstream.requests.filter(({ start }) => start.includes('/public')).length >= 2, 'asked again');
  for (const asked of upstream.requests) {
    if (asked.start.includes('/public')) assert.deepEqual(valuesOf(asked, 'cookie'), []);
  }
});

test('files are closed when their clients leave before they were opened', async (t) => {
  const { proxy } = await filtered(t, [{ static: site(t, 1_000_000) }], undefined, { listener: { http2: true } });
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const session = connect(`http://127.0.0.1:${proxy.port}`);
  const before = descriptors();
  for (let i = 0; i < 60; i++) {
    const stream = session.request({ ':path': `/large.bin?${i}` });
    stream.on('error', () => undefined);
    if (i === 0) {
      await once(stream, 'response');
      stream.resume();
    }
    // Sent at once, and gone while the file is looked for.
    setTimeout(() => stream.close(8), i % 4);
    await once(stream, 'close');
  }
  await eventually(() => proxy.plane.open().requests === 0, 'all are gone');
  await eventually(() => descriptors() <= before + 4, 'nothing is left open');
  session.destroy();
});

test('an answer in place of another keeps nothing of what was done to that: no coding, no tag', async (t) => {
  const page = '<h1>sorry</h1>';
  for (const filters of [
    [{ 'error-pages': { pages: { 500: page }, intercept: true } }, 'compress'],
    ['compress', { 'error-pages': { pages: { 500: page.repeat(200) }, intercept: true } }],
  ]) {
    const { ask, proxy } = await filtered(t, filters, () =>
      reply('text '.repeat(1000), 'Content-Type: text/html\r\nETag: "a"\r\n', '500 Oops'),
    );
    const told = await ask('GET /', { 'Accept-Encoding': 'gzip' });
    const body = told.field('content-encoding') === 'gzip' ? gunzipSync(told.body) : told.body;
    assert.ok(body.toString().startsWith(page), told.field('content-encoding'));
    assert.equal(told.field('etag'), undefined);
    assert.equal(proxy.log.at(-1)!.status, 500);
  }
});

test('an endless answer in whose place something else was said holds nobody', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write('HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await connection.until(() => connection.closed, 'let go');
  });
  const filters = [{ 'error-pages': { pages: { 500: 'sorry' }, intercept: true } }];
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { filters } });
  const client = await proxy.connect();
  for (let i = 0; i < 2; i++) {
    client.write(request('GET /'));
    assert.equal((await client.response()).body.toString(), 'sorry');
  }
  await eventually(() => proxy.inFlight() === 0, 'no lease is held');
});

test('where the request went is known when its answer is written; the log tells what the client got', async (t) => {
  const { ask, proxy } = await filtered(
    t,
    [
      { headers: { response: { set: { 'X-Seen': '${host} ${method} ${path}' } } } },
      { 'error-pages': { pages: { 500: { body: 'moved', as: 503 } }, intercept: true } },
    ],
    () => reply('x', '', '500 Oops'),
  );
  const told = await ask('GET /q');
  assert.equal(told.field('x-seen'), 'test.example GET /q');
  await eventually(() => proxy.log.length === 1, 'logged');
  assert.deepEqual([told.status, proxy.log[0].status], [503, 503]);
});

test('an answer without a body brings nothing of another one into a cache', async (t) => {
  let times = 0;
  const secret = await FakeUpstream.start(
    t,
    answering((m) => {
      if (m.start.includes('/secret')) return reply('TOP SECRET OF SOMEBODY ELSE', 'Cache-Control: no-store\r\n');
      return times++ === 0 ? reply('first', STALE) : `HTTP/1.1 200 OK\r\n${MAX}Content-Length: 0\r\n\r\n`;
    }),
  );
  const proxy = await startProxy(t, { endpoints: [secret], listener: { filters: ['cache'] } });
  const client = await proxy.connect();
  const body = async (path: string): Promise<string> => {
    client.write(request(`GET ${path}`));
    return (await client.response()).body.toString();
  };
  await body('/public');
  await body('/secret');
  await body('/public');
  await eventually(() => times === 2, 'asked behind');
  assert.equal(await body('/public'), '');
});
