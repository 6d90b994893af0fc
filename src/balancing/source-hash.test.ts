import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOf, placements, spread } from './hash-test-kit.ts';
import { sourceHash } from './source-hash.ts';
import { endpointsOf } from './world.ts';

test('the same in every process and version: a changed value would move clients', () => {
  const keys = ['192.168.1.100', '10.0.0.7', '2001:db8::1', 'user-42'];
  const slots = placements(sourceHash, {}, endpointsOf(Array(10).fill(1)), keys).map((id) => id.slice(12, 13));
  assert.deepEqual(slots, GOLDEN);
});

test('an IPv4 client keeps its endpoint when it comes in as IPv4-mapped IPv6', () => {
  const plain = Array.from({ length: 200 }, (_, i) => `192.168.1.${i}`);
  const mapped = plain.map((address) => `::ffff:${address}`);
  for (const weights of [
    [1, 1, 1],
    [1, 2, 3],
  ]) {
    const endpoints = endpointsOf(weights);
    assert.deepEqual(placements(sourceHash, {}, endpoints, plain), placements(sourceHash, {}, endpoints, mapped));
  }
});

test('10 to 9 endpoints remaps about 90 % of the keys: what the consistent kinds are for', () => {
  const keys = keysOf(20_000);
  const ten = endpointsOf(Array(10).fill(1));
  const before = placements(sourceHash, {}, ten, keys);
  const after = placements(sourceHash, {}, ten.slice(0, 9), keys);
  const moved = before.filter((id, i) => id !== after[i]).length / keys.length;
  assert.ok(moved > 0.87 && moved < 0.93, `${moved}`);
});

test('shares are even, or follow the weights', () => {
  const keys = keysOf(50_000);
  const endpoints = endpointsOf(Array(10).fill(1));
  assert.ok(spread(placements(sourceHash, {}, endpoints, keys), endpoints) < 0.03);
  const uneven = endpointsOf([1, 0.5, 2.5]);
  const placed = placements(sourceHash, {}, uneven, keys);
  for (const { id, weight } of uneven) {
    const share = placed.filter((placement) => placement === id).length / keys.length;
    assert.ok(Math.abs(share - weight / 4) < 0.01, `${id}: ${share}`);
  }
});

const GOLDEN = ['1', '8', '2', '0'];
