import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AFFINITIES } from '../../affinity/index.ts';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';
import type { AffinityConfig } from '../types.ts';

const document = (affinity: unknown, listener: object = {}): object => ({
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'p', ...listener } },
  pools: { p: { endpoints: ['127.0.0.1:1'], affinity } },
});

function compiled(affinity: unknown): AffinityConfig {
  const result = compile(document(affinity));
  if (!result.ok) assert.fail(JSON.stringify(result.error));
  return result.value.pools.p.affinity!;
}

function issuesOf(affinity: unknown, listener: object = {}): string {
  const result = compile(document(affinity, listener));
  assert.ok(!result.ok, 'was accepted');
  return result.error.map(({ path, message, hint }) => `${path.join('.')} ${message} ${hint ?? ''}`).join('\n');
}

test('the short form of a cookie says all that is needed, and its defaults are the safe ones', () => {
  assert.deepEqual(compiled({ cookie: 'SERVER', ttl: '1h' }), {
    by: 'cookie',
    name: 'SERVER',
    ttlMs: 3_600_000,
    maxAgeMs: 0,
    onDown: 'repick',
    cookie: { domain: '', path: '/', httpOnly: true, secure: 'auto', sameSite: 'lax', persistent: true },
    secrets: { keys: [], keysFile: '' },
    store: undefined,
  });
  assert.deepEqual(compiled('cookie:SERVER'), compiled({ cookie: 'SERVER' }));
  assert.deepEqual(compiled({ by: 'cookie:SERVER' }), compiled({ cookie: 'SERVER' }));
});

test('every kind has a short form', () => {
  for (const { name, named } of AFFINITIES) {
    const config = compiled(named ? `${name}:X-Sid` : name);
    assert.deepEqual([config.by, config.name], [name, named ? (name === 'header' ? 'x-sid' : 'X-Sid') : '']);
  }
});

test('what is in effect can be printed and read again, without its secrets', () => {
  const redis = { redis: 'redis://user:hunter2@10.0.0.9:6379/2', prefix: 'lb:', timeout: '20ms' };
  const key = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ';
  for (const affinity of [
    'source',
    { by: 'cookie:SERVER', ttl: '30m', maxAge: '12h', onDown: 'fail', domain: 'example.com', keys: [key, key] },
    { by: 'cookie-prefix:sid', keysFile: 'affinity.keys', store: redis },
    { by: 'cookie-learn:sid', store: redis },
    { by: 'header:x-user', store: 'memory' },
    'query:sid',
  ]) {
    const first = compile(document(affinity));
    assert.ok(first.ok);
    const printed = effective(first.value);
    const text = JSON.stringify(printed);
    assert.ok(!text.includes(key) && !text.includes('hunter2'), text);
    const again = compile(printed);
    assert.ok(again.ok, JSON.stringify(again));
    const { secrets, store, ...rest } = first.value.pools.p.affinity!;
    const expected = {
      ...rest,
      secrets: secrets && { ...secrets, keys: secrets.keys.map(() => 'hidden, not shown') },
      store: store && { ...store, url: 'redis://user:hidden@10.0.0.9:6379/2' },
    };
    assert.deepEqual(again.value.pools.p.affinity, expected);
  }
});

const BAD: readonly (readonly [string, unknown, RegExp, object?])[] = [
  ['a kind that is not there', 'cookies', /affinity/],
  ['a kind without its name', { by: 'header' }, /affinity\.by needs a name write header:NAME/],
  ['a name where there is none', { by: 'source:x' }, /by has a name, "x", and source has none/],
  ['a name that is no token', { cookie: 'a b' }, /"a b", which is no name of a cookie/],
  ['a line break in a name', { cookie: 'a\r\nSet-Cookie' }, /no name of a cookie/],
  ['two kinds', { by: 'source', cookie: 'S' }, /both "by" and "cookie"/],
  ['attributes of a cookie that is not inserted', { by: 'source', domain: 'a.com' }, /domain has no meaning by source/],
  ['keys for what is not signed', { by: 'header:x', keys: ['0123456789abcdef'] }, /it is for cookie, cookie-prefix/],
  ['a table for what needs none', { cookie: 'S', store: 'redis://a:1' }, /store has no meaning by cookie/],
  ['a weak key', { cookie: 'S', keys: ['short'] }, /keys\.0 is shorter than 16 characters/],
  ['a line break in a domain', { cookie: 'S', domain: 'a.com\r\nx' }, /which is no domain/],
  ['a semicolon in a path', { cookie: 'S', path: '/; Secure' }, /path must begin with/],
  ['SameSite=None in the clear', { cookie: 'S', sameSite: 'none', secure: false }, /sameSite is none/],
  ['__Host- with a domain', { cookie: '__Host-S', secure: true, domain: 'a.com' }, /path \/ and no domain/],
  ['__Secure- without', { cookie: '__Secure-S' }, /must be true/],
  ['a Redis that is none', { by: 'header:x', store: 'http://a' }, /no address of a Redis/],
  ['a port that is none', { by: 'header:x', store: 'redis://a:99999' }, /no address of a Redis/],
  ['a cookie over TCP', { cookie: 'S' }, /goes by cookie, but the TCP listener "web"/, { protocol: 'tcp' }],
  ['a shared table over UDP', { by: 'source', store: 'redis://a:1' }, /store cannot be asked for/, { protocol: 'udp' }],
  ['a refusal over TCP', { by: 'source', onDown: 'fail' }, /onDown must be repick/, { protocol: 'tcp' }],
];

for (const [what, affinity, pattern, listener] of BAD) {
  test(`refused with a reason: ${what}`, () => assert.match(issuesOf(affinity, listener), pattern));
}

test('a key that is refused is not repeated', () => {
  assert.doesNotMatch(issuesOf({ cookie: 'S', keys: ['hunter2'] }), /hunter2/);
});
