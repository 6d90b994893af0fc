import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import { ok } from '../core/result.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { longestTtl, SiteDrains } from './site-drain.ts';

function config() {
  const compiled = compile({
    pools: { web: { endpoints: ['10.0.0.1:80', '[::1]:80'] } },
    sites: { eu: { addresses: '203.0.113.1', pool: 'web' }, us: '203.0.113.2' },
    policies: { both: { kind: 'failover', order: ['eu', 'us'] }, nested: { kind: 'weighted', both: 1 } },
    dns: {
      bind: '127.0.0.1:53',
      zones: {
        'example.com': {
          records: {
            www: { ttl: 60, steer: 'nested' },
            slow: { ttl: 120, steer: 'us', fallback: 'eu', allDown: 'fallback' },
            other: { ttl: 900, steer: 'us' },
            plain: { ttl: 3600, A: '192.0.2.1' },
          },
        },
      },
    },
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

function setup() {
  const clock = fakeClock();
  const said: string[] = [];
  const drains = new SiteDrains(clock, (id, mode) => {
    said.push(`${id} ${mode}`);
    return ok(undefined);
  });
  return { clock, said, drains };
}

test('the time that answers may be kept is the longest of all records that lead to the site', () => {
  assert.equal(longestTtl(config(), 'eu'), 120);
  assert.equal(longestTtl(config(), 'us'), 900);
});

test('the site leaves the answers at once, and its endpoints take work until the last answer has run out', () => {
  const { clock, said, drains } = setup();
  assert.deepEqual(drains.begin(config(), 'eu', 'hall'), ok(120));
  assert.deepEqual(said, ['@sites/eu drain']);
  clock.advance(119_000);
  assert.equal(said.length, 1);
  clock.advance(1000);
  assert.deepEqual(said.slice(1), ['web/10.0.0.1:80 drain', 'web/[::1]:80 drain']);
  drains.end(config(), 'eu', 'done');
  assert.deepEqual(said.slice(3), ['web/10.0.0.1:80 ready', 'web/[::1]:80 ready', '@sites/eu ready']);
});

test('taken back in between, the endpoints never drain', () => {
  const { clock, said, drains } = setup();
  drains.begin(config(), 'eu', '');
  drains.end(config(), 'eu', '');
  clock.advance(200_000);
  assert.ok(!said.includes('web/10.0.0.1:80 drain'));
  assert.equal(clock.pending, 0);
  assert.equal(drains.begin(config(), 'asia', '').ok, false);
});
