import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answererOf, decode, dnsConfig, dnsImages, question } from '../../testing/dns-scenario.ts';
import { buildZones, type ZoneIssue } from './build.ts';

const SOA = '@ SOA ns1.example.net. admin 1 3600 600 86400 60\n';

function faults(file: string, extra: Record<string, unknown> = {}): string[] {
  const config = dnsConfig({ dns: { zones: { 'example.com': { file: 'f', ...extra } } } });
  const built = buildZones(config, () => file, { epochSeconds: 1 });
  if (built.ok) return [];
  return built.error.map(({ line, column, message }: ZoneIssue) => `${line}:${column} ${message}`);
}

function dig(file: string, name: string, type: string): unknown[] {
  const answerer = answererOf({ dns: { zones: { 'example.com': { file: 'f' } } }, files: { f: file } });
  const answer = answerer.respond(question(name, type), { address: '127.0.0.1', transport: 'tcp' })!;
  return decode(answer).answers!.map((record) => {
    const { ttl, data } = record as { ttl: number; data: unknown };
    return [ttl, Buffer.isBuffer(data) ? data.toString('hex') : Array.isArray(data) ? data.map(String) : data];
  });
}

test('zone files: directives, units, parentheses, comments, owners and TTLs left out', () => {
  const file = `; a comment
$TTL 1h
${SOA}
@   IN  NS  ns1.example.net. ; another
www 300 IN A 192.0.2.1
    IN 5m A 192.0.2.2
\t  A 192.0.2.3

$ORIGIN sub
host ( IN
       A 192.0.2.4 ) ; the end
$ORIGIN other.example.com.
$TTL 1w2d
@ TXT ( "one;two"
  "three" ) four\\ five
`;
  assert.deepEqual(
    dig(file, 'www.example.com', 'A').map((record) => (record as number[])[0]),
    [300, 300, 300],
  );
  assert.deepEqual(dig(file, 'host.sub.example.com', 'A'), [[3600, '192.0.2.4']]);
  assert.deepEqual(dig(file, 'other.example.com', 'TXT'), [[777_600, ['one;two', 'three', 'four five']]]);
});

test('without $TTL the last TTL holds, as in RFC 1035', () => {
  const file = `@ 900 SOA ns1.example.net. admin 1 3600 600 86400 60\na A 192.0.2.1\nb 5 A 192.0.2.2\nc A 192.0.2.3\n`;
  assert.deepEqual(dig(file, 'a.example.com', 'A'), [[900, '192.0.2.1']]);
  assert.deepEqual(dig(file, 'c.example.com', 'A'), [[5, '192.0.2.3']]);
});

test('a record that is there twice is answered once', () => {
  assert.equal(
    dig(`${SOA}a A 192.0.2.1\na A 192.0.2.1\nb A 192.0.2.1\nA A 192.0.2.1\n`, 'a.example.com', 'A').length,
    1,
  );
  const many = Array.from({ length: 200 }, (_, n) => `m A 192.0.2.${n % 100}`).join('\n');
  assert.equal(dig(`${SOA}${many}\n`, 'm.example.com', 'A').length, 100);
});

test('faults are told with line and column, all of them', () => {
  const file = `${SOA}www A 192.0.2.300
bad..name A 192.0.2.1
  MX mail
$INCLUDE other.zone
$GENERATE 1-3 a A 192.0.2.$
x 5q A 192.0.2.1
y CH TXT "x"
outside.example.org. A 192.0.2.1
z NOPE x
t TXT "never closed
`;
  assert.deepEqual(faults(file), [
    '2:7 A has "192.0.2.300" where an IPv4 address belongs',
    '3:1 the owner "bad..name" has an empty label',
    '4:3 has no owner, and there is no record before it',
    '5:1 $INCLUDE is not supported: put the records into this file',
    '6:1 $GENERATE is not known; $ORIGIN and $TTL are',
    '7:3 "5q" is no TTL',
    '8:3 is of class CH; only IN is served',
    '9:1 is outside the zone',
    '10:3 "NOPE" is no record type',
    '11:7 is a quote that is never closed',
  ]);
  assert.deepEqual(faults(`${SOA}a ( A 192.0.2.1\n`), ['2:3 is never closed']);
  assert.deepEqual(faults(`${SOA}a A 192.0.2.1 )\n`), ['2:15 has no "(" before it']);
});

test('what records must be to each other is checked', () => {
  const one = (records: string): string => faults(`${SOA}${records}`).join(' | ');
  assert.match(one('a CNAME b\na A 192.0.2.1\n'), /^2:1 a\.example\.com\. has a CNAME, which must be the only record/);
  assert.match(one('a CNAME b\na CNAME c\n'), /only record/);
  assert.match(one('@ CNAME b\n'), /only record/);
  assert.match(one(`${SOA.replace(' 1 3600', ' 2 3600')}`), /^2:1 example\.com\. has a second SOA/);
  assert.match(one('a SOA ns admin 1 1 1 1 1\n'), /belongs to the top/);
  assert.match(one('@ NS ns\n'), /^2:1 example\.com\. names ns\.example\.com\. as its server, which has no address/);
  assert.match(one('sub NS ns.sub\n'), /no address/);
  assert.equal(one('sub NS ns\n'), '', 'a server beside the delegation may be looked up');
  assert.equal(one('@ NS ns.sub\nsub NS ns.sub\nns.sub A 192.0.2.1\n'), '');
  assert.match(one('d DNAME e\nx.d A 192.0.2.1\n'), /below a DNAME/);
  assert.match(one('*.w NS ns.example.net.\n'), /RFC 4592/);
});

test('a zone without SOA gets one from the configuration; a zone file brings its own', () => {
  const config = { zones: { 'example.com': { file: 'f', ns: 'ns.example.net', soa: { rname: 'admin@example.com' } } } };
  const answerer = answererOf({ dns: config, files: { f: 'www A 192.0.2.1\n' }, epochSeconds: 1234 });
  const answer = answerer.respond(question('example.com', 'SOA'), { address: '127.0.0.1', transport: 'udp' })!;
  const [{ data }] = decode(answer).answers as unknown as [{ data: Record<string, unknown> }];
  assert.deepEqual([data.mname, data.rname, data.serial], ['ns.example.net', 'admin.example.com', 1234]);
});

test('an automatic serial stays while the content does, and rises with it', () => {
  const of = (address: string, epochSeconds: number, previous?: ReturnType<typeof dnsImages>) => {
    const options = { dns: { zones: { 'example.com': { records: { www: { A: address } } } } }, epochSeconds };
    return dnsImages(dnsConfig(options), options, previous);
  };
  const first = of('192.0.2.1', 1000);
  assert.equal(first[0].serial, 1000);
  const same = of('192.0.2.1', 2000, first);
  assert.equal(same[0].serial, 1000);
  assert.equal(of('192.0.2.2', 2000, same)[0].serial, 2000);
  assert.equal(of('192.0.2.2', 900, same)[0].serial, 1001, 'also when the clock went back');
});

test('names keep their meaning whatever bytes they have', () => {
  const file = `${SOA}a\\.b A 192.0.2.1\na.b A 192.0.2.2\n\\065bc A 192.0.2.3\n`;
  assert.deepEqual(dig(file, 'a.b.example.com', 'A'), [[60, '192.0.2.2']]);
  assert.deepEqual(dig(file, 'abc.example.com', 'A'), [[60, '192.0.2.3']]);
});

test('a hundred thousand names are all found, and none that is not there', () => {
  const lines = Array.from({ length: 100_000 }, (_, n) => `h${n} A 10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  const answerer = answererOf({
    dns: { zones: { 'example.com': { file: 'f' } } },
    files: { f: SOA + lines.join('\n') },
  });
  const client = { address: '127.0.0.1', transport: 'tcp' as const };
  for (let n = 0; n < 100_000; n += 7) {
    const packet = Buffer.from(answerer.respond(question(`h${n}.example.com`, 'A'), client)!);
    assert.equal(packet.readUInt32BE(packet.length - 4), 0x0a000000 + n);
  }
  for (let n = 100_000; n < 101_000; n++)
    assert.equal(answerer.respond(question(`h${n}.example.com`, 'A'), client)![3] & 15, 3);
});
