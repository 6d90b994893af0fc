import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBE_KINDS } from './compile/probe.ts';
import { compile } from './compile.ts';
import { effective } from './effective.ts';
import type { HealthConfig, UdpProbeConfig } from './types.ts';

const document = (health: unknown, pool: object = {}) => ({
  listeners: { db: { bind: '127.0.0.1:1', protocol: 'tcp', pool: 'p' } },
  pools: { p: { endpoints: ['10.0.0.1:1'], health, ...pool } },
});

function healthOf(health: unknown, pool: object = {}): HealthConfig {
  const compiled = compile(document(health, pool));
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.error));
  const [config] = Object.values(compiled.value.pools);
  // What `check --effective` prints means the same.
  const again = compile(effective(compiled.value));
  if (!again.ok) assert.fail(JSON.stringify(again.error));
  assert.deepEqual(again.value.pools.p.health, config.health);
  return config.health!;
}

test('every kind has a short form, and its defaults', () => {
  const short = (kind: string) => healthOf({ [kind]: kind === 'http' ? '/' : true }).probe;
  assert.deepEqual(
    PROBE_KINDS.map((kind) => short(kind).kind),
    PROBE_KINDS,
  );
  assert.deepEqual(short('tcp'), { kind: 'tcp', send: undefined, expect: undefined });
  assert.deepEqual(short('tls'), { kind: 'tls', sni: '', alpn: [], verify: false, ca: '' });
  assert.deepEqual(short('redis'), { kind: 'redis', username: '', password: '' });
  assert.deepEqual(short('mysql'), { kind: 'mysql', user: '' });
  assert.deepEqual(short('postgres'), { kind: 'postgres', user: 'postgres', database: '' });
  assert.deepEqual(short('smtp'), { kind: 'smtp', helo: 'localhost' });
  assert.equal(healthOf({}).probe.kind, 'tcp');
  assert.equal(healthOf({ tcp: false, http: '/' }).probe.kind, 'http');
});

test('what is sent and expected may be text or bytes', () => {
  const talk = (send: unknown, expect: unknown) => {
    const { kind: _, ...rest } = healthOf({ udp: { send, expect } }).probe as UdpProbeConfig;
    return rest;
  };
  assert.deepEqual(talk('PING\r\n', '+PONG'), {
    send: { encoding: 'text', value: 'PING\r\n' },
    expect: { kind: 'contains', value: '+PONG' },
  });
  assert.deepEqual(talk({ hex: '0A0b' }, { hex: 'ff00' }), {
    send: { encoding: 'hex', value: '0A0b' },
    expect: { kind: 'hex', value: 'ff00' },
  });
  assert.deepEqual(talk('', '220 *'), {
    send: { encoding: 'text', value: '' },
    expect: { kind: 'prefix', value: '220 ' },
  });
  assert.deepEqual(talk('x', '~^\\d+$').expect, { kind: 'regex', value: '^\\d+$' });
  assert.deepEqual(talk('x', { exact: 'a*' }).expect, { kind: 'exact', value: 'a*' });
});

test('probes of a pool with a PROXY header send one, unless they go to another port', () => {
  const header = (health: object, proxyProtocol: unknown) => healthOf(health, { proxyProtocol }).proxyHeader;
  assert.equal(header({ tcp: true }, 'v2'), 2);
  assert.equal(header({ tcp: true }, 'v1'), 1);
  assert.equal(header({ tcp: true }, false), 0);
  assert.equal(header({ http: '/', port: 8080 }, 'v2'), 0);
});

const REFUSED: readonly (readonly [string, unknown, RegExp])[] = [
  [
    'three kinds',
    { tcp: true, redis: true, smtp: true },
    /has "tcp" and "redis" and "smtp"; a pool has one kind of probe/,
  ],
  ['half a byte', { tcp: { send: { hex: 'abc' } } }, /must be pairs of hex digits/],
  ['text and hex', { tcp: { send: { hex: 'ab', text: 'x' } } }, /is either text or \{ hex: \.\.\. \}/],
  ['two expectations', { tcp: { expect: { prefix: 'a', contains: 'b' } } }, /needs exactly one of/],
  ['nothing expected', { tcp: { expect: '' } }, /expect/],
  ['a pattern that is none', { udp: { expect: '~(' } }, /is no usable pattern/],
  ['authorities for nothing', { tls: { ca: 'ca.pem' } }, /is for nothing while certificates are not verified/],
  ['a name without a password', { redis: { username: 'x' } }, /needs a "password"/],
  ['a user with a NUL', { mysql: { user: 'a\0b' } }, /holds a control character/],
  ['a name with a line end', { smtp: { helo: 'a\r\nQUIT' } }, /must be a name without spaces/],
  ['an unknown setting', { postgres: { usr: 'x' } }, /usr/],
];

for (const [what, health, reason] of REFUSED) {
  test(`refused with a reason: ${what}`, () => {
    const compiled = compile(document(health));
    assert.ok(!compiled.ok);
    assert.match(compiled.error.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'), reason);
  });
}
