import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_ENDPOINTS } from './discovery.ts';
import { Registrations, readList } from './entries.ts';

const DEFAULTS = { weight: 2, tier: 0, zone: 'eu', maxInFlight: 9, maxRate: 0 };

test('entries are addresses, groups as in a configuration, or targets with labels', () => {
  const read = readList(
    [
      '10.0.0.1:80',
      { address: '[fd00::1]:81', weight: 5, backup: true, zone: 'us', maxInFlight: 3, note: 'whatever' },
      { targets: ['10.0.0.2:80', 'host.example:80'], labels: { weight: '7', env: 'prod' } },
      '10.0.0.1:80',
    ],
    DEFAULTS,
  );
  assert.ok(read.ok);
  assert.deepEqual(read.value, [
    { ...DEFAULTS, address: { host: '10.0.0.1', port: 80 } },
    { weight: 5, tier: 1, zone: 'us', maxInFlight: 3, maxRate: 0, address: { host: 'fd00::1', port: 81 } },
    { ...DEFAULTS, weight: 7, address: { host: '10.0.0.2', port: 80 } },
    { ...DEFAULTS, weight: 7, address: { host: 'host.example', port: 80 } },
  ]);
  assert.deepEqual(readList({ endpoints: [] }, DEFAULTS), { ok: true, value: [] });
});

test('one mistake in a list, and nothing of it is believed', () => {
  const wrong: readonly [unknown, RegExp][] = [
    [undefined, /no list/],
    [{ a: 1 }, /no list/],
    [['10.0.0.1:80', 5], /entry 2 is no address/],
    [['10.0.0.1'], /entry 1 "10.0.0.1" needs a port/],
    [['10.0.0.1:0'], /needs a port from 1/],
    [['10.0.0.1:80\r\nX: y'], /has "80\?\?X: y" where|\?\?X/],
    [[{ address: 'a:1', weight: -1 }], /no good "weight"/],
    [[{ address: 'a:1', weight: Number.NaN }], /no good "weight"/],
    [[{ address: 'a:1', tier: 1.5 }], /no good "tier"/],
    [[{ address: 'a:1', zone: 'x\n' }], /no good "zone"/],
    [Array.from({ length: MOST_ENDPOINTS + 1 }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`), /limit/],
  ];
  for (const [value, pattern] of wrong) {
    const read = readList(value, DEFAULTS);
    assert.ok(!read.ok, JSON.stringify(value));
    assert.match(read.error, pattern);
    assert.doesNotMatch(read.error, /\p{Cc}/u);
  }
});

test('of many registrations, those that are wrong are left out and named', () => {
  const registered = new Registrations(DEFAULTS);
  registered.text('/api/a', '10.0.0.1:80');
  registered.text('/api/10.0.0.2:80', '');
  registered.text('/api/c', '{"address":"10.0.0.3:80","weight":4}');
  registered.text('/api/d', '{"address":');
  registered.text('/api/e\n', 'nonsense');
  for (let i = 0; i < 5; i++) registered.text(`/api/${i}`, 'nonsense');
  assert.deepEqual(
    registered.endpoints.map(({ address, weight }) => [address.host, weight]),
    [
      ['10.0.0.1', 2],
      ['10.0.0.2', 2],
      ['10.0.0.3', 4],
    ],
  );
  assert.match(registered.note, /^"\/api\/d" is no JSON; "\/api\/e\?" .* and 4 more$/);
});
