import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Balancer } from './balancer.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

const world = createWorld();
type Weights = readonly (readonly [slot: number, weight: number])[];

function build(weights: Weights, previous?: Balancer, mode: 'smooth' | 'block' = 'smooth'): Balancer {
  const all = endpointsOf(Array(64).fill(1));
  const view = viewOf(weights.map(([slot, weight]) => ({ ...all[slot], weight })));
  return weightedRoundRobin.build(view, { mode }, world.env, previous);
}
const of = (...weights: number[]): Weights => weights.map((weight, slot) => [slot, weight]);
const picks = (balancer: Balancer, times: number): number[] =>
  Array.from({ length: times }, () => balancer.pick(requestFor())!.slot);
const letters = (balancer: Balancer, times: number): string =>
  picks(balancer, times)
    .map((slot) => 'abcdefgh'[slot])
    .join(' ');

/** nginx's own loop: every current += weight, the first largest is picked and pays the sum. */
function nginx(weights: readonly number[], times: number): number[] {
  const current = weights.map(() => 0);
  const total = weights.reduce((a, b) => a + b, 0);
  return Array.from({ length: times }, () => {
    for (const [i, weight] of weights.entries()) current[i] += weight;
    const best = current.indexOf(Math.max(...current));
    current[best] -= total;
    return best;
  });
}

test('smooth interleaves as nginx does', () => {
  assert.equal(letters(build(of(5, 1, 1)), 7), 'a a b a c a a');
  assert.equal(letters(build(of(3, 2, 1)), 6), 'a b a c b a');
});

test('smooth gives exactly the sequence of the plain O(n) loop', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(weights, (list) => {
      assert.deepEqual(picks(build(of(...list)), 600), nginx(list, 600));
    }),
  );
});

test('every sum of weights picks, the counts are exact', () => {
  const list = [7, 3, 1, 12, 2];
  const balancer = build(of(...list));
  for (let cycle = 0; cycle < 20; cycle++) {
    const counts = list.map(() => 0);
    for (const slot of picks(balancer, 25)) counts[slot]++;
    assert.deepEqual(counts, list);
  }
});

test('counts stay exact over more steps than one rebase', () => {
  const balancer = build(of(5, 1, 1));
  for (let i = 0; i < 1_100_001; i++) balancer.pick(REQUEST);
  const counts = [0, 0, 0];
  for (const slot of picks(balancer, 7000)) counts[slot]++;
  assert.deepEqual(counts, [5000, 1000, 1000]);
});

test('a rebuild of the same view goes on with the same sequence', () => {
  const expected = picks(build(of(5, 1, 3)), 40);
  let balancer = build(of(5, 1, 3));
  const got = Array.from({ length: 40 }, () => {
    balancer = build(of(5, 1, 3), balancer);
    return picks(balancer, 1)[0];
  });
  assert.deepEqual(got, expected);
});

test('after a change of weights or members, every stretch of picks keeps to the new shares', () => {
  const weights = fc.uniqueArray(fc.tuple(fc.nat(7), fc.double({ min: 0.1, max: 20, noNaN: true })), {
    selector: ([slot]) => slot,
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(weights, fc.nat(50), weights, (before, k, after) => {
      const old = build(before);
      picks(old, k);
      const total = after.reduce((sum, [, weight]) => sum + weight, 0);
      const sequence = picks(build(after, old), 200);
      for (const [slot, weight] of after) {
        let count = 0;
        sequence.forEach((picked, i) => {
          if (picked === slot) count++;
          // A burst would be many picks ahead of (i + 1) · weight / total; smooth keeps within two or three.
          const fair = ((i + 1) * weight) / total;
          assert.ok(Math.abs(count - fair) <= 3, `slot ${slot}: ${count} of ${i + 1} picks, fair ${fair}`);
        });
      }
    }),
  );
});

test('an endpoint that was full for long has saved up no burst', () => {
  const balancer = build(of(2, 1, 1));
  const withoutA = requestFor('', new Set([endpointsOf([1])[0].id]));
  for (let i = 0; i < 1000; i++) assert.notEqual(balancer.pick(withoutA)?.slot, 0);
  const counts = [0, 0, 0];
  for (const slot of picks(balancer, 40)) counts[slot]++;
  for (const [i, fair] of [20, 10, 10].entries()) assert.ok(Math.abs(counts[i] - fair) <= 1, `${counts.join()}`);
});

test('block gives each endpoint its share in a row, as the reference document shows', () => {
  assert.equal(letters(build(of(3, 2, 1), undefined, 'block'), 8), 'a a a b b c a a');
});

test('block pays fractions of weights out over the cycles', () => {
  const counts = [0, 0, 0];
  for (const slot of picks(build(of(2.5, 0.5, 1), undefined, 'block'), 400)) counts[slot]++;
  assert.deepEqual(counts, [250, 50, 100]);
});

test('block carries its position over and gives no run twice', () => {
  const balancer = build(of(3, 2, 1), undefined, 'block');
  picks(balancer, 2);
  assert.equal(letters(build(of(3, 2, 1), balancer, 'block'), 5), 'a b b c a');
  const next = build(of(3, 2, 1), undefined, 'block');
  picks(next, 4);
  assert.equal(
    letters(
      build(
        [
          [0, 3],
          [2, 1],
        ],
        next,
        'block',
      ),
      3,
    ),
    'c a a',
  );
});

const REQUEST = requestFor();
