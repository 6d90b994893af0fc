import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteeringWorld } from '../../testing/steering.ts';
import { compile } from '../compile.ts';
import type { Config } from '../types.ts';
import type { Imported } from './report.ts';
import { reportText } from './report.ts';
import { importRoute53 } from './route53.ts';

type Json = Record<string, unknown>;

const REFERENCE = {
  Name: 'www.example.com',
  Type: 'A',
  SetIdentifier: 'US-East',
  GeoLocation: { ContinentCode: 'NA' },
  ResourceRecords: [{ Value: '203.0.113.1' }],
};

function imported(document: unknown, zone?: string): Imported {
  const result = importRoute53(document, zone === undefined ? {} : { zone });
  if (!result.ok) assert.fail(result.error);
  return result.value;
}

/** What is imported is a configuration that can be used as it is. */
function compiled({ document }: Imported): Config {
  const result = compile({ listeners: { l: { bind: '127.0.0.1:1', pool: 'l' } }, pools: { l: {} }, ...document });
  if (!result.ok) assert.fail(JSON.stringify(result.error));
  return result.value;
}

/** Sites answer with their own names. */
const worldOf = (one: Imported): SteeringWorld => new SteeringWorld(compiled(one).policies);
/** `outcome: notes` of each record. */
const told = ({ report }: Imported): string[] =>
  report.map(
    ({ type, set, outcome, notes }) =>
      `${type}${set && ` ${set}`} ${outcome}${notes.length > 0 ? `: ${notes.join('; ')}` : ''}`,
  );
const zone = ({ document }: Imported, name = 'example.com'): Json =>
  ((document.dns as { zones: Record<string, { records: Json }> }).zones[name] ?? assert.fail(name)).records;

const a = (set: string, value: string, extra: Json, type = 'A'): Json => ({
  Name: 'www.example.com.',
  Type: type,
  SetIdentifier: set,
  TTL: 60,
  ResourceRecords: [{ Value: value }],
  ...extra,
});

test("the reference document's record set becomes a site and a policy by geography", () => {
  const one = imported(REFERENCE);
  assert.deepEqual(one.document, {
    sites: { 'US-East': { addresses: ['203.0.113.1'] } },
    policies: { 'www.example.com': { kind: 'geo', 'US-East': ['continent:NA'] } },
    dns: { bind: '0.0.0.0:53', zones: { 'example.com': { records: { www: { steer: 'www.example.com' } } } } },
  });
  assert.deepEqual(told(one), ['A US-East approximated: it has no TTL; 300 s is taken']);
  assert.match(one.notes[0], /zone is taken to be example\.com/);
  const world = worldOf(one);
  assert.deepEqual(world.ask('www.example.com', { facts: { continent: 'NA', country: 'MX' } }).sites, ['US-East']);
  assert.deepEqual(world.ask('www.example.com', { facts: { continent: 'EU', country: 'DE' } }).sites, []);
});

test('geography: the smallest place first, then larger ones, then the default', () => {
  const one = imported([
    a('california', '203.0.113.1', { GeoLocation: { CountryCode: 'US', SubdivisionCode: 'CA' } }),
    a('us', '203.0.113.2', { GeoLocation: { CountryCode: 'US' } }),
    a('America', '203.0.113.3', { GeoLocation: { ContinentCode: 'NA' } }),
    a('default', '203.0.113.4', { GeoLocation: { CountryCode: '*' } }),
    a('broken', '203.0.113.5', { GeoLocation: { ContinentCode: 'XX' } }),
    a('again', '203.0.113.6', { GeoLocation: { CountryCode: 'US' } }),
  ]);
  assert.deepEqual(told(one), [
    'A california approximated: subdivisions need a city database: geo: { database: PATH }',
    'A us converted',
    'A America converted',
    'A default converted',
    'A broken refused: its place {"ContinentCode":"XX"} is not known',
    'A again refused: the record set "us" has the same place',
  ]);
  const { policies } = one.document as { policies: Record<string, Json> };
  assert.deepEqual(policies['www.example.com'], {
    kind: 'geo',
    default: 'www-default',
    california: ['US-CA'],
    us: ['US'],
    America: ['continent:NA'],
  });
  assert.deepEqual(Object.keys(one.document.sites as Json), ['california', 'us', 'America', 'www-default']);
  const world = worldOf({ ...one, document: { ...one.document, geo: { database: 'city.mmdb' } } });
  const ask = (facts: object) => world.ask('www.example.com', { facts }).sites[0];
  const california = { continent: 'NA', country: 'US', subdivision: 'CA' };
  assert.equal(ask(california), 'california');
  world.down('california');
  assert.equal(ask(california), 'us');
  assert.equal(ask({ continent: 'NA', country: 'CA' }), 'America');
  assert.equal(ask({ continent: 'EU', country: 'DE' }), 'www-default');
});

test('weights, failover and several values', () => {
  const weighted = imported([a('blue', '192.0.2.1', { Weight: 90 }), a('green', '192.0.2.2', { Weight: 10 })]);
  assert.deepEqual(told(weighted), ['A blue converted', 'A green converted']);
  assert.deepEqual(compiled(weighted).policies['www.example.com'], {
    kind: 'weighted',
    weights: [
      ['blue', 90],
      ['green', 10],
    ],
  });
  const failover = imported([
    a('second', '192.0.2.2', { Failover: 'SECONDARY', TTL: 30 }),
    a('first', '192.0.2.1', { Failover: 'PRIMARY', HealthCheckId: 'abc-123' }),
    a('third', '192.0.2.3', { Failover: 'PRIMARY' }),
  ]);
  assert.deepEqual(compiled(failover).policies['www.example.com'], { kind: 'failover', order: ['first', 'second'] });
  assert.deepEqual(told(failover), [
    'A second converted',
    'A first approximated: the health check abc-123 is not in the file: give the site "first" a pool with health checks; its TTL of 60 s becomes 30 s, the shortest of the name',
    'A third refused: there is another PRIMARY',
  ]);
  const many = imported([
    a('1', '192.0.2.1', { MultiValueAnswer: true }),
    a('2', '192.0.2.2', { MultiValueAnswer: true }),
  ]);
  assert.deepEqual(worldOf(many).ask('www.example.com').sites, ['1', '2']);
  assert.deepEqual(zone(many).www, { ttl: 60, steer: 'www.example.com', answers: 8, rotate: 'shuffle' });
});

test('regions and coordinates become places: measured, then nearest', () => {
  const latency = imported([
    a('fra', '192.0.2.1', { Region: 'eu-central-1' }),
    a('iad', '192.0.2.2', { Region: 'us-east-1' }),
    a('moon', '192.0.2.3', { Region: 'lunar-1' }),
  ]);
  const { sites, policies } = compiled(latency);
  assert.deepEqual(policies['www.example.com'], { kind: 'latency', members: ['fra', 'iad'], default: undefined });
  assert.deepEqual(sites.fra.location, { latitude: 50.1, longitude: 8.7 });
  assert.match(told(latency)[0], /^A fra approximated: AWS knows its own latencies to eu-central-1/);
  assert.match(told(latency)[2], /^A moon refused: where it is, is not known/);
  const near = imported([
    a('x', '192.0.2.1', { GeoProximityLocation: { AWSRegion: 'aws:route53:ap-southeast-2', Bias: -10 } }),
    a('y', '192.0.2.2', { GeoProximityLocation: { Coordinates: { Latitude: '48.9', Longitude: '2.4' } } }),
    a('z', '192.0.2.3', { GeoProximityLocation: { LocalZoneGroup: 'us-west-2-lax-1' } }),
  ]);
  assert.deepEqual(compiled(near).policies['www.example.com'], {
    kind: 'proximity',
    default: undefined,
    biases: [
      ['x', -10],
      ['y', 0],
    ],
  });
  assert.match(told(near)[2], /^A z refused/);
});

test('aliases nest policies, and those that lead outside say so', () => {
  const alias = (target: string, evaluates = true) => ({
    ResourceRecords: undefined,
    TTL: undefined,
    AliasTarget: { HostedZoneId: 'Z1', DNSName: target, EvaluateTargetHealth: evaluates },
  });
  const eu = (set: string, value: string, Weight: number) => ({
    ...a(set, value, { Weight }),
    Name: 'eu.example.com.',
  });
  const one = imported([
    a('europe', '', { GeoLocation: { ContinentCode: 'EU' }, ...alias('eu.example.com.') }),
    a('rest', '', { GeoLocation: { CountryCode: '*' }, ...alias('plain.example.com', false) }),
    a('elb', '', { GeoLocation: { CountryCode: 'US' }, ...alias('lb-1.eu-west-1.elb.amazonaws.com') }),
    eu('one', '192.0.2.1', 1),
    eu('two', '192.0.2.2', 0),
    { Name: 'plain.example.com', Type: 'A', TTL: 60, ResourceRecords: [{ Value: '192.0.2.9' }] },
    { Name: 'example.com', Type: 'A', ...alias('www.example.com') },
    { Name: 'cdn.example.com', Type: 'A', ...alias('d1.cloudfront.net') },
    { Name: 'cdn.example.com', Type: 'AAAA', ...alias('d1.cloudfront.net') },
  ]);
  const world = worldOf(one);
  const ask = (continent: string) => world.ask('www.example.com', { facts: { continent } }).sites;
  assert.deepEqual(ask('EU'), ['one']);
  world.down('one');
  assert.deepEqual(ask('EU'), ['two']);
  assert.deepEqual(ask('AF'), ['rest']);
  assert.deepEqual((one.document.sites as Json).rest, { addresses: ['192.0.2.9'] });
  const account = told(one);
  assert.equal(account[0], 'A europe converted');
  assert.match(account[1], /^A rest approximated: EvaluateTargetHealth is false there/);
  assert.match(
    account[2],
    /^A elb refused: it is an alias of lb-1\.eu-west-1\.elb\.amazonaws\.com, whose addresses are not in the file/,
  );
  assert.deepEqual(account[6], 'A converted');
  assert.match(account[7], /^A approximated: d1\.cloudfront\.net is outside of the zone/);
  assert.deepEqual(zone(one)['@'], { ALIAS: 'www.example.com.' });
});

test('an alias to a name of which nothing could be kept is refused as well', () => {
  const inner = { ...a('x', 'nonsense', { Weight: 1 }), Name: 'inner.example.com' };
  const target = {
    AliasTarget: { DNSName: 'inner.example.com', EvaluateTargetHealth: true },
    ResourceRecords: undefined,
  };
  const one = imported([a('y', '192.0.2.1', { Weight: 1 }), a('z', '', { Weight: 1, ...target }), inner]);
  assert.deepEqual(compiled(one).policies, { 'www.example.com': { kind: 'weighted', weights: [['y', 1]] } });
  assert.deepEqual(
    told(one).map((line) => line.split(':')[0]),
    ['A y converted', 'A z refused', 'A x refused'],
  );
});

test('IPv4 and IPv6 of one set are one site', () => {
  const one = imported([
    a('eu', '192.0.2.1', { Weight: 1 }),
    a('us', '192.0.2.2', { Weight: 3 }),
    a('eu', '2001:db8::1', { Weight: 1 }, 'AAAA'),
    a('us', '2001:db8::2', { Weight: 4 }, 'AAAA'),
  ]);
  const { sites, policies } = compiled(one);
  assert.deepEqual(sites.eu.addresses, ['192.0.2.1', '2001:db8::1']);
  assert.deepEqual(policies['www.example.com'], {
    kind: 'weighted',
    weights: [
      ['eu', 1],
      ['us', 3],
    ],
  });
  assert.deepEqual(told(one).slice(2), [
    'AAAA eu converted',
    'AAAA us approximated: A and AAAA are steered as one here: 3 of the other type holds, not 4',
  ]);
});

test('a whole zone, as the command line lists it', () => {
  const plain = (Name: string, Type: string, ...values: string[]) => ({
    Name,
    Type,
    TTL: 300,
    ResourceRecords: values.map((Value) => ({ Value })),
  });
  const one = imported({
    ResourceRecordSets: [
      plain('example.com.', 'SOA', 'ns-1.awsdns-01.org. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400'),
      plain('example.com.', 'NS', 'ns-1.awsdns-01.org.', 'ns-2.awsdns-02.com.'),
      plain('example.com.', 'MX', '10 mail.example.com', '20 mx.example.net.'),
      plain('example.com.', 'TXT', '"v=spf1 -all"', '"caf\\303\\251"'),
      plain('mail.example.com.', 'A', '192.0.2.25', '192.0.2.26'),
      plain('\\052.dev.example.com.', 'CNAME', 'www.example.com'),
      plain('sub.example.com.', 'NS', 'ns.example.net'),
      { ...plain('example.com.', 'CAA', '0 issue "ca.example.net"'), TTL: 60 },
      plain('_sip._tcp.example.com.', 'SRV', '1 2 5060 sip.example.com'),
      plain('elsewhere.net.', 'A', '192.0.2.1'),
      { ...plain('x.example.com.', 'CNAME', 'a.example.net'), SetIdentifier: 'a', Weight: 1 },
      { ...plain('x.example.com.', 'CNAME', 'b.example.net'), SetIdentifier: 'b', Weight: 1 },
      { ...plain('y.example.com.', 'A', '192.0.2.1'), Surprise: true },
    ],
    IsTruncated: true,
  });
  compiled(one);
  assert.deepEqual(zone(one), {
    '@': {
      ttl: 60,
      MX: ['10 mail.example.com.', '20 mx.example.net.'],
      TXT: ['"v=spf1 -all"', '"caf\\195\\169"'],
      CAA: '0 issue "ca.example.net"',
    },
    mail: { ttl: 300, A: ['192.0.2.25', '192.0.2.26'] },
    '*.dev': { ttl: 300, CNAME: 'www.example.com.' },
    sub: { ttl: 300, NS: 'ns.example.net.' },
    '_sip._tcp': { ttl: 300, SRV: '1 2 5060 sip.example.com.' },
    x: { ttl: 300, CNAME: 'a.example.net.' },
    y: { ttl: 300, A: '192.0.2.1' },
  });
  assert.equal(one.report.map(({ outcome }) => outcome[0]).join(''), 'rrcccccacrara');
  assert.match(one.notes.join(), /IsTruncated/);
  assert.match(reportText(one), /^! example\.com SOA: refused\n {4}it names Route 53's own server/);
  assert.match(reportText(one), /\d+ converted, \d+ approximated, \d+ refused\n$/);
});

test('change batches, and what is no record set', () => {
  const batch = {
    ChangeBatch: {
      Changes: [
        { Action: 'UPSERT', ResourceRecordSet: REFERENCE },
        { Action: 'DELETE', ResourceRecordSet: { ...REFERENCE, Name: 'old.example.com' } },
      ],
    },
  };
  const one = imported(batch);
  assert.equal(told(one)[1], 'A US-East refused: the change deletes it');
  assert.deepEqual(Object.keys(zone(one)), ['www']);
  assert.deepEqual(imported(batch.ChangeBatch).document, one.document);
  for (const nothing of [null, 5, [], {}, { Name: 'x' }, [REFERENCE, 5], { ResourceRecordSets: [] }])
    assert.equal(importRoute53(nothing).ok, false, JSON.stringify(nothing));
  assert.equal(importRoute53([REFERENCE, { ...REFERENCE, Name: 'www.example.net' }]).ok, false, 'several zones');
  const [inside, outside] = told(imported([REFERENCE, { ...REFERENCE, Name: 'www.example.net' }], 'example.com.'));
  assert.match(inside, /approximated/);
  assert.match(outside, /refused: it is outside of example\.com/);
});

test('record sets that do not go together are refused one by one, and never lost', () => {
  const one = imported([
    a('a', '192.0.2.1', { Weight: 1 }),
    a('b', '192.0.2.2', { Region: 'eu-west-1' }),
    a('c', '192.0.2.3', { Weight: 1, Failover: 'PRIMARY' }),
    a('d', '192.0.2.4', {}),
    a('e', '192.0.2.5', { Weight: -3 }),
    a('f', 'lb.example.com', { Weight: 1 }),
    a('g', '192.0.2.7', { CidrRoutingConfig: { CollectionId: 'x', LocationName: 'y' } }),
    a('a', '192.0.2.8', { Weight: 1 }),
    a('', '2001:db8::1', { SetIdentifier: undefined }, 'AAAA'),
  ]);
  compiled(one);
  assert.deepEqual(
    told(one).map((line) => line.split(': ')[0]),
    ['A a converted', ...['A b', 'A c', 'A d', 'A e', 'A f', 'A g', 'A a', 'AAAA'].map((what) => `${what} refused`)],
  );
  assert.deepEqual(compiled(one).policies['www.example.com'], { kind: 'weighted', weights: [['a', 1]] });
});
