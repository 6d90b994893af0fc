import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';
import {
  encodeLocal,
  encodeV1,
  encodeV2,
  hasTlv,
  type ProxyHeader,
  parseProxyHeader,
  TLV,
  tlv,
} from './proxy-protocol.ts';

const read = (bytes: Buffer) => parseProxyHeader(bytes, 0, bytes.length);
const line = (text: string) => read(Buffer.from(text, 'latin1'));
const ends = (source: string, destination: string) => ({
  source: { host: source, port: 1234 },
  destination: { host: destination, port: 443 },
});

test('CRC-32C gives the value of RFC 3720 for its examples', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
});

test('a line of version 1 gives both ends, and what follows is left alone', () => {
  const bytes = Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.9 56324 443\r\nGET / HTTP/1.1\r\n');
  const header = read(bytes) as ProxyHeader;
  assert.deepEqual(header.source, { host: '192.0.2.1', port: 56324 });
  assert.deepEqual(header.destination, { host: '203.0.113.9', port: 443 });
  assert.equal(bytes.subarray(header.length).toString(), 'GET / HTTP/1.1\r\n');
  const six = line('PROXY TCP6 2001:DB8::1 ::1 1 2\r\n') as ProxyHeader;
  assert.deepEqual(six.source, { host: '2001:db8::1', port: 1 });
  assert.equal((line('PROXY UNKNOWN what ever this is\r\n') as ProxyHeader).source, undefined);
});

test('malformed lines of version 1 are refused, whatever is wrong with them', () => {
  for (const text of [
    'PROXY TCP4 192.0.2.1 203.0.113.9 56324\r\n',
    'PROXY TCP4 192.0.2.1 203.0.113.9 56324 443 \r\n',
    'PROXY  TCP4 192.0.2.1 203.0.113.9 56324 443\r\n',
    'PROXY TCP4 192.0.2.1 203.0.113.9 65536 443\r\n',
    'PROXY TCP4 192.0.2.1 203.0.113.9 -1 443\r\n',
    'PROXY TCP4 192.0.2.1 203.0.113.9 01 443\r\n',
    'PROXY TCP4 192.0.2.256 203.0.113.9 1 443\r\n',
    'PROXY TCP4 ::1 203.0.113.9 1 443\r\n',
    'PROXY TCP6 192.0.2.1 ::1 1 443\r\n',
    'PROXY TCP5 192.0.2.1 203.0.113.9 1 443\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
    `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`,
  ])
    assert.equal(line(text), 'invalid', text);
  assert.equal(line('PROXY TCP4 192.0.2.1'), 'incomplete');
  assert.equal(line('PRO'), 'incomplete');
  assert.equal(line('POST / HTTP/1.1'), 'absent');
});

test('every prefix of a header is incomplete, and the whole is the header', () => {
  const headers = [
    encodeV1(ends('192.0.2.1', '203.0.113.9')),
    encodeV2('tcp', ends('2001:db8::1', '2001:db8::2'), tlv(0xe0, 'vpce-1')),
    encodeLocal(2),
  ];
  for (const bytes of headers) {
    for (let length = 1; length < bytes.length; length++) {
      assert.equal(parseProxyHeader(bytes, 0, length), 'incomplete', `${length}`);
    }
    assert.equal((read(bytes) as ProxyHeader).length, bytes.length);
  }
});

test('what is written reads back, in both versions and families', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  const port = fc.nat(65_535);
  fc.assert(
    fc.property(ip, ip, port, port, fc.uint8Array({ maxLength: 300 }), (a, b, from, to, value) => {
      const pair = { source: { host: a, port: from }, destination: { host: b, port: to } };
      const tlvs = tlv(0xea, value);
      const second = read(encodeV2('udp', pair, tlvs)) as ProxyHeader;
      const first = read(encodeV1(pair)) as ProxyHeader;
      assert.deepEqual(first.source, second.source);
      assert.deepEqual(first.destination, second.destination);
      assert.equal(second.source?.port, from);
      assert.equal(second.destination?.port, to);
      assert.deepEqual(second.tlvs, tlvs);
      // Written again it is the same: the addresses survived whatever form they were given in.
      assert.deepEqual(encodeV1({ source: first.source!, destination: first.destination! }), encodeV1(pair));
    }),
  );
});

test('a local header has no addresses', () => {
  assert.equal((read(encodeLocal(2)) as ProxyHeader).command, 'local');
  assert.equal((read(encodeLocal(1)) as ProxyHeader).source, undefined);
});

test('TLVs are kept but padding and checksum; a wrong checksum or a cut TLV is refused', () => {
  const sum = tlv(TLV.crc32c, Buffer.alloc(4));
  const all = Buffer.concat([tlv(TLV.authority, 'example.com'), tlv(TLV.noop, 'xx'), sum]);
  const bytes = encodeV2('tcp', ends('192.0.2.1', '192.0.2.2'), all);
  assert.equal(read(bytes), 'invalid', 'a checksum of zero');
  bytes.writeUInt32BE(crc32c(bytes), bytes.length - 4);
  const { tlvs } = read(bytes) as ProxyHeader;
  assert.deepEqual(tlvs, tlv(TLV.authority, 'example.com'));
  assert.ok(hasTlv(tlvs, TLV.authority) && !hasTlv(tlvs, TLV.alpn));
  const cut = encodeV2('tcp', ends('192.0.2.1', '192.0.2.2'), Buffer.from([0xe0, 0, 9, 1]));
  assert.equal(read(cut), 'invalid');
});

test('version 2: wrong versions, commands, families and lengths are refused', () => {
  const good = encodeV2('tcp', ends('192.0.2.1', '192.0.2.2'));
  const with_ = (at: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    return read(bytes);
  };
  assert.equal(with_(12, 0x11), 'invalid');
  assert.equal(with_(12, 0x22), 'invalid');
  assert.equal(with_(13, 0x41), 'invalid');
  assert.equal(with_(13, 0x13), 'invalid');
  assert.equal(with_(13, 0x21), 'invalid', 'too short for two IPv6 addresses');
  assert.equal(with_(14, 0xff), 'invalid', 'longer than anybody sends');
  assert.equal((with_(13, 0x00) as ProxyHeader).source, undefined, 'unspecified');
});

test('bytes at random never throw', () => {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (random, signed) => {
      const bytes = signed ? Buffer.concat([signature, Buffer.from([0x21, 0x11]), random]) : Buffer.from(random);
      const result = read(bytes);
      if (typeof result === 'object') assert.ok(result.length <= bytes.length);
    }),
  );
});
