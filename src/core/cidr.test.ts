import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { CidrSet, parseCidr } from './cidr.ts';
import { readIp } from './ip.ts';

function bytesOf(text: string): number[] | undefined {
  const out = new Uint8Array(16).fill(99);
  const length = readIp(text, out);
  return length === 0 ? undefined : [...out.subarray(0, length)];
}

test('addresses of both families are read; mapped IPv4 is IPv4', () => {
  assert.deepEqual(bytesOf('10.0.255.1'), [10, 0, 255, 1]);
  assert.deepEqual(bytesOf('::ffff:10.0.0.1'), [10, 0, 0, 1]);
  assert.deepEqual(bytesOf('::FFFF:a00:1'), [10, 0, 0, 1]);
  assert.deepEqual(bytesOf('::'), Array(16).fill(0));
  assert.deepEqual(bytesOf('2001:db8::1'), [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1]);
  assert.deepEqual(bytesOf('1:2:3:4:5:6:7::'), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]);
});

test('what is no address is refused, as the platform does', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.', '.1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', '1..2.3', 'x', 'é']) {
    assert.equal(bytesOf(text), undefined, text);
  }
  const pieces = fc.constantFrom(':', '::', '0', 'ffff', '12345', 'a', 'g', '.', '1.2.3.4', '1.2.3.400', '1:', ':2');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
      const text = list.join('');
      if (text.includes(':')) assert.equal(bytesOf(text) !== undefined, isIPv6(text), text);
    }),
    { numRuns: 20_000 },
  );
  fc.assert(fc.property(fc.ipV6(), (text) => assert.notEqual(bytesOf(text), undefined)));
});

test('networks are read strictly and problems are said', () => {
  for (const text of [
    '10.0.0.0/8',
    '0.0.0.0/0',
    '10.0.0.1',
    '::/0',
    '2001:db8::/32',
    '::1/128',
    '::ffff:10.0.0.0/104',
  ]) {
    assert.ok(parseCidr(text).ok, text);
  }
  for (const [text, problem] of [
    ['10.0.0.1/8', /bits of the address set beyond \/8/],
    ['10.0.0.0/33', /0-32/],
    ['10.0.0.0/', /0-32/],
    ['10.0.0.0/08', /0-32/],
    ['10.0.0.0/-1', /0-32/],
    ['::/129', /0-128/],
    ['::ffff:10.0.0.0/8', /96-128/],
    ['fe80::1%eth0/64', /no IP address/],
    ['example.com', /no IP address/],
  ] as const) {
    const result = parseCidr(text);
    assert.ok(!result.ok && problem.test(result.error), `${text}: ${JSON.stringify(result)}`);
  }
  assert.throws(() => CidrSet.of(['x']), /"x" has "x", which is no IP address/);
});

test('a set knows its members', () => {
  const set = CidrSet.of(['10.0.0.0/8', '192.0.2.7', '2001:db8::/33', 'fe80::/10']);
  for (const text of ['10.1.2.3', '192.0.2.7', '::ffff:10.9.9.9', '2001:db8:7fff::1', 'fe80::1%eth0']) {
    assert.ok(set.has(text), text);
  }
  for (const text of ['11.0.0.0', '192.0.2.6', '2001:db8:8000::', '::1', 'a00::', '', 'x']) {
    assert.ok(!set.has(text), text);
  }
  assert.ok(CidrSet.of(['::/0']).has('::1') && !CidrSet.of(['::/0']).has('1.2.3.4'));
  assert.ok(CidrSet.of(['0.0.0.0/0']).has('1.2.3.4') && !CidrSet.of([]).has('1.2.3.4'));
});

test('membership agrees with comparing bits', () => {
  const network = fc.tuple(fc.nat(0xffffffff), fc.nat(32)).map(([bits, prefix]) => {
    const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
    return { bits: (bits & mask) >>> 0, mask, text: `${dotted((bits & mask) >>> 0)}/${prefix}` };
  });
  fc.assert(
    fc.property(fc.array(network, { maxLength: 8 }), fc.nat(0xffffffff), fc.nat(31), (networks, address, flip) => {
      const set = CidrSet.of(networks.map(({ text }) => text));
      const near = networks.length > 0 ? (networks[0].bits ^ (1 << flip)) >>> 0 : address;
      for (const probe of [address, near]) {
        const expected = networks.some(({ bits, mask }) => (probe & mask) >>> 0 === bits);
        assert.equal(set.has(dotted(probe)), expected);
      }
    }),
    { numRuns: 2000 },
  );
});

function dotted(bits: number): string {
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
}
