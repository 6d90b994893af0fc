import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disruption, keysOf, placements } from './hash-test-kit.ts';
import { inPlaceOrder } from './keys.ts';
import { maglev, maglevTable, nextPrime } from './maglev.ts';
import { endpointsOf } from './world.ts';

const CONFIG = { table: 65537 };

function counts(weights: readonly number[], size = 65537): number[] {
  const result = weights.map(() => 0);
  const endpoints = inPlaceOrder(endpointsOf(weights));
  for (const owner of maglevTable(endpoints, size)) result[endpoints[owner].slot]++;
  return result;
}

test('table counts differ by at most 1 with equal weights', () => {
  for (const n of [1, 2, 3, 10, 97, 655]) {
    const table = counts(Array(n).fill(1));
    assert.ok(Math.max(...table) - Math.min(...table) <= 1, `${n}`);
  }
});

test('imbalance is at most 1 % while the table has 100 entries per endpoint', () => {
  const table = counts(Array(100).fill(1), nextPrime(10_000));
  const mean = nextPrime(10_000) / 100;
  for (const count of table) assert.ok(Math.abs(count / mean - 1) <= 0.011, `${count}`);
});

test('table shares follow the weights, fractions too', () => {
  const weights = [1, 2, 5, 0.25];
  const table = counts(weights);
  for (const [i, weight] of weights.entries())
    assert.ok(Math.abs(table[i] - (65537 * weight) / 8.25) <= 2, `${table.join()}`);
});

test('removal disrupts at most 0.6 % beyond the removed share', () => {
  const keys = keysOf(50_000);
  const endpoints = endpointsOf(Array(10).fill(1));
  const before = placements(maglev, CONFIG, endpoints, keys);
  const after = placements(maglev, CONFIG, endpoints.slice(1), keys);
  const { collateral } = disruption(before, after, endpoints[0].id);
  assert.ok(collateral / keys.length <= 0.006, `${collateral / keys.length}`);
});

test('the table is the same whatever the order of the input', () => {
  const keys = keysOf(2000);
  const endpoints = endpointsOf([1, 2, 3, 4, 1]);
  assert.deepEqual(
    placements(maglev, CONFIG, endpoints, keys),
    placements(maglev, CONFIG, endpoints.toReversed(), keys),
  );
});

test('the size of the table is rounded up to a prime', () => {
  assert.deepEqual([1, 2, 4, 65536, 65537, 10_000].map(nextPrime), [2, 2, 5, 65537, 65537, 10007]);
});
