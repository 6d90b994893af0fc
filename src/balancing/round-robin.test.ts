import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Balancer } from './balancer.ts';
import { roundRobin } from './round-robin.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

const world = createWorld();
const all = endpointsOf(Array(10).fill(1));
const build = (members: readonly number[], previous?: Balancer): Balancer =>
  roundRobin.build(viewOf(members.map((i) => ({ ...all[i] }))), {}, world.env, previous);
const picks = (balancer: Balancer, times: number): number[] =>
  Array.from({ length: times }, () => balancer.pick(requestFor())!.slot);

test('goes through the endpoints in order, as the reference document shows', () => {
  assert.deepEqual(picks(build([0, 1, 2]), 4), [0, 1, 2, 0]);
});

test('k · N picks give each endpoint exactly k', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 20 }), (n, k) => {
      const counts = Array(n).fill(0);
      for (const i of picks(build([...Array(n).keys()]), n * k)) counts[i]++;
      assert.deepEqual(counts, Array(n).fill(k));
    }),
  );
});

test('adding or removing endpoints in the middle of a cycle skips nobody', () => {
  assert.deepEqual(picks(build([0, 1, 2, 3], advanced([0, 1, 2], 1)), 3), [1, 2, 3]);
  assert.deepEqual(picks(build([0, 2], advanced([0, 1, 2], 1)), 2), [2, 0]);
  assert.deepEqual(picks(build([9, 0, 1, 2], advanced([0, 1, 2], 2)), 2), [2, 9]);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(9), { minLength: 1 }),
      fc.nat(20),
      fc.uniqueArray(fc.nat(9)),
      (before, k, gone) => {
        const old = build(sorted(before));
        const start = picks(old, k).length % before.length;
        const stay = sorted(before).filter((i) => !gone.includes(i));
        if (stay.length === 0) return;
        const due = [...sorted(before).slice(start), ...sorted(before).slice(0, start)];
        assert.deepEqual(
          picks(build(stay, old), stay.length),
          due.filter((i) => stay.includes(i)),
        );
      },
    ),
  );
});

test('the cursor survives a rebuild of the same view', () => {
  assert.deepEqual(picks(build([0, 1, 2], advanced([0, 1, 2], 2)), 3), [2, 0, 1]);
});

test('an excluded endpoint is passed over and the cycle goes on behind the one picked', () => {
  const balancer = build([0, 1, 2]);
  assert.equal(balancer.pick(requestFor('', new Set([all[0].id, all[1].id])))?.slot, 2);
  assert.deepEqual(picks(balancer, 2), [0, 1]);
});

function advanced(members: readonly number[], times: number): Balancer {
  const balancer = build(members);
  picks(balancer, times);
  return balancer;
}

function sorted(slots: readonly number[]): number[] {
  return slots.toSorted((a, b) => a - b);
}
