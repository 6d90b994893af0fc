// Filters against those who write things another way: names, dots, parameters; and what one client's questions cost the others.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import bcrypt from 'bcryptjs';
import type { ResponseSink } from '../../src/http/client-port.ts';
import type { FilterRequest, FilterTools } from '../../src/http/filter.ts';
import { basicAuth } from '../../src/http/filters/basic-auth.ts';
import { GrpcWebSink } from '../../src/http/grpc-web.ts';
import { HeadEdits } from '../../src/http/head-edits.ts';
import { PasswordDesk } from '../../src/http/password-desk.ts';
import { Resources } from '../../src/http/resources.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { asker, serve, VERSIONS } from '../../src/testing/versions.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-safety-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const basic = (user: string, password: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

const KEY = '0123456789abcdef0123456789abcdef';

/** Names in the form in which CGI, WSGI and PHP know them. */
const asVariables = (fields: readonly (readonly [string, string])[]): string[] =>
  fields.map(([name, value]) => `${name.toUpperCase().replaceAll('-', '_')}=${value}`);

test('identity: a field that a filter sets cannot be given with underscores', async (t) => {
  const server = createServer((_, response) => response.setHeader('X-Auth-User', 'bob').end());
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { ask, asked } = await filtered(t, [
    { 'forward-auth': { url, copy: ['x-auth-user'] } },
    { headers: { request: { set: { X_Role: 'guest' }, remove: ['x-gone', 'x-internal-*', 'x_odd'] } } },
  ]);
  for (const name of ['X_Auth_User', 'x-auth_user', 'X_AUTH-USER', 'X-Auth-User']) {
    const others = {
      'X-Role': 'admin',
      X_Gone: '1',
      X_Internal_A: '1',
      'X-internal_b': '1',
      'X-Odd': '1',
      X_Else: 'stays',
    };
    await ask('GET /', { [name]: 'admin', ...others });
    const seen = asVariables(asked().fields);
    const of = (variable: string): string[] => seen.filter((line) => line.startsWith(variable));
    assert.deepEqual(of('X_AUTH_USER='), ['X_AUTH_USER=bob'], name);
    assert.deepEqual(of('X_ROLE='), ['X_ROLE=guest']);
    assert.deepEqual([...of('X_GONE='), ...of('X_INTERNAL_'), ...of('X_ODD=')], []);
    assert.deepEqual(of('X_ELSE='), ['X_ELSE=stays']);
  }
});

test('fields that frame a message stay, whatever is removed', async (t) => {
  const remove = ['content_length', 'content-*', 'transfer_encoding'];
  const { ask, asked } = await filtered(t, [{ headers: { request: { remove } } }]);
  assert.equal((await ask('POST /', { 'Content-Type': 'text/plain', 'Content-Length': '4' }, 'body')).status, 200);
  assert.equal(asked().body.toString(), 'body');
  assert.ok(!asked().fields.some(([name]) => name.toLowerCase() === 'content-type'));
});

test('edits: names are one whatever stands between their words, and what is added stays as it was named', () => {
  const edits = new HeadEdits();
  edits.set('X-A', '1');
  assert.equal(edits.now('x-a'), '1');
  assert.equal(edits.now('x_a'), null);
  const all = new HeadEdits();
  all.append('x_b', 'old');
  edits.set('x_b', 'new');
  all.add(edits);
  assert.equal(all.now('x_b'), 'new');
  assert.ok(all.removes('x-b'));
});

const climbing: readonly (readonly [object, string])[] = [
  [{ path: '^/static(.*)', to: '/assets/$1' }, '/static../admin'],
  [{ path: '^/static(.*)', to: '/assets/$1' }, '/static.'],
  [{ path: '^/static(.*)', to: '/assets/$1' }, '/static..%3bx/admin'],
  [{ path: '^/static(.*)', to: '/assets/$1' }, '/static..%2fadmin'],
  [{ path: '^/(.*)-(.*)$', to: '/a/$1$2/b' }, '/.-.'],
  [{ to: '/files/${query:name}' }, '/?name=../admin'],
  [{ to: '/files/${query:name}' }, '/?name=..'],
  [{ to: '/files/${query:name}' }, '/?name=%252e%252e/admin'],
  [{ to: '/files/${query:name}' }, '/?name=..;/admin'],
  [{ to: '/files/${query:name}' }, '/?name=..%5cadmin'],
  [{ to: '/files/${header:x-name}' }, '/'],
];
for (const [settings, target] of climbing) {
  test(`rewrite: ${target} does not climb out of ${JSON.stringify(settings)}`, async (t) => {
    const { ask, upstream } = await filtered(t, [{ rewrite: settings }]);
    assert.equal((await ask(`GET ${target}`, { 'X-Name': 'a/../../admin' })).status, 400);
    assert.equal(upstream.requests.length, 0);
  });
}

test('rewrite: dots that are part of a name are no climbing', async (t) => {
  const { ask, asked } = await filtered(t, [{ rewrite: { path: '^/static/(.*)', to: '/assets/$1' } }]);
  for (const name of ['a..b', '...', '.well-known/x', 'x.', '..a'])
    assert.deepEqual(
      [(await ask(`GET /static/${name}`)).status, asked().start.split(' ')[1]],
      [200, `/assets/${name}`],
    );
});

test('api-key: a parameter is hidden however its name is written', async (t) => {
  const { ask, asked } = await filtered(t, [{ 'api-key': { keys: { shop: KEY }, query: 'key' } }]);
  for (const query of [`%6Bey=${KEY}&a=1`, `a=1&key=${KEY}`, `key=${KEY}&%6b%65y=${KEY}&a=1&k%65y`]) {
    assert.equal((await ask(`GET /?${query}`)).status, 200, query);
    assert.equal(asked().start.split(' ')[1], '/?a=1');
  }
});

test('basic-auth: passwords are compared beside, so that the others are served meanwhile', async (t) => {
  const users = { anna: bcrypt.hashSync('right', 10) };
  const { ask } = await filtered(t, [{ 'basic-auth': { users } }]);
  assert.equal((await ask('GET /', basic('anna', 'right'))).status, 200);
  const before = performance.eventLoopUtilization();
  const statuses = await Promise.all(
    Array.from(
      { length: 8 },
      async (_, i) => (await ask('GET /', basic(i % 2 === 0 ? 'anna' : 'nobody', `${i}`))).status,
    ),
  );
  assert.deepEqual(new Set(statuses), new Set([401]));
  const { utilization, idle } = performance.eventLoopUtilization(before);
  assert.ok(utilization < 0.6 && idle > 50, `busy ${utilization}, idle ${idle} ms`);
});

function alone(resources: Resources): (user: string, password: string) => unknown {
  const settings = { users: { anna: bcrypt.hashSync('right', 4) }, file: '', realm: 'x', hide: true };
  const filter = basicAuth.build(settings, {
    env: realEnv(),
    resources,
    count: () => undefined,
  } as unknown as FilterTools);
  return (user, password) =>
    filter.onRequest!({
      header: () => basic(user, password).Authorization,
      edits: new HeadEdits(),
      answer: new HeadEdits(),
    } as unknown as FilterRequest);
}

test('basic-auth: what was refused once is refused at once, and one question is asked once', async (t) => {
  const resources = new Resources();
  t.after(() => resources.close());
  const ask = alone(resources);
  const refused = { status: 401, code: 'unauthorized' };
  for (const user of ['anna', 'nobody']) {
    assert.deepEqual(
      await Promise.all(Array.from({ length: 200 }, () => ask(user, 'wrong'))),
      Array(200).fill(refused),
    );
    assert.deepEqual(ask(user, 'wrong'), refused);
  }
  assert.equal(await ask('anna', 'right'), undefined);
  assert.ok(ask('anna', 'other') instanceof Promise);
});

test('basic-auth: more questions than may wait are turned away, and nobody waits for ever', async (t) => {
  const resources = new Resources();
  t.after(() => resources.close());
  const ask = alone(resources);
  const right = ask('anna', 'right');
  const answers = await Promise.all(Array.from({ length: 70 }, (_, i) => ask('anna', `wrong ${i}`)));
  const busy = answers.filter((answer) => (answer as { status: number }).status === 503);
  assert.deepEqual(busy, Array(7).fill({ status: 503, code: 'overloaded', retryAfterSeconds: 1 }));
  assert.equal(await right, undefined);
});

test('passwords: who waits when the desk closes is answered; who comes later is not, and a broken hash fits nothing', async () => {
  const desk = new PasswordDesk();
  const hash = bcrypt.hashSync('right', 4);
  const asked = ['right', 'wrong', 'right'].map((password) => desk.fits(password, hash));
  const broken = desk.fits('right', `$2z$99$${'x'.repeat(53)}`);
  desk.close();
  assert.deepEqual(await Promise.all(asked), [true, false, true]);
  assert.equal(await broken, false);
  assert.equal(await desk.fits('right', hash), undefined);
});

for (const version of VERSIONS) {
  test(`gRPC-Web over ${version}: an answer that a filter is still working on is waited for`, async (t) => {
    // Nothing that shrinks: the coder is at it for a while.
    const body = randomBytes(3_000_000);
    const frame = Buffer.concat([Buffer.alloc(5), body]);
    frame.writeUInt32BE(body.length, 1);
    const { port } = await serve(t, 'h2', (served) => {
      served.head(200, { 'content-type': 'application/grpc+proto' }, true);
      served.end(frame, { 'grpc-status': '0' });
    });
    const proxy = await startProxy(t, {
      endpoints: [port],
      listener: { http2: true, filters: [{ compress: { types: ['application/*'], encodings: ['br'] } }] },
      pool: { protocol: 'h2', health: false },
    });
    const client = asker(t, version, proxy.port);
    for (const time of [1, 2]) {
      const answer = await client.ask({
        method: 'POST',
        path: '/test.Echo/Large',
        headers: { 'content-type': 'application/grpc-web+proto', 'accept-encoding': 'br' },
        body: Buffer.alloc(5),
      });
      assert.equal(answer.headers['content-encoding'], 'br');
      const plain = brotliDecompressSync(answer.body);
      assert.ok(plain.subarray(0, frame.length).equals(frame), `${time}`);
      assert.match(plain.subarray(frame.length + 5).toString(), /^grpc-status: 0\r\n/m);
    }
  });
}

test('gRPC-Web: what the sink behind it says of an answer is said of it too', () => {
  const inner = { unfinished: true, endsWithConnection: true };
  const sink = new GrpcWebSink(inner as unknown as ResponseSink, { text: false, suffix: '' });
  assert.deepEqual([sink.unfinished, sink.endsWithConnection], [true, true]);
  inner.unfinished = inner.endsWithConnection = false;
  assert.deepEqual([sink.unfinished, sink.endsWithConnection], [false, false]);
});

for (const version of VERSIONS) {
  test(`replace-body over ${version}: HEAD is told no length that would be wrong`, async (t) => {
    const { proxy } = await filtered(
      t,
      [{ 'replace-body': { rules: { find: 'hello', with: 'x' } } }],
      ({ start }) =>
        start.startsWith('HEAD')
          ? `HTTP/1.1 200 OK\r\nContent-Type: ${start.includes('/p') ? 'image/png' : 'text/html'}\r\nContent-Length: 5\r\n\r\n`
          : reply('hello', 'Content-Type: text/html\r\n'),
      { listener: { http2: true } },
    );
    const client = asker(t, version, proxy.port);
    const head = await client.ask({ method: 'HEAD', path: '/a' });
    assert.deepEqual(
      [head.status, head.headers['content-length'], head.headers['content-type']],
      [200, undefined, 'text/html'],
    );
    assert.equal((await client.ask({ method: 'HEAD', path: '/p' })).headers['content-length'], '5');
    const get = await client.ask({ path: '/a' });
    assert.deepEqual([get.body.toString(), get.headers['content-length']], ['x', '1']);
  });
}

test('static: a fallback is kept once, for all paths; and no name is that long', async (t) => {
  const root = folder(t);
  writeFileSync(join(root, 'app.html'), 'first');
  const { ask } = await filtered(t, [{ static: { root, fallback: 'app.html' } }]);
  assert.equal((await ask('GET /deep/one')).body.toString(), 'first');
  writeFileSync(join(root, 'app.html'), 'second');
  // Another path, within the second in which what is kept is not looked at again.
  assert.equal((await ask('GET /deep/two')).body.toString(), 'first');
  assert.equal((await ask(`GET /${'a/'.repeat(2500)}`)).status, 404);
});
