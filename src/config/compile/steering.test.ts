import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { formatPath } from '../issues.ts';
import type { Config } from '../types.ts';

const BASE = {
  pools: { 'eu-web': { endpoints: ['10.0.0.1:80'] }, 'us-web': { endpoints: ['10.1.0.1:80'] } },
  sites: { eu: { addresses: '203.0.113.1', pool: 'eu-web', location: [50, 8] }, us: '203.0.113.2' },
};
const dns = (record: object) => ({ bind: '127.0.0.1:53', zones: { 'example.com': { records: { www: record } } } });
const steered = (steer: unknown, more: object = {}) => ({ ...BASE, dns: dns({ steer }), ...more });

function good(document: unknown): Config {
  const compiled = compile(document);
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
  return compiled.value;
}

function issues(document: unknown): string[] {
  const compiled = compile(document);
  assert.ok(!compiled.ok, 'was accepted');
  return compiled.error.map(
    ({ path, message, hint }) => `${formatPath(path)} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  );
}

test('the own site is one of those that exist, and measurements have their settings', () => {
  const defaults = good(steered('eu'));
  assert.deepEqual([defaults.site, defaults.latency], ['', { file: [], intervalMs: 10_000 }]);
  const set = good(steered('eu', { site: 'eu', latency: { file: 'us.json', interval: '1m' } }));
  assert.deepEqual([set.site, set.latency], ['eu', { file: ['us.json'], intervalMs: 60_000 }]);
  assert.match(issues(steered('eu', { site: 'eus' }))[0], /^site names the site "eus", which does not exist \| .*eu/);
  assert.match(
    issues(steered('eu', { latency: { interval: '10ms' } }))[0],
    /^latency\.interval must be at least 1000ms/,
  );
});

const steerOf = (config: Config): unknown => config.dns!.zones['example.com'].records[0].steer;

test('sites have short forms, and say what they lack', () => {
  const { sites } = good(steered('eu'));
  assert.deepEqual(sites.us, {
    name: 'us',
    addresses: ['203.0.113.2'],
    pool: undefined,
    location: undefined,
    capacity: 0,
  });
  assert.deepEqual(sites.eu.location, { latitude: 50, longitude: 8 });
});

test('a name stands for a site, a pool or a policy; a policy may stand where it is used', () => {
  assert.deepEqual(steerOf(good(steered('eu-web'))), { kind: 'round-robin', members: ['eu-web'] });
  assert.deepEqual(steerOf(good(steered({ kind: 'weighted', us: 70, eu: 30 }))), {
    kind: 'weighted',
    weights: [
      ['us', 70],
      ['eu', 30],
    ],
  });
  const geo = { kind: 'geo', default: 'us', eu: ['DE', 'continent:af', '10.0.0.0/8'] };
  assert.deepEqual(steerOf(good(steered(geo))), {
    kind: 'geo',
    default: 'us',
    areas: [
      [
        'eu',
        [
          { kind: 'country', code: 'DE' },
          { kind: 'continent', code: 'AF' },
          { kind: 'network', cidr: '10.0.0.0/8' },
        ],
      ],
    ],
  });
});

const BAD: readonly [string, unknown, RegExp][] = [
  [
    'a member that is not there',
    steered({ kind: 'failover', order: ['eu', 'uss'] }),
    /steer\.order\[1\] names "uss".*did you mean "us"/,
  ],
  ['a name that is not there', steered('asia'), /records\.www\.steer.* names "asia", which is no site, pool or policy/],
  ['no members', steered({ kind: 'weighted' }), /steer has no members/],
  [
    'a pool where places are measured',
    steered({ kind: 'proximity', 'us-web': 0 }),
    /names "us-web", which is no site: proximity measures places/,
  ],
  ['an area that is none', steered({ kind: 'geo', eu: ['Germany'] }), /eu\[0\] has "Germany", which is no area/],
  [
    'a continent that is none',
    steered({ kind: 'geo', eu: ['continent:XX'] }),
    /has "continent:XX", which is no continent/,
  ],
  ['an area twice', steered({ kind: 'geo', eu: ['DE'], us: ['DE'] }), /steer\.us has an area that "eu" has already/],
  [
    'a policy that leads back to itself',
    {
      ...steered('a'),
      policies: { a: { kind: 'failover', order: ['b'] }, b: { kind: 'failover', order: ['a', 'eu'] } },
    },
    /policies\.a leads back to itself/,
  ],
  [
    'a policy named as a site',
    { ...steered('eu'), policies: { eu: { kind: 'failover', order: ['us'] } } },
    /policies\.eu is the name of a site or a pool as well/,
  ],
  [
    'a site named as another pool',
    { ...steered('eu'), sites: { ...BASE.sites, 'us-web': '203.0.113.9' } },
    /sites\.us-web is the name of another pool/,
  ],
  [
    'a site of a pool that is not there',
    { ...steered('eu'), sites: { ...BASE.sites, x: { addresses: '203.0.113.9', pool: 'nope' } } },
    /sites\.x\.pool names the pool "nope"/,
  ],
  [
    'a site with a name for an address',
    { ...steered('eu'), sites: { ...BASE.sites, x: 'www.example.com' } },
    /sites\.x.* has "www\.example\.com", which is no IP address/,
  ],
  [
    'a load policy upside down',
    steered({ kind: 'load', order: ['eu', 'us'], high: '50%', low: '80%' }),
    /steer\.low must not be above "high"/,
  ],
  ['a kind that is not there', steered({ kind: 'geographic', eu: ['DE'] }), /has no kind "geographic"/],
];

for (const [what, document, pattern] of BAD) {
  test(`refused with a reason: ${what}`, () => {
    const found = issues(document);
    assert.ok(
      found.some((text) => pattern.test(text)),
      found.join('\n'),
    );
  });
}
