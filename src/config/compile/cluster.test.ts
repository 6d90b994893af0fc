import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';

const document = (cluster: unknown): object => ({
  cluster,
  listeners: { web: { bind: '127.0.0.1:80', pool: 'a' } },
  pools: { a: { endpoints: ['127.0.0.1:1'] } },
});

test('an address is enough', () => {
  const compiled = compile(document('redis://10.0.0.5:6379'));
  assert.ok(compiled.ok);
  assert.deepEqual(compiled.value.cluster, {
    redis: { url: 'redis://10.0.0.5:6379', prefix: 'evenkeel:', timeoutMs: 1000 },
    node: '',
    secret: '',
    secretFile: '',
    health: { vantages: 3, quorum: 0 },
    latency: true,
    certificates: true,
    config: true,
  });
});

test('what is in effect is printed as somebody could have written it, without secrets', () => {
  const full = {
    redis: 'redis+sentinel://lb:hunter2@10.0.0.5:26379,10.0.0.6:26379/main/2',
    prefix: 'lb:',
    timeout: '200ms',
    node: 'lb1',
    secret: 'known to all of these',
    health: { vantages: 5, quorum: 2 },
    latency: false,
  };
  for (const written of [full, 'redis+cluster://a:1,b:2', { redis: 'redis://a:1', health: false }, false]) {
    const first = compile(document(written));
    assert.ok(first.ok, JSON.stringify(first));
    const text = JSON.stringify(effective(first.value));
    assert.doesNotMatch(text, /hunter2|known to all/);
    const again = compile(JSON.parse(text));
    assert.ok(again.ok, JSON.stringify(again));
    const { secret: _, redis: __, ...rest } = again.value.cluster ?? {};
    const { secret: ___, redis: ____, ...before } = first.value.cluster ?? {};
    assert.deepEqual(rest, before);
  }
});

for (const [what, cluster, wrong] of [
  ['no address', { node: 'a' }, /cluster\.redis is missing/],
  ['an address of something else', 'http://a:1', /no address of a Redis/],
  ['a set without a name', { redis: 'redis+sentinel://a:1' }, /no address of a Redis/],
  ['more to agree than there are', { redis: 'redis://a:1', health: { vantages: 2, quorum: 3 } }, /only 2 vantages/],
  ['two secrets', { redis: 'redis://a:1', secret: 'x'.repeat(16), secretFile: 'a' }, /not both/],
  ['a short secret', { redis: 'redis://a:1', secret: 'x' }, /cluster\.secret/],
  ['a name with a space', { redis: 'redis://a:1', node: 'a b' }, /no name/],
  ['a prefix with braces', { redis: 'redis://a:1', prefix: '{a}' }, /without braces/],
] as const)
  test(`cluster: ${what}`, () => {
    const compiled = compile(document(cluster));
    assert.ok(!compiled.ok);
    const said = compiled.error.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n');
    assert.match(said, wrong);
  });
