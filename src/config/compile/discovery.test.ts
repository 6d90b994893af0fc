import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';
import { formatPath } from '../issues.ts';

const LISTENERS = { web: { bind: '127.0.0.1:0', pool: 'p' } };

function issues(discover: unknown): string[] {
  const compiled = compile({ listeners: LISTENERS, pools: { p: { discover } } });
  return compiled.ok
    ? []
    : compiled.error.map(({ path, message, hint = '' }) => `${formatPath(path)} ${message} (${hint})`);
}

const GOOD = [
  { file: 'endpoints.yaml', weight: 3, tier: 1, zone: 'eu', maxInFlight: 5, maxRate: 6, interval: '1s' },
  { http: 'https://inventory.example/x.json', ca: 'ca.pem', tokenFile: 'token' },
  { dns: 'api.internal:8080', minTtl: '2s', maxTtl: '1m', resolvers: '127.0.0.1:53' },
  { dns: 'api.internal', port: 8080, type: 'A' },
  { dns: '_http._tcp.api.internal', type: 'SRV' },
  { docker: 'unix:///var/run/docker.sock', label: 'app=web', network: 'front', port: 80 },
  { kubernetes: 'default/web', port: 'http' },
  { kubernetes: 'default/web', port: 8080, server: 'https://10.0.0.1:6443', tokenEnv: 'TOKEN', ca: 'ca.pem' },
  { consul: 'web', tags: ['v2'], datacenter: 'eu', tokenEnv: 'CONSUL_HTTP_TOKEN' },
  { etcd: '/services/api/', server: 'http://127.0.0.1:2379' },
  { redis: 'redis://127.0.0.1:6379/2', key: 'api' },
];

test('every form is understood, and what is in effect is a document with the same meaning', () => {
  const compiled = compile({ listeners: LISTENERS, pools: { p: { maxInFlight: 7, discover: GOOD } } });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
  const { discover } = compiled.value.pools.p;
  assert.equal(discover.length, GOOD.length);
  assert.deepEqual(discover[0].defaults, { weight: 3, tier: 1, zone: 'eu', maxInFlight: 5, maxRate: 6 });
  assert.equal(discover[1].defaults.maxInFlight, 7, 'the pool says what endpoints do not');
  const again = compile(effective(compiled.value));
  assert.ok(again.ok, again.ok ? '' : JSON.stringify(again.error));
  assert.deepEqual(again.value, compiled.value);
});

test('the password of a Redis is not shown', () => {
  const discover = { redis: 'redis://:hush@127.0.0.1:6379', key: 'api' };
  const compiled = compile({ listeners: LISTENERS, pools: { p: { discover } } });
  assert.ok(compiled.ok);
  assert.doesNotMatch(JSON.stringify(effective(compiled.value)), /hush/);
});

test('what is wrong is said where it stands, with what to write instead', () => {
  const wrong: readonly [unknown, RegExp][] = [
    [{}, /discover.*names no source \(one of file, http/],
    [{ file: 'a', http: 'http://b/' }, /several sources: file, http/],
    [{ fle: 'a' }, /fle is not known here \(did you mean "file"/],
    [{ file: 'a', key: 'x' }, /key means nothing for file \("key" is for redis\)/],
    [{ file: 'a', minTtl: '1s' }, /minTtl means nothing for file/],
    [{ dns: 'api.internal' }, /needs a port/],
    [{ dns: '10.0.0.1:80' }, /is no name \(addresses go to "endpoints"\)/],
    [{ dns: 'api.internal:80', type: 'SRV' }, /is no name/],
    [{ dns: 'api.internal', type: 'SRV', port: 80 }, /means nothing for SRV/],
    [{ dns: 'api.internal:80', interval: '5s' }, /TTLs say/],
    [{ dns: 'api.internal:80', minTtl: '1m', maxTtl: '5s' }, /longer than "maxTtl"/],
    [{ http: 'ftp://x/' }, /begins with none of http, https/],
    [{ http: 'https://user:pass@x/' }, /holds a user name or password/],
    [{ http: 'https://x/', tokenEnv: 'A', tokenFile: 'b' }, /stands beside "tokenFile"/],
    [{ http: 'https://x/', tokenEnv: 'A B' }, /is no name of an environment variable/],
    [{ docker: '/var/run/docker.sock' }, /begins with none of unix/],
    [{ docker: 'unix:/x', port: 'http' }, /must be a number/],
    [{ kubernetes: 'web' }, /names no service \(write NAMESPACE\/SERVICE\)/],
    [{ kubernetes: 'default/../x' }, /names no service/],
    [{ kubernetes: 'default/web', tokenEnv: 'A' }, /server is missing/],
    [{ redis: 'redis://127.0.0.1' }, /key is missing/],
    [{ redis: 'http://127.0.0.1', key: 'a' }, /no address of a Redis/],
    [{ file: 'a', weight: -1 }, /weight must be at least 0/],
    [{ file: 'a', interval: '1ms' }, /must be at least 100ms/],
  ];
  for (const [discover, pattern] of wrong) {
    const found = issues(discover);
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${JSON.stringify(discover)}: ${found.join('; ')}`,
    );
  }
});
