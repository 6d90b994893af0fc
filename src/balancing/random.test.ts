import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './random.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

/** Chi-square of the counts against the weights; `critical` is the value exceeded with p = 0.001. */
function assertShares(weights: readonly number[], excluded: readonly number[], critical: number): void {
  const world = createWorld(6);
  const endpoints = endpointsOf(weights);
  const balancer = random.build(viewOf(endpoints), {}, world.env);
  const request = requestFor('', excluded.length > 0 ? new Set(excluded.map((i) => endpoints[i].id)) : undefined);
  const counts = weights.map(() => 0);
  const picks = 100_000;
  for (let i = 0; i < picks; i++) counts[balancer.pick(request)!.slot]++;
  const total = weights.reduce((sum, weight, i) => (excluded.includes(i) ? sum : sum + weight), 0);
  let chiSquare = 0;
  for (const [i, weight] of weights.entries()) {
    const expected = excluded.includes(i) ? 0 : (picks * weight) / total;
    if (expected === 0) assert.equal(counts[i], 0);
    else chiSquare += (counts[i] - expected) ** 2 / expected;
  }
  assert.ok(chiSquare < critical, `chi-square ${chiSquare} of ${counts.join()}`);
}

test('equal weights are uniform (chi-square over 100,000 picks)', () => assertShares(Array(10).fill(1), [], 27.88));

test('shares follow the weights', () => assertShares([1, 2, 3, 0.5, 10, 7.25], [], 20.52));

test('with exclusions the relative weights of the rest hold, even if nearly all weight is excluded', () => {
  assertShares([1, 2, 3, 4], [1], 13.82);
  assertShares([1, 2, 3, 1000], [3], 13.82);
});
