import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIp, readIp } from './ip.ts';

test('addresses are written as RFC 5952 has them', () => {
  const written = (text: string): string => {
    const bytes = new Uint8Array(16);
    const length = readIp(text, bytes) as 4 | 16;
    return formatIp(bytes, 0, length);
  };
  for (const [from, to] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ])
    assert.equal(written(from), to);
});

test('what is written reads back as the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(8), (random, zeros) => {
      const bytes = Uint8Array.from(random, (byte, i) => (i >= 2 * zeros && i < 2 * zeros + 4 ? 0 : byte));
      const back = new Uint8Array(16);
      const length = readIp(formatIp(bytes, 0, 16), back);
      assert.deepEqual(back.subarray(0, length), length === 4 ? bytes.subarray(12) : bytes);
    }),
  );
});
