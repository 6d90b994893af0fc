import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cookies } from './cookies.ts';
import { sipHash24 } from './siphash.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

function check(secrets: string[], cookie: string, address: string, epochSeconds: number): [boolean, string] {
  const buffer = new Uint8Array(40);
  const given = bytes(cookie);
  buffer.set(given);
  const valid = new Cookies(secrets.map(bytes)).check(buffer, given.length, address, epochSeconds);
  return [valid, Buffer.from(buffer.subarray(0, 24)).toString('hex')];
}

test('SipHash-2-4 gives the values of its authors', () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const out = new Uint8Array(8);
  sipHash24(key, new Uint8Array(0), 0, out, 0);
  assert.equal(Buffer.from(out).toString('hex'), '310e0edd47db6f72');
  sipHash24(
    key,
    Uint8Array.from({ length: 15 }, (_, i) => i),
    15,
    out,
    0,
  );
  assert.equal(Buffer.from(out).toString('hex'), 'e545be4961ca29a1');
});

// RFC 9018, appendix A.
const SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf';

test('makes the cookie of RFC 9018 A.1 for a client without one', () => {
  assert.deepEqual(check([SECRET], '2464c4abcf10c957', '198.51.100.100', 0x5cf79f11), [
    false,
    '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
  ]);
});

test('knows its cookie and renews an old one (A.2), reserved bits and all (A.3)', () => {
  const own = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
  assert.deepEqual(check([SECRET], own, '198.51.100.100', 0x5cf79f11 + 60), [true, own]);
  assert.deepEqual(check([SECRET], own, '198.51.100.100', 0x5cf7a871), [
    true,
    '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
  ]);
  assert.deepEqual(check([SECRET], 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5', '203.0.113.203', 0x5cf7a9ac), [
    false,
    'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
  ]);
});

test('a cookie made with the secret before is good, and is replaced by one of the new secret once it is old (A.4)', () => {
  const secrets = ['445536bcd2513298075a5d379663c962', 'dd3bdf9344b678b185a6f5cb60fca715'];
  const client = '2001:db8:220:1:59de:d0f4:8769:82b8';
  const own = '22681ab97d52c298010000005cf7c57926556bd0934c72f8';
  assert.deepEqual(check(secrets, own, client, 0x5cf7c579 + 10), [true, own]);
  assert.deepEqual(check(secrets, own, client, 0x5cf7c609 + 1800).at(0), true);
  assert.equal(check(secrets.slice(0, 1), own, client, 0x5cf7c609)[0], false);
});

test('a cookie of another client, of the future, too old or cut short is none', () => {
  const own = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
  assert.equal(check([SECRET], own, '198.51.100.101', 0x5cf79f11)[0], false);
  assert.equal(check([SECRET], own, '198.51.100.100', 0x5cf79f11 + 3601)[0], false);
  assert.equal(check([SECRET], own, '198.51.100.100', 0x5cf79f11 - 301)[0], false);
  assert.equal(check([SECRET], own.slice(0, 32), '198.51.100.100', 0x5cf79f11)[0], false);
  assert.equal(check([SECRET], `${own}00`, '198.51.100.100', 0x5cf79f11)[0], false);
});
