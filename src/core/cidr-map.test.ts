import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CidrSet } from './cidr.ts';
import { CidrMap } from './cidr-map.ts';
import { Recent } from './recent.ts';

test('the longest network that holds an address decides, in both families', () => {
  const map = new CidrMap([
    ['10.0.0.0/8', 'wide'],
    ['10.1.0.0/16', 'narrow'],
    ['10.1.2.3', 'one'],
    ['2001:db8::/32', 'six'],
    ['::/0', 'any six'],
  ]);
  for (const [address, expected] of [
    ['10.9.9.9', 'wide'],
    ['10.1.9.9', 'narrow'],
    ['10.1.2.3', 'one'],
    ['::ffff:10.1.2.3', 'one'],
    ['2001:db8::1', 'six'],
    ['fe80::1%eth0', 'any six'],
    ['192.0.2.1', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(map.get(address), expected, address);
  }
});

test('agrees with a set for each of its networks', () => {
  const octet = fc.integer({ min: 0, max: 3 });
  const address = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
  const network = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([text, prefix]) => {
    const number = text.split('.').reduce((all, part) => all * 256 + Number(part), 0);
    const kept = prefix === 0 ? 0 : Math.floor(number / 2 ** (32 - prefix)) * 2 ** (32 - prefix);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(kept / 2 ** shift) % 256).join('.')}/${prefix}`;
  });
  fc.assert(
    fc.property(fc.uniqueArray(network, { maxLength: 12 }), address, (networks, asked) => {
      const map = new CidrMap(networks.map((one) => [one, one]));
      const holding = networks.filter((one) => CidrSet.of([one]).has(asked));
      const longest = holding.sort((a, b) => Number(b.split('/')[1]) - Number(a.split('/')[1]))[0];
      assert.equal(map.get(asked), longest);
    }),
    { numRuns: 2000 },
  );
});

test('what was asked lately is remembered, and what strangers ask stays within bounds', () => {
  const recent = new Recent<number>(10);
  recent.set('kept', 1);
  for (let i = 0; i < 1000; i++) {
    recent.set(`stranger ${i}`, i);
    assert.equal(recent.get('kept'), 1, 'asked again and again');
  }
  assert.ok(recent.size <= 20);
  assert.equal(recent.get('stranger 1'), undefined);
});
