// Filters that change heads, or answer with one: headers, rewrite, redirect, respond, cors, security-headers, error-pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { valuesOf } from '../../src/testing/http-message.ts';

const startOf = (message: { start: string }): string => message.start.split(' ')[1];

test('headers: set, append and remove, both ways, with variables', async (t) => {
  const { ask, asked } = await filtered(
    t,
    [
      {
        headers: {
          request: {
            set: { 'X-From': '${client} ${method} ${path} ${query:a} ${cookie:user}', 'X-Empty': '${header:absent}' },
            append: { 'X-List': 'two' },
            remove: ['X-Secret', 'X-Internal-*'],
          },
          response: { set: { 'X-Status': '${status} ${response:x-kind} ${endpoint}' }, remove: 'Server' },
        },
      },
    ],
    () => reply('x', 'Server: old\r\nX-Kind: good\r\n'),
  );
  const told = await ask('GET /a?a=1%202', {
    Cookie: 'user=anna',
    'X-List': 'one',
    'X-Secret': 's',
    'x-internal-a': '1',
    'x-from': 'forged',
  });
  assert.deepEqual(valuesOf(asked(), 'x-from'), ['127.0.0.1 GET /a 1 2 anna']);
  assert.deepEqual(valuesOf(asked(), 'x-list'), ['one', 'two']);
  for (const name of ['x-secret', 'x-internal-a', 'x-empty']) assert.deepEqual(valuesOf(asked(), name), [], name);
  assert.match(told.field('x-status')!, /^200 good 127\.0\.0\.1:\d+$|^200 good b\/0$/);
  assert.equal(told.field('server'), undefined);
});

test('headers: what a client sends cannot end a line', async (t) => {
  const { ask } = await filtered(t, [{ headers: { response: { set: { 'X-Echo': '${query:q}' } } } }]);
  const told = await ask('GET /?q=a%0d%0aSet-Cookie:%20x=1%00%0a');
  assert.equal(told.field('x-echo'), 'a Set-Cookie: x=1');
  assert.equal(told.field('set-cookie'), undefined);
});

const rewrites: readonly (readonly [string, object, string, string])[] = [
  ['strips a prefix', { stripPrefix: '/api' }, '/api/users?x=1', '/users?x=1'],
  ['leaves a name alone that only begins like it', { stripPrefix: '/api' }, '/apiary', '/apiary'],
  ['strips the whole path to the root', { stripPrefix: '/api' }, '/api', '/'],
  ['adds a prefix', { addPrefix: '/v2' }, '/users', '/v2/users'],
  ['by a pattern with groups', { path: '~^/v(?<n>\\d+)/(.*)$', to: '/$2/v$<n>' }, '/v1/a/b', '/a/b/v1'],
  ['leaves what the pattern does not match', { path: '~^/old/', to: '/new/' }, '/other/old/', '/other/old/'],
  [
    'to a text with variables',
    { to: '/tenants/${host}${path}?from=${client}' },
    '/x?y=2',
    '/tenants/test.example/x?from=127.0.0.1&y=2',
  ],
  [
    'of parameters',
    { query: { set: { q: 'a&b=${path}', new: '1' }, remove: ['gone'] } },
    '/p?q=0&gone=1&k=2',
    '/p?k=2&q=a&b=%2Fp&new=1',
  ],
  ['cannot climb out', { path: '~^/files/(.*)$', to: '/safe/$1' }, '/files/%2e%2e/%2e%2e/etc', '/etc'],
];
for (const [what, settings, path, expected] of rewrites) {
  test(`rewrite: ${what}`, async (t) => {
    const { ask, asked } = await filtered(t, [{ rewrite: settings }]);
    await ask(`GET ${path}`);
    assert.equal(startOf(asked()), expected);
  });
}

test('rewrite: another host for the endpoint, the old one in X-Forwarded-Host', async (t) => {
  const { ask, asked } = await filtered(t, [{ rewrite: { host: 'inner.example' } }]);
  await ask('GET /');
  assert.deepEqual(valuesOf(asked(), 'host'), ['inner.example']);
  assert.deepEqual(valuesOf(asked(), 'x-forwarded-host'), ['test.example']);
});

test('rewrite: a listener rewrites before routes are looked at', async (t) => {
  const { ask } = await filtered(t, [{ rewrite: { stripPrefix: '/v1' } }], undefined, {
    listener: { pool: undefined, routes: [{ path: '/users', pool: 'b' }] },
  });
  assert.equal((await ask('GET /v1/users')).status, 200);
  assert.equal((await ask('GET /v1/other')).status, 404);
});

const redirects: readonly (readonly [unknown, string, number, string | undefined])[] = [
  ['https://www.example.com${uri}', '/a?b=1', 302, 'https://www.example.com/a?b=1'],
  [{ to: '/new${path}', status: 301 }, '/x', 301, '/new/x'],
  [{ to: '/q?was=${query}', status: 308 }, '/x?a=1&b=2', 308, '/q?was=a=1&b=2'],
  // A path of two slashes would be somebody's host.
  ['${path}', '//evil.example/x', 400, undefined],
  ['${query:to}', '/?to=javascript:alert(1)', 400, undefined],
];
for (const [settings, path, status, location] of redirects) {
  test(`redirect: ${JSON.stringify(settings)} for ${path} is ${status} ${location ?? ''}`, async (t) => {
    const { ask, upstream } = await filtered(t, [{ redirect: settings }]);
    const told = await ask(`GET ${path}`);
    assert.equal(told.status, status);
    assert.equal(told.field('location'), location);
    assert.equal(upstream.requests.length, 0);
  });
}

test('respond: one fixed answer, escaped where it is a page', async (t) => {
  const { ask } = await filtered(t, [], undefined, {
    listener: {
      pool: undefined,
      routes: [
        { path: '/health', filters: [{ respond: 204 }] },
        { path: '/text', filters: [{ respond: 'plain ${query:x}' }] },
        {
          path: '/page',
          filters: [
            { respond: { status: 403, body: '<p>${query:x} ü</p>', type: 'text/html', headers: { 'X-A': '1' } } },
          ],
        },
        { path: '/json', filters: [{ respond: { body: '{"x":"${query:x}"}', type: 'application/json' } }] },
      ],
    },
  });
  const empty = await ask('GET /health');
  assert.deepEqual([empty.status, empty.body.length, empty.field('content-length')], [204, 0, undefined]);
  assert.equal((await ask('GET /text?x=%3Cb%3E')).body.toString(), 'plain <b>');
  const page = await ask('GET /page?x=%3Cb%3E');
  assert.deepEqual(
    [page.status, page.body.toString(), page.field('content-type'), page.field('x-a')],
    [403, '<p>&#60;b&#62; ü</p>', 'text/html', '1'],
  );
  assert.equal((await ask('GET /json?x=%22,%0a')).body.toString(), '{"x":"\\",\\n"}');
  assert.equal((await ask('HEAD /text?x=1')).field('content-length'), '7');
});

test('cors: preflights are answered here, for origins that may', async (t) => {
  const { ask, upstream } = await filtered(
    t,
    [
      {
        cors: { origins: ['https://app.example.com', 'https://*.example.org'], credentials: true, expose: ['X-Total'] },
      },
    ],
    () => reply('data', 'Access-Control-Allow-Origin: *\r\n'),
  );
  const preflight = {
    Origin: 'https://app.example.com',
    'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'x-a, x-b',
  };
  const told = await ask('OPTIONS /', preflight);
  assert.equal(told.status, 204);
  assert.equal(told.field('access-control-allow-origin'), 'https://app.example.com');
  assert.equal(told.field('access-control-allow-credentials'), 'true');
  assert.equal(told.field('access-control-allow-headers'), 'x-a, x-b');
  assert.match(told.field('access-control-allow-methods')!, /PUT/);
  assert.equal(upstream.requests.length, 0);
  for (const origin of ['https://a.b.example.org', 'https://app.example.com']) {
    const answer = await ask('GET /', { Origin: origin });
    assert.deepEqual(answer.all('access-control-allow-origin'), [origin]);
    assert.equal(answer.field('access-control-expose-headers'), 'X-Total');
    assert.match(answer.all('vary').join(), /Origin/);
  }
  for (const origin of [
    'https://evil.com',
    'https://example.org',
    'https://evilexample.org',
    'https://x.example.org.evil.com',
    'null',
  ]) {
    assert.equal(
      (await ask('OPTIONS /', { ...preflight, Origin: origin })).field('access-control-allow-origin'),
      undefined,
      origin,
    );
    assert.deepEqual((await ask('GET /', { Origin: origin })).all('access-control-allow-origin'), [], origin);
  }
});

test('cors: errors of ours can be read by scripts too', async (t) => {
  const { ask } = await filtered(t, ['cors'], undefined, {
    listener: { pool: undefined, routes: [{ path: '/x', pool: 'b' }] },
  });
  const told = await ask('GET /nowhere', { Origin: 'https://a.example' });
  assert.deepEqual([told.status, told.field('access-control-allow-origin')], [404, '*']);
});

test('security-headers: what the endpoint says wins, what it should not say goes', async (t) => {
  const { ask } = await filtered(t, [{ 'security-headers': { contentSecurityPolicy: "default-src 'self'" } }], () =>
    reply('x', 'X-Frame-Options: DENY\r\nX-Powered-By: thing\r\n'),
  );
  const told = await ask('GET /');
  assert.deepEqual(told.all('x-frame-options'), ['DENY']);
  assert.equal(told.field('content-security-policy'), "default-src 'self'");
  assert.equal(told.field('x-content-type-options'), 'nosniff');
  assert.equal(told.field('x-powered-by'), undefined);
});

test('error-pages: in place of our errors, and of endpoints only where that is asked for', async (t) => {
  const pages = { '404': '<p>no ${path}</p>', '500-599': { body: 'sorry', type: 'text/plain', as: 503 } };
  for (const intercept of [false, true]) {
    await t.test(`intercept: ${intercept}`, async (t) => {
      const { ask, upstream } = await filtered(
        t,
        [{ 'error-pages': { pages, intercept } }],
        () => reply('own words', '', '500 Oops'),
        {
          listener: { pool: undefined, routes: [{ path: '/x', pool: 'b' }] },
        },
      );
      const missing = await ask('GET /%3Cscript%3E');
      assert.deepEqual([missing.status, missing.body.toString()], [404, '<p>no /%3Cscript%3E</p>']);
      const failed = await ask('GET /x');
      assert.deepEqual([failed.status, failed.body.toString()], intercept ? [503, 'sorry'] : [500, 'own words']);
      upstream.close();
      const down = await ask('GET /x');
      assert.equal(down.body.toString(), 'sorry');
    });
  }
});
