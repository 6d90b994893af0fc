// The filter `static`: files of a folder as a browser asks for them, and nothing outside of it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';
import { filtered } from '../../src/testing/filtered.ts';
import { asker, VERSIONS } from '../../src/testing/versions.ts';

const LARGE = Buffer.from(Array.from({ length: 1_500_000 }, (_, i) => i % 251));

function site(t: TestContext): string {
  const above = mkdtempSync(join(tmpdir(), 'evenkeel-static-'));
  t.after(() => rmSync(above, { recursive: true }));
  const root = join(above, 'site');
  mkdirSync(join(root, 'docs'), { recursive: true });
  mkdirSync(join(root, '.git'));
  writeFileSync(join(above, 'secret.txt'), 'secret');
  writeFileSync(join(root, 'index.html'), '<p>home</p>');
  writeFileSync(join(root, 'docs', 'index.html'), '<p>docs</p>');
  writeFileSync(join(root, 'app.js'), 'let a = 1;');
  writeFileSync(join(root, 'app.js.br'), brotliCompressSync('let a = 1;'));
  writeFileSync(join(root, 'app.js.gz'), gzipSync('let a = 1;'));
  writeFileSync(join(root, 'a b ü.txt'), 'name');
  writeFileSync(join(root, 'large.bin'), LARGE);
  writeFileSync(join(root, '.git', 'config'), 'secret');
  symlinkSync('../secret.txt', join(root, 'out.txt'));
  symlinkSync('app.js', join(root, 'in.js'));
  symlinkSync('/etc', join(root, 'etc'));
  utimesSync(join(root, 'index.html'), 1e9, 1e9);
  return root;
}

test('pages, types, folders and names with more than letters', async (t) => {
  const { ask, upstream } = await filtered(t, [{ static: site(t) }]);
  const home = await ask('GET /');
  assert.deepEqual(
    [home.status, home.body.toString(), home.field('content-type')],
    [200, '<p>home</p>', 'text/html; charset=utf-8'],
  );
  assert.equal(home.field('last-modified'), 'Sun, 09 Sep 2001 01:46:40 GMT');
  assert.equal((await ask('GET /docs/')).body.toString(), '<p>docs</p>');
  const folder = await ask('GET /docs?a=1');
  assert.deepEqual([folder.status, folder.field('location')], [301, '/docs/?a=1']);
  assert.equal((await ask('GET /a%20b%20%C3%BC.txt')).body.toString(), 'name');
  assert.equal((await ask('GET /in.js')).body.toString(), 'let a = 1;');
  assert.equal((await ask('GET /missing')).status, 404);
  const posted = await ask('POST /', {}, 'x');
  assert.deepEqual([posted.status, posted.field('allow')], [405, 'GET, HEAD']);
  const head = await ask('HEAD /large.bin');
  assert.deepEqual([head.status, head.field('content-length'), head.body.length], [200, '1500000', 0]);
  assert.equal(upstream.requests.length, 0);
});

const escapes = [
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/%2e%2e%2fsecret.txt',
  '/..%5csecret.txt',
  '/docs/..%2f..%2fsecret.txt',
  '/out.txt',
  '/etc/passwd',
  '/.git/config',
  '/%2egit/config',
  '//etc/passwd',
  '/%c0%ae%c0%ae/secret.txt',
  '/..;/secret.txt',
  '/app.js%00.txt',
];
test('no path leads out of the folder, nor to what is hidden', async (t) => {
  const { ask } = await filtered(t, [{ static: site(t) }]);
  for (const path of escapes) {
    const told = await ask(`GET ${path}`);
    assert.ok(told.status === 404 || told.status === 400, `${path}: ${told.status}`);
    assert.doesNotMatch(told.body.toString(), /secret|root:/, path);
  }
  const folder = await ask('GET //docs');
  assert.doesNotMatch(folder.field('location') ?? '', /^\/\//);
});

test('conditions: what the client has already is not sent again', async (t) => {
  const { ask } = await filtered(t, [{ static: site(t) }]);
  const { field } = await ask('GET /index.html');
  const etag = field('etag')!;
  for (const fields of [
    { 'If-None-Match': etag },
    { 'If-None-Match': `"x", W/${etag}` },
    { 'If-None-Match': '*' },
    { 'If-Modified-Since': field('last-modified')! },
  ]) {
    const told = await ask('GET /index.html', fields as unknown as Record<string, string>);
    assert.deepEqual([told.status, told.body.length, told.field('etag')], [304, 0, etag]);
  }
  for (const fields of [
    { 'If-None-Match': '"other"', 'If-Modified-Since': field('last-modified')! },
    { 'If-Modified-Since': 'nonsense' },
  ])
    assert.equal((await ask('GET /index.html', fields as unknown as Record<string, string>)).status, 200);
});

for (const client of VERSIONS) {
  test(`ranges of large files (${client})`, async (t) => {
    const { proxy } = await filtered(t, [{ static: site(t) }], undefined, { listener: { http2: true } });
    const { ask } = asker(t, client, proxy.port);
    const whole = await ask({ path: '/large.bin' });
    assert.ok(whole.body.equals(LARGE));
    const cases: readonly (readonly [string, number, number])[] = [
      ['bytes=0-0', 0, 1],
      ['bytes=1000-600000', 1000, 600_001],
      ['bytes=1499990-', 1_499_990, 1_500_000],
      ['bytes=-500', 1_499_500, 1_500_000],
      ['bytes=5-99999999', 5, 1_500_000],
    ];
    for (const [range, from, to] of cases) {
      const told = await ask({ path: '/large.bin', headers: { range } });
      assert.equal(told.status, 206);
      assert.equal(told.headers['content-range'], `bytes ${from}-${to - 1}/1500000`);
      assert.ok(told.body.equals(LARGE.subarray(from, to)), range);
    }
    const none = await ask({ path: '/large.bin', headers: { range: 'bytes=1500000-' } });
    assert.deepEqual([none.status, none.headers['content-range']], [416, 'bytes */1500000']);
    for (const range of ['bytes=5-1', 'lines=1-2', 'bytes=0-1,5-6'])
      assert.equal((await ask({ path: '/large.bin', headers: { range } })).status, 200, range);
    const stale = await ask({ path: '/large.bin', headers: { range: 'bytes=0-1', 'if-range': '"old"' } });
    assert.equal(stale.status, 200);
    const current = await ask({
      path: '/large.bin',
      headers: { range: 'bytes=0-1', 'if-range': String(whole.headers.etag) },
    });
    assert.equal(current.status, 206);
  });
}

test('precompressed files go to whoever accepts them', async (t) => {
  const { ask } = await filtered(t, [{ static: site(t) }]);
  const coded = await ask('GET /app.js', { 'Accept-Encoding': 'gzip, br' });
  assert.deepEqual(
    [coded.field('content-encoding'), coded.field('content-type'), coded.field('vary')],
    ['br', 'text/javascript; charset=utf-8', 'Accept-Encoding'],
  );
  assert.equal(brotliDecompressSync(coded.body).toString(), 'let a = 1;');
  const plain = await ask('GET /app.js');
  assert.equal(plain.body.toString(), 'let a = 1;');
  assert.notEqual(plain.field('etag'), coded.field('etag'));
});

test('a fallback page for applications, and a pool for what is not there', async (t) => {
  const root = site(t);
  const spa = await filtered(t, [{ static: { root, fallback: 'index.html' } }]);
  assert.equal((await spa.ask('GET /deep/link')).body.toString(), '<p>home</p>');
  const mixed = await filtered(t, [{ static: { root, passMissing: true } }]);
  assert.equal((await mixed.ask('GET /app.js')).body.toString(), 'let a = 1;');
  assert.equal((await mixed.ask('GET /api')).body.toString(), 'hello');
});

test('a file that changes is seen', async (t) => {
  const root = site(t);
  const { ask } = await filtered(t, [{ static: root }]);
  assert.equal((await ask('GET /app.js')).body.toString(), 'let a = 1;');
  writeFileSync(join(root, 'app.js'), 'let a = 22;');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal((await ask('GET /app.js')).body.toString(), 'let a = 22;');
});
