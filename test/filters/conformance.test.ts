// What holds for every kind of filter: its files, its place in the docs, the way through `check --effective` and back, and that nothing
// leaks whatever clients and endpoints do to the requests it sees.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { compile } from '../../src/config/compile.ts';
import { effective } from '../../src/config/effective.ts';
import { FILTER_FORMS } from '../../src/config/filters/index.ts';
import { filterKinds } from '../../src/http/filters/index.ts';
import { reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-filters-'));
const KEY = '0123456789abcdef0123456789abcdef';
const own = { file: join(ROOT, 'test/filters/fixture.filters.ts'), filters: ['greet'] };
const verifier = createServer((_request, response) => response.end());

before(async () => {
  writeFileSync(join(folder, 'index.html'), '<p>hello</p>');
  writeFileSync(join(folder, 'jwks.json'), '{"keys":[]}');
  await new Promise<void>((resolve) => verifier.listen(0, '127.0.0.1', resolve));
  EXAMPLES['forward-auth'] = { url: `http://127.0.0.1:${(verifier.address() as AddressInfo).port}/` };
});

after(() => {
  verifier.close();
  verifier.closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** One of each, that lets the requests below through. */
const EXAMPLES: Record<string, unknown> = {
  access: { allow: { networks: ['127.0.0.0/8'] } },
  'api-key': { keys: { tests: `sha256:${createHash('sha256').update(KEY).digest('hex')}` } },
  'basic-auth': { users: { anna: `{SHA}${createHash('sha1').update('secret').digest('base64')}` } },
  'body-limit': '1m',
  cache: '1m',
  compress: { min: 1 },
  'concurrency-limit': { max: 100 },
  cors: { origins: ['https://app.example.com'] },
  'error-pages': { pages: { '502': '<p>back soon: ${status}</p>' }, intercept: true },
  'forward-auth': { url: 'http://127.0.0.1:1/' },
  fault: { delay: '1ms' },
  headers: { request: { set: { 'X-A': '${client}' } }, response: { remove: ['Server'] } },
  jwt: { jwks: join(folder, 'jwks.json'), issuer: 'https://id.example.com', optional: true },
  mirror: { pool: 'b', timeout: '300ms' },
  'rate-limit': { rate: '1000/s' },
  redirect: { to: '/new${path}', status: 308 },
  'replace-body': { rules: [{ find: 'hello', with: 'goodbye' }], types: ['text/*'] },
  respond: { status: 200, body: 'hello' },
  rewrite: { stripPrefix: '/api' },
  'security-headers': { contentSecurityPolicy: "default-src 'self'" },
  static: { root: folder, passMissing: true },
  use: { name: 'greet', options: { word: 'hi' } },
  waf: { mode: 'block', exclude: [{ rule: 'crs-942-*', path: '/search' }] },
};
const FIELDS = { Authorization: `Basic ${Buffer.from('anna:secret').toString('base64')}`, 'X-Api-Key': KEY };
const ANSWERING = new Set(FILTER_FORMS.filter(({ answers }) => answers === true).map(({ name }) => name));

const documentOf = (name: string) => ({
  listeners: { web: { bind: '127.0.0.1:0', pool: 'b', filters: [{ [name]: EXAMPLES[name] }] } },
  pools: { b: { endpoints: ['127.0.0.1:1'] } },
  ...(name === 'cache' ? { caches: { default: {} } } : {}),
});

test('every kind of filter has an example here', () => {
  assert.deepEqual(
    FILTER_FORMS.map(({ name }) => name).filter((name) => !(name in EXAMPLES)),
    [],
  );
});

test('kinds are the same for configurations and for workers, and each is its file', () => {
  const names = FILTER_FORMS.map(({ name }) => name);
  assert.deepEqual([...filterKinds([]).keys()].sort(), [...names].sort());
  assert.deepEqual(names, [...names].sort(), 'in the order of the alphabet');
  for (const name of names)
    for (const place of ['config', 'http'])
      assert.ok(existsSync(join(ROOT, 'src', place, 'filters', `${name}.ts`)), `src/${place}/filters/${name}.ts`);
});

const page = readFileSync(join(ROOT, 'docs/reference/filters.md'), 'utf8');

for (const { name } of FILTER_FORMS) {
  test(`${name}: has a section in docs/reference/filters.md, with an example that is right`, () => {
    const section = page.split(/^## /m).find((part) => part.startsWith(`${name}\n`));
    assert.ok(section !== undefined, `no section "## ${name}"`);
    const blocks = [...section.matchAll(/```yaml\n([\s\S]*?)```/g)];
    assert.ok(blocks.length > 0);
    for (const [, text] of blocks) {
      for (const filter of (parse(text) as { filters: unknown[] }).filters) {
        const document = documentOf(name);
        const web = { ...document.listeners.web, filters: [filter] };
        const compiled = compile({ ...document, listeners: { web } }, [], own.filters);
        assert.ok(compiled.ok, `${JSON.stringify(filter)}: ${JSON.stringify(compiled)}`);
      }
    }
  });

  test(`${name}: comes back from --effective as it was`, () => {
    const first = compile(documentOf(name), [], own.filters);
    assert.ok(first.ok, JSON.stringify(first));
    const again = compile(
      effective(first.value, () => false),
      [],
      own.filters,
    );
    assert.ok(again.ok, JSON.stringify(again));
    // What is secret is not printed.
    if (name === 'api-key' || name === 'basic-auth') return;
    assert.deepEqual(again.value.listeners.web, first.value.listeners.web);
  });

  test(`${name}: survives HEAD, HTTP/1.0, bodies, endpoints that fail and clients that go`, async (t) => {
    const options = { code: own, listener: {}, config: name === 'cache' ? { caches: { default: {} } } : {} };
    const filters = [{ [name]: EXAMPLES[name] }];
    let waiting = 0;
    const { ask, proxy } = await filtered(
      t,
      filters,
      (message) => {
        if (!message.start.includes('/slow')) return reply('hello', 'Content-Type: text/plain\r\n');
        waiting++;
        return new Promise<string>(() => undefined);
      },
      options,
    );
    const expected = name === 'redirect' ? 308 : 200;
    const get = await ask('GET /api/a', FIELDS);
    assert.equal(get.status, expected);
    const head = await ask('HEAD /api/a', FIELDS);
    assert.deepEqual([head.status, head.body.length], [expected, 0]);
    const old = await proxy.connect();
    const lines = Object.entries(FIELDS).map(([field, value]) => `${field}: ${value}\r\n`);
    old.write(`GET /api/a HTTP/1.0\r\nHost: a\r\n${lines.join('')}\r\n`);
    const oldAnswer = await old.response();
    assert.equal(statusOf(oldAnswer), expected);
    assert.doesNotMatch(oldAnswer.start, /chunked/);
    assert.equal((await ask('POST /api/a', FIELDS, 'a=b&c=d')).status, expected);
    const chunked = await proxy.connect();
    chunked.write(
      `POST /api/a HTTP/1.1\r\nHost: a\r\n${lines.join('')}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    );
    await chunked.writePieces(['6\r\n again\r\n', '0\r\n\r\n']);
    assert.equal(statusOf(await chunked.response()), expected);
    const gone = await proxy.connect();
    gone.write(request('GET /slow', FIELDS));
    if (!ANSWERING.has(name)) await eventually(() => waiting > 0, 'it is with the endpoint');
    gone.socket.resetAndDestroy();
    const half = await proxy.connect();
    half.write(`POST /api/a HTTP/1.1\r\nHost: a\r\n${lines.join('')}Content-Length: 100\r\n\r\nhalf`);
    await eventually(() => proxy.plane.open().requests <= 1, 'one is left at most');
    half.socket.resetAndDestroy();
    await eventually(() => proxy.plane.open().requests === 0, 'none is left');
  });

  if (ANSWERING.has(name)) continue;
  test(`${name}: tells of an endpoint that fails as it should`, async (t) => {
    const [nobody] = await freePorts(1);
    const proxy = await startProxy(t, {
      endpoints: [nobody],
      code: own,
      listener: { filters: [{ [name]: EXAMPLES[name] }] },
      pool: { retries: 0 },
      config: name === 'cache' ? { caches: { default: {} } } : {},
    });
    for (const start of ['GET /api/none', 'HEAD /api/none', 'POST /api/none']) {
      const client = await proxy.connect();
      client.write(request(start, FIELDS, start.startsWith('POST') ? 'x' : ''));
      assert.equal(statusOf(await client.response(start.split(' ')[0])), 502, start);
    }
  });
}
