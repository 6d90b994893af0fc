import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { parseRdata } from '../zone/build.ts';
import { setU16 } from './bytes.ts';
import { formatName, isWithin, parseName, sameName } from './name.ts';
import { Query } from './query.ts';
import { readTtl } from './rdata.ts';
import { Writer } from './writer.ts';

const ORIGIN = parseName('example.com.') as Uint8Array;
const name = (text: string): Uint8Array => {
  const parsed = parseName(text, ORIGIN);
  assert.ok(typeof parsed !== 'string', String(parsed));
  return parsed;
};

test('names: relative, absolute, the origin, escapes, and back to text', () => {
  assert.equal(formatName(name('www')), 'www.example.com.');
  assert.equal(formatName(name('www.')), 'www.');
  assert.equal(formatName(name('@')), 'example.com.');
  assert.equal(formatName(name('.')), '.');
  assert.equal(formatName(name('a\\.b')), 'a\\.b.example.com.');
  assert.equal(formatName(name('\\000x\\255')), '\\000x\\255.example.com.');
  assert.ok(sameName(name('WWW'), 0, name('www'), 0));
  assert.ok(!sameName(name('\\000a'), 0, name('\\000b'), 0), 'a zero byte within a label ends nothing');
  assert.ok(isWithin(name('a.b'), ORIGIN));
  assert.ok(!isWithin(name('aexample.com.'), ORIGIN));
});

test('names that are none say why', () => {
  const fault = (text: string): string => parseName(text, ORIGIN) as string;
  assert.match(fault('a..b'), /empty label/);
  assert.match(fault('.a'), /empty label/);
  assert.match(fault('x'.repeat(64)), /63 bytes/);
  assert.equal(typeof fault('x'.repeat(63)), 'object');
  assert.match(fault(Array.from({ length: 64 }, () => 'abc').join('.')), /255 bytes/);
  assert.match(fault('a\\'), /escapes nothing/);
  assert.match(fault('a\\300'), /escapes nothing/);
  assert.match(fault('müller'.normalize('NFC').replace('ü', '\u0151')), /xn--/);
  assert.match(parseName('a') as string, /no origin/);
});

test('a name may have 255 bytes and not one more', () => {
  const three = `${'a'.repeat(63)}.`.repeat(3);
  assert.equal((parseName(`${three}${'b'.repeat(61)}.`) as Uint8Array).length, 255);
  assert.match(parseName(`${three}${'b'.repeat(62)}.`) as string, /255 bytes/);
});

const ENCODED: readonly [type: string, text: string, data: unknown][] = [
  ['A', '192.0.2.1', '192.0.2.1'],
  ['AAAA', '2001:db8::1', '2001:db8::1'],
  ['AAAA', '::ffff:192.0.2.1', '::ffff:c000:201'],
  ['CNAME', 'www', 'www.example.com'],
  ['MX', '10 mail', { preference: 10, exchange: 'mail.example.com' }],
  ['SRV', '1 2 5060 sip.example.net.', { priority: 1, weight: 2, port: 5060, target: 'sip.example.net' }],
  [
    'CAA',
    '128 issue "ca.example.net; policy=ev"',
    { flags: 128, tag: 'issue', value: 'ca.example.net; policy=ev', issuerCritical: true },
  ],
  ['HINFO', 'PC "Some System"', { cpu: 'PC', os: 'Some System' }],
  [
    'DS',
    '12345 13 2 01234567 89ABCDEF',
    { keyTag: 12345, algorithm: 13, digestType: 2, digest: Buffer.from('0123456789abcdef', 'hex') },
  ],
];

test('data of records is what an independent decoder reads', () => {
  for (const [type, text, expected] of ENCODED) {
    const data = parseRdata(type, text, ORIGIN);
    assert.ok(typeof data !== 'string', `${type} ${text}: ${String(data)}`);
    const answer = (decoded: dnsPacket.DecodedPacket): unknown => (decoded.answers![0] as { data: unknown }).data;
    const out = new Uint8Array(2048);
    const writer = new Writer();
    writer.begin(out, 0, 1000);
    writer.at = 12;
    setU16(out, 6, 1);
    writer.name(name('owner'), 0);
    writer.record(typeNumber(type), 60, data, 0, data.length);
    assert.deepEqual(answer(dnsPacket.decode(Buffer.from(out.subarray(0, writer.at)))), expected, `${type} ${text}`);
  }
});

function typeNumber(type: string): number {
  return dnsPacket.encode({ questions: [{ name: 'x', type: type as dnsPacket.RecordType }] }).readUInt16BE(15);
}

const hex = (type: string, text: string): string => {
  const data = parseRdata(type, text, ORIGIN);
  return typeof data === 'string' ? data : Buffer.from(data).toString('hex');
};

test('texts: unquoted is one text however long, quoted ones are parted', () => {
  assert.equal(hex('TXT', 'a b'), '03612062');
  assert.equal(hex('TXT', '"a" "b"'), '01610162');
  assert.equal(hex('TXT', ''), '00');
  assert.equal(hex('TXT', 'x'.repeat(256)).length, 2 * (256 + 2));
  assert.equal(hex('TXT', 'ü'), '02c3bc');
  assert.match(hex('TXT', `"${'x'.repeat(256)}"`), /most is 255/);
});

// RFC 9460, appendix D.
test('service bindings are encoded as the test vectors of RFC 9460 have them', () => {
  const target = '03666f6f076578616d706c6503636f6d00';
  assert.equal(hex('HTTPS', '0 foo.example.com.'), `0000${target}`);
  assert.equal(hex('SVCB', '1 .'), '000100');
  assert.equal(hex('SVCB', '16 foo.example.com. port=53'), `0010${target}000300020035`);
  assert.equal(hex('SVCB', '1 foo.example.com. key667=hello'), `0001${target}029b000568656c6c6f`);
  assert.equal(hex('SVCB', '1 foo.example.com. key667="hello\\210qoo"'), `0001${target}029b000968656c6c6fd2716f6f`);
  assert.equal(
    hex('SVCB', '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"'),
    `0001${target}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
  );
  assert.equal(
    hex('SVCB', '16 foo.example.org. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)'),
    '001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d3139000400 04c0000201'.replace(
      ' ',
      '',
    ),
  );
  assert.equal(
    hex('SVCB', '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"'),
    '001003666f6f076578616d706c65036f726700' + '0001000c08665c6f6f2c626172026832',
  );
  assert.match(hex('SVCB', '1 foo.example.com. key123=abc key123=def'), /twice/);
  assert.match(hex('SVCB', '1 foo.example.com. mandatory'), /needs a value/);
  assert.match(hex('SVCB', '1 foo.example.com. no-default-alpn=abc'), /takes no value/);
  assert.match(hex('SVCB', '1 foo.example.com. mandatory=key123'), /lacks a parameter/);
});

test('data that is wrong says what is wrong', () => {
  const cases: readonly [string, string, RegExp][] = [
    ['A', '192.0.2.256', /"192\.0\.2\.256" where an IPv4 address belongs/],
    ['A', '2001:db8::1', /IPv4 address/],
    ['AAAA', '192.0.2.1', /IPv6 address/],
    ['A', '192.0.2.1 192.0.2.2', /after its end/],
    ['MX', 'mail', /"mail" where a preference belongs/],
    ['MX', '10', /needs the mail server/],
    ['SRV', '1 2 70000 x', /70000/],
    ['CAA', '0 is-sue "x"', /needs a tag/],
    ['DS', '1 13 2 xyz', /hexadecimal/],
    ['TYPE65280', 'abc', /RFC 3597/],
    ['TYPE65280', '\\# 2 0a', /1 bytes of data where 2/],
    ['RRSIG', 'x', /signed zone/],
    ['ANY', 'x', /no type that a zone can hold/],
    ['NOPE', 'x', /no record type/],
  ];
  for (const [type, text, fault] of cases) assert.match(hex(type, text), fault);
  assert.equal(hex('TYPE65280', '\\# 4 0a 000001'), '0a000001');
});

test('TTLs have units as in BIND', () => {
  assert.deepEqual(['0', '300', '1h', '1h30m', '2W', '1d2h3m4s'].map(readTtl), [0, 300, 3600, 5400, 1_209_600, 93_784]);
  assert.deepEqual(['', 'h', '1x', '-1', '2147483648', '4000w'].map(readTtl), [-1, -1, -1, -1, -1, -1]);
});

test('names in a message point to what was written before, without regard to case', () => {
  const out = new Uint8Array(2048);
  const writer = new Writer();
  writer.begin(out, 0, 1000);
  writer.at = 12;
  writer.name(name('a.b'), 0);
  const first = writer.at;
  writer.name(name('A.B'), 0);
  assert.equal(writer.at - first, 2);
  const second = writer.at;
  writer.name(name('c.B'), 0);
  assert.equal(writer.at - second, 4);
  const third = writer.at;
  writer.name(name('c.b.other.'), 0);
  assert.equal(writer.at - third, 11);
  writer.rollback(second);
  writer.name(name('c.b'), 0);
  assert.equal(writer.at - second, 4, 'a name that was taken back is not pointed to');
});

const HEADER = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const WWW = [3, 119, 119, 119, 0, 0, 1, 0, 1];
const OPT = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
const read = (...parts: number[][]): string => {
  const packet = Uint8Array.from(parts.flat());
  return new Query().read(packet, packet.length);
};
const counted = (additionals: number, answers = 0): number[] => [0, 1, 0, 0, 0, 1, 0, answers, 0, 0, 0, additionals];

test('queries that are malformed are refused one by one', () => {
  assert.equal(read(HEADER, WWW), 'ok');
  assert.equal(read(counted(1), WWW, OPT), 'ok');
  assert.equal(read(HEADER.slice(0, 11)), 'drop');
  assert.equal(read([0, 1, 128, ...HEADER.slice(3)], WWW), 'drop', 'an answer');
  assert.equal(read([0, 1, 0x28, ...HEADER.slice(3)], WWW), 'notimp', 'UPDATE');
  assert.equal(read([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 'formerr', 'no question');
  assert.equal(read([0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0], WWW, WWW), 'formerr', 'two questions');
  assert.equal(read(HEADER, WWW, [0]), 'formerr', 'a byte behind the end');
  assert.equal(read(HEADER, WWW.slice(0, 8)), 'formerr', 'cut short');
  assert.equal(read(HEADER, [0xc0, 12, 0, 1, 0, 1]), 'formerr', 'a pointer to itself');
  assert.equal(read(HEADER, [64, ...WWW]), 'formerr', 'a label type that does not exist');
  assert.equal(read(HEADER, [...Array(128).fill([1, 97]).flat(), 0, 0, 1, 0, 1]), 'formerr', 'a name of 257 bytes');
  assert.equal(read(HEADER, [...Array(127).fill([1, 97]).flat(), 0, 0, 1, 0, 1]), 'ok', 'a name of 255 bytes');
  assert.equal(read(counted(2), WWW, OPT, OPT), 'formerr', 'two OPT records');
  assert.equal(read(counted(1), WWW, [1, 97, ...OPT]), 'formerr', 'an OPT record with a name');
  assert.equal(read(counted(0, 1), WWW, [0, ...WWW.slice(4), 0, 0, 0, 1, 0, 0]), 'formerr', 'an answer in a query');
});

const withOption = (...option: number[]): string => read(counted(1), WWW, OPT.slice(0, 9), [0, option.length], option);

test('EDNS options are judged by their RFCs', () => {
  assert.equal(withOption(0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2), 'ok');
  assert.equal(withOption(0, 8, 0, 4, 0, 0, 0, 0), 'ok', 'no family, no bits');
  assert.equal(withOption(0, 8, 0, 7, 0, 1, 24, 8, 192, 0, 2), 'formerr', 'a scope in a query');
  assert.equal(withOption(0, 8, 0, 7, 0, 1, 33, 0, 192, 0, 2), 'formerr', 'a prefix too long');
  assert.equal(withOption(0, 8, 0, 8, 0, 1, 24, 0, 192, 0, 2, 0), 'formerr', 'more bytes than the prefix needs');
  assert.equal(withOption(0, 8, 0, 6, 0, 1, 24, 0, 192, 0), 'formerr', 'fewer');
  assert.equal(withOption(0, 8, 0, 7, 0, 1, 23, 0, 192, 0, 3), 'formerr', 'bits beyond the prefix');
  assert.equal(withOption(0, 8, 0, 7, 0, 3, 24, 0, 192, 0, 2), 'formerr', 'an unknown family');
  assert.equal(withOption(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8), 'ok');
  assert.equal(withOption(0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7), 'formerr', 'a cookie too short');
  assert.equal(withOption(0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9), 'formerr', 'half a server cookie');
  assert.equal(withOption(0, 99, 0, 9, 1), 'formerr', 'an option longer than its record');
  assert.equal(withOption(255, 99, 0, 1, 1), 'ok', 'an unknown option');
});
