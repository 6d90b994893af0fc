import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disruption, keysOf, placements, spread } from './hash-test-kit.ts';
import { rendezvous } from './rendezvous.ts';
import { endpointsOf } from './world.ts';

const KEYS = keysOf(100_000);

test('removal moves the removed endpoint’s keys and no others, with equal and with unequal weights', () => {
  for (const weights of [Array(10).fill(1), [1, 2, 3, 0.5, 7]]) {
    const endpoints = endpointsOf(weights);
    const before = placements(rendezvous, {}, endpoints, KEYS);
    const after = placements(rendezvous, {}, endpoints.slice(1), KEYS);
    const { own, collateral } = disruption(before, after, endpoints[0].id);
    assert.equal(collateral, 0);
    const share = weights[0] / weights.reduce((a: number, b: number) => a + b, 0);
    assert.ok(Math.abs(own / KEYS.length - share) < 0.01);
  }
});

test('a changed weight moves keys only to or from the endpoint it belongs to', () => {
  const before = placements(rendezvous, {}, endpointsOf([1, 2, 3]), KEYS);
  const after = placements(rendezvous, {}, endpointsOf([1.5, 2, 3]), KEYS);
  const heavier = endpointsOf([1])[0].id;
  before.forEach((id, i) => {
    if (id !== after[i]) assert.equal(after[i], heavier);
  });
});

test('shares are even: the spread is about 0.009 over 100,000 keys and 10 endpoints', () => {
  const endpoints = endpointsOf(Array(10).fill(1));
  const cv = spread(placements(rendezvous, {}, endpoints, KEYS), endpoints);
  assert.ok(cv < 0.018, `${cv}`);
});

test('shares follow the weights', () => {
  const endpoints = endpointsOf([1, 2, 4, 0.5]);
  const placed = placements(rendezvous, {}, endpoints, KEYS);
  for (const { id, weight } of endpoints) {
    const share = placed.filter((placement) => placement === id).length / KEYS.length;
    assert.ok(Math.abs(share - weight / 7.5) < 0.01, `${id}: ${share}`);
  }
});

test('the order of the view does not matter', () => {
  const endpoints = endpointsOf([1, 2, 3, 4]);
  const keys = KEYS.slice(0, 1000);
  assert.deepEqual(
    placements(rendezvous, {}, endpoints, keys),
    placements(rendezvous, {}, endpoints.toReversed(), keys),
  );
});
