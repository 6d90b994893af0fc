import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint } from '../core/endpoint.ts';
import { crc32 } from './crc32.ts';
import { disruption, keysOf, placements, spread } from './hash-test-kit.ts';
import { type RingHashConfig, ringHash } from './ring-hash.ts';
import { ringOf, successorOf } from './ring-points.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

const PLAIN: RingHashConfig = { replicas: 150, bound: 0, variant: 'default' };
const KEYS = keysOf(100_000);

test('removal moves the removed endpoint’s keys, about 1 / N, and no others', () => {
  const endpoints = endpointsOf(Array(10).fill(1));
  const before = placements(ringHash, PLAIN, endpoints, KEYS);
  for (const gone of [0, 5, 9]) {
    const after = placements(
      ringHash,
      PLAIN,
      endpoints.filter(({ slot }) => slot !== gone),
      KEYS,
    );
    const { own, collateral } = disruption(before, after, endpoints[gone].id);
    assert.equal(collateral, 0);
    assert.ok(own / KEYS.length > 0.06 && own / KEYS.length < 0.14, `${own}`);
  }
});

test('the spread of shares is below 1.2 / √V', () => {
  const endpoints = endpointsOf(Array(10).fill(1));
  for (const replicas of [50, 150, 1000]) {
    const cv = spread(placements(ringHash, { ...PLAIN, replicas }, endpoints, KEYS), endpoints);
    assert.ok(cv < 1.2 / Math.sqrt(replicas), `${replicas}: ${cv}`);
  }
});

test('weights multiply the points', () => {
  const endpoints = endpointsOf([1, 3]);
  const placed = placements(ringHash, { ...PLAIN, replicas: 1000 }, endpoints, KEYS);
  const share = placed.filter((id) => id === endpoints[1].id).length / KEYS.length;
  assert.ok(Math.abs(share - 0.75) < 0.04, `${share}`);
});

test('the order of the view does not matter', () => {
  const endpoints = endpointsOf([1, 2, 3, 4]);
  const keys = KEYS.slice(0, 2000);
  for (const config of [PLAIN, { ...PLAIN, variant: 'ketama' as const }]) {
    assert.deepEqual(
      placements(ringHash, config, endpoints, keys),
      placements(ringHash, config, endpoints.toReversed(), keys),
    );
  }
});

test('colliding points: the lower owner answers, and when it leaves the other takes over at the same point', () => {
  const points = [
    [5, 1],
    [5, 0],
    [9, 2],
    [9, 1],
  ] as const;
  const ring = (owners: readonly number[]) =>
    ringOf((emit) => {
      for (const [hash, owner] of points) if (owners.includes(owner)) emit(hash, owner);
    }, 3);
  assert.deepEqual([...ring([0, 1, 2]).points], [5, 5, 9, 9]);
  const at = (owners: readonly number[], hash: number) => ring(owners).owners[successorOf(ring(owners), hash)];
  assert.equal(at([0, 1, 2], 3), 0);
  assert.equal(at([1, 2], 3), 1);
  assert.equal(at([0, 1, 2], 6), 1);
  assert.equal(at([0, 2], 6), 2);
  assert.equal(at([0, 1, 2], 10), 0);
});

test('a hash finds the first point at or behind it, wrapping around', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 300 }), fc.nat(0xffffffff), (hashes, hash) => {
      const ring = ringOf((emit) => hashes.forEach(emit), hashes.length);
      const sorted = hashes.toSorted((a, b) => a - b);
      assert.deepEqual([...ring.points], sorted);
      assert.equal(ring.points[successorOf(ring, hash)], sorted.find((point) => point >= hash) ?? sorted[0]);
    }),
  );
});

test('bounded load: no endpoint ever holds more than ⌈c · (m + 1) / n⌉', () => {
  for (const bound of [1, 1.25, 2]) {
    const world = createWorld(1, 16);
    const balancer = ringHash.build(viewOf(endpointsOf(Array(7).fill(1))), { ...PLAIN, bound }, world.env);
    for (let m = 0; m < 2000; m++) {
      // Ten hot keys: without a bound they would fill a few endpoints only.
      const { slot } = balancer.pick(requestFor(`hot-${m % 10}`))!;
      world.load.begin(slot);
      assert.ok(
        world.load.inFlight[slot] <= Math.ceil((bound * (m + 1)) / 7),
        `${bound}: ${world.load.inFlight.join()}`,
      );
    }
  }
});

test('bounded load with an immense bound is the plain ring', () => {
  const world = createWorld(1, 16);
  const endpoints = endpointsOf([1, 2, 1, 1]);
  const bounded = ringHash.build(viewOf(endpoints), { ...PLAIN, bound: 1e6 }, world.env);
  const plain = placements(ringHash, PLAIN, endpoints, KEYS.slice(0, 3000));
  plain.forEach((id, i) => {
    const picked = bounded.pick(requestFor(KEYS[i]))!;
    assert.equal(picked.id, id);
    world.load.begin(picked.slot);
  });
});

test('an excluded endpoint’s keys go where they would go without it', () => {
  const endpoints = endpointsOf([1, 1, 1, 1]);
  const keys = KEYS.slice(0, 2000);
  const world = createWorld();
  const full = ringHash.build(viewOf(endpoints), PLAIN, world.env);
  const without = placements(ringHash, PLAIN, endpoints.slice(1), keys);
  const excluded = new Set([endpoints[0].id]);
  assert.deepEqual(
    keys.map((key) => full.pick(requestFor(key, excluded))?.id),
    without,
  );
});

test('ketama places 2,000 keys as a real nginx did', () => {
  const golden: {
    keys: string;
    cases: { name: string; owners: string; servers: { address: string; weight: number }[] }[];
  } = JSON.parse(readFileSync(new URL('../../test/golden/ketama.json', import.meta.url), 'utf8'));
  assert.ok(golden.cases.length >= 3);
  for (const { servers, owners } of golden.cases) {
    const endpoints = servers.map(({ address, weight }, slot): Endpoint => {
      const [host, port] = address.split(':');
      return { id: String(slot), address: { host, port: Number(port) }, weight, tier: 0, zone: '', slot };
    });
    const placed = placements(ringHash, { ...PLAIN, variant: 'ketama' }, endpoints, golden.keys.split(' '));
    assert.equal(placed.join(''), owners);
  }
});

test('crc32 gives the check value of the standard', () => {
  assert.equal(crc32('123456789'), 0xcbf43926);
  assert.equal(crc32(''), 0);
});
