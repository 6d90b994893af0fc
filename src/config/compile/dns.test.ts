import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath } from '../issues.ts';
import { dns } from '../schema/dns.ts';
import { compileDns } from './dns.ts';
import { Findings } from './findings.ts';

function issues(part: Record<string, unknown>): string[] {
  const findings = new Findings([]);
  compileDns(dns().parse({ bind: '127.0.0.1:53', ...part }), findings);
  return findings.issues.map(({ path, message }) => `${formatPath(path)} ${message}`);
}

const records = (of: Record<string, unknown>): string[] => issues({ zones: { 'example.com': { records: of } } });

test('defaults are what the reference says', () => {
  const config = compileDns(
    dns().parse({ bind: '127.0.0.1:53', zones: { 'example.com': { records: { www: { A: '192.0.2.1' } } } } }),
    new Findings([]),
  )!;
  assert.deepEqual(config, {
    bind: [{ host: '127.0.0.1', port: 53 }],
    rotate: 'rotate',
    nsid: '',
    cookies: { secrets: [] },
    rateLimit: { responses: 200, slip: 2, exempt: ['127.0.0.0/8', '::1'] },
    ednsSize: 1232,
    ecs: true,
    tcp: { idleMs: 10_000, connections: 1000 },
    resolvers: [],
    zones: {
      'example.com': {
        name: 'example.com',
        file: '',
        ttl: 300,
        soa: { mname: '', rname: '', serial: 0, refresh: 3600, retry: 900, expire: 1_209_600, minimum: 60, ttl: 3600 },
        ns: [],
        transfer: { allow: [], notify: [] },
        dnssec: undefined,
        records: [
          {
            name: 'www',
            ttl: 300,
            rotate: 'rotate',
            answers: 0,
            sets: [{ type: 'A', values: [{ value: '192.0.2.1', weight: 1 }] }],
            steer: undefined,
            allDown: 'open',
            fallback: undefined,
            alias: '',
          },
        ],
      },
    },
  });
});

test('off switches cookies and rate limits off', () => {
  const config = compileDns(
    dns().parse({ bind: '127.0.0.1:53', cookies: false, rateLimit: 'off', zones: {} }),
    new Findings([]),
  )!;
  assert.deepEqual([config.cookies, config.rateLimit], [undefined, undefined]);
});

test('dnssec has its key in a file beside the configuration, or where it says; a signed zone is not transferred', () => {
  const keys = (dnssec: unknown): unknown => {
    const zones = { 'example.com': { dnssec, records: { www: { A: '192.0.2.1' } } } };
    return compileDns(dns().parse({ bind: '127.0.0.1:53', zones }), new Findings([]))!.zones['example.com'].dnssec;
  };
  assert.deepEqual(
    [keys(true), keys({ key: '/k.pem' }), keys('off')],
    [{ key: 'example.com.key.pem' }, { key: '/k.pem' }, undefined],
  );
  const zone = { dnssec: true, transfer: { allow: '10.0.0.0/8' }, records: { www: { A: '192.0.2.1' } } };
  assert.match(
    issues({ zones: { x: zone } })[0],
    /zones\.x\.transfer\.allow would hand out a zone without its signatures/,
  );
});

test('wrong data is found at its place', () => {
  assert.deepEqual(records({ www: { A: ['192.0.2.1', '192.0.2.256'] } }), [
    'dns.zones.example.com.records.www.A[1] has "192.0.2.256" where an IPv4 address belongs',
  ]);
  assert.deepEqual(records({ 'a..b': { A: '192.0.2.1' } }), ['dns.zones.example.com.records.a..b has an empty label']);
  assert.deepEqual(records({ 'www.example.org.': { A: '192.0.2.1' } }), [
    'dns.zones.example.com.records.www.example.org. is outside the zone',
  ]);
  assert.deepEqual(records({ www: {} }), ['dns.zones.example.com.records.www has no records']);
  assert.match(records({ '@': { CNAME: 'www' } })[0], /records\.@\.CNAME example\.com\. has a CNAME, which must be/);
  assert.match(
    records({ a: { A: '192.0.2.1', steer: 'eu' } })[0],
    /records\.a\S* a\.example\.com\. has addresses of its own/,
  );
  assert.match(records({ sub: { NS: 'ns.sub' } })[0], /records\.sub\.NS .* no address/);
});

test('resolvers are asked by address', () => {
  const www = { zones: { 'a.example': { records: { www: { A: '192.0.2.1' } } } } };
  assert.deepEqual(issues({ ...www, resolvers: ['192.0.2.53:53', '[2001:db8::53]:5353'] }), []);
  assert.deepEqual(issues({ ...www, resolvers: ['192.0.2.53:53', 'resolver.example:53', '192.0.2.53:0'] }), [
    'dns.resolvers[1] has "resolver.example", which is no IP address',
    'dns.resolvers[2] has port 0, where nobody answers',
  ]);
});

test('zones, addresses and settings are checked', () => {
  assert.match(issues({ zones: {} })[0], /dns\.zones must name at least one zone/);
  const www = { records: { www: { A: '192.0.2.1' } } };
  assert.match(issues({ zones: { 'a.example': www, 'A.example.': www } })[0], /is the zone "a\.example" once more/);
  assert.match(issues({ zones: { 'a..b': www } })[0], /zones\.a\.\.b has an empty label/);
  assert.match(
    issues({ bind: ['127.0.0.1:53', '127.0.0.1:53'], zones: { x: www } })[0],
    /dns\.bind\[1\] has 127\.0\.0\.1:53 twice/,
  );
  assert.match(issues({ zones: { x: { ...www, transfer: { allow: '10.0.0.0/33' } } } })[0], /transfer\.allow\[0\]/);
  assert.match(issues({ zones: { x: { ...www, ns: ['..'] } } })[0], /zones\.x\.ns/);
  assert.match(records({ a: { steer: 'x', allDown: 'fallback' } })[0], /allDown is fallback, and there is none/);
  assert.match(records({ a: { steer: 'x', fallback: 'y' } })[0], /fallback is never used/);
});

test('keys and values that are none are refused', () => {
  const fails = (part: unknown): boolean =>
    !dns().safeParse({ bind: '127.0.0.1:53', zones: {}, ...(part as object) }).success;
  assert.ok(fails({ zone: {} }));
  assert.ok(fails({ ednsSize: 100 }));
  assert.ok(fails({ rotate: 'sometimes' }));
  assert.ok(fails({ cookies: { secrets: 'abc' } }));
  assert.ok(fails({ zones: { x: { records: { www: { B: '192.0.2.1' } } } } }));
  assert.ok(fails({ zones: { x: { records: { www: { A: { value: '192.0.2.1', weight: -1 } } } } } }));
});
