import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeasuredLatency } from './latency-map.ts';
import { networkKey, networkText } from './latency-network.ts';

test('networks of the sizes that are measured have two forms; others have none', () => {
  const pairs = [
    ['192.0.2.0/24', '4/24/c00002'],
    ['192.0.0.0/16', '4/16/c000'],
    ['2001:db8:1::/48', '16/48/20010db80001'],
    ['2001:db8::/32', '16/32/20010db8'],
  ] as const;
  for (const [text, key] of pairs) assert.deepEqual([networkKey(text), networkText(key)], [key, text]);
  for (const none of ['192.0.2.0/25', '192.0.2.1/24', '192.0.2.1', '10.0.0.0/8', '2001:db8::/64', 'x', ''])
    assert.equal(networkKey(none), undefined, none);
});

test('the forms are those of the map', () => {
  const map = new MeasuredLatency();
  map.report('203.0.113.9', 'eu', 5, 0);
  map.report('2001:db8:5:6::7', 'eu', 5, 0);
  for (const { network } of map.entries(0)) assert.equal(networkKey(networkText(network)), network);
});
