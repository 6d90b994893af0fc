import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl } from './redis-url.ts';

test('one server, a set with sentinels and a cluster have addresses of their own', () => {
  assert.deepEqual(parseRedisUrl('redis://10.0.0.1:6379/2'), { kind: 'single', url: 'redis://10.0.0.1:6379/2' });
  const nodes = [
    { host: '10.0.0.1', port: 26379 },
    { host: '::1', port: 26380 },
  ];
  assert.deepEqual(parseRedisUrl('rediss+sentinel://lb:p%40ss@10.0.0.1:26379,[::1]:26380/main/3'), {
    kind: 'sentinel',
    tls: true,
    username: 'lb',
    password: 'p@ss',
    nodes,
    master: 'main',
    database: 3,
  });
  assert.deepEqual(parseRedisUrl('redis+cluster://10.0.0.1:26379,[::1]:26380'), {
    kind: 'cluster',
    tls: false,
    username: '',
    password: '',
    nodes,
    master: '',
    database: 0,
  });
});

for (const text of [
  'redis+sentinel://a:1',
  'redis+sentinel://a:1/',
  'redis+cluster://a:1/main',
  'redis+cluster://a:1,b',
  'redis+cluster://',
  'redis+cluster://:%zz@a:1',
  'redis+cluster://:%ff@a:1',
  'redis+magic://a:1',
  'http://a:1',
  'redis://a:99999',
])
  test(`${text} is no address of a Redis`, () => assert.equal(parseRedisUrl(text), undefined));
