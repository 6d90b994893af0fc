import assert from 'node:assert/strict';
import { test } from 'node:test';
import { p2c } from './p2c.ts';
import { random } from './random.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

function maxLoad(kind: typeof p2c): number {
  const world = createWorld(7, 10_000);
  const balancer = kind.build(viewOf(endpointsOf(Array(10_000).fill(1))), {}, world.env);
  for (let i = 0; i < 10_000; i++) world.load.begin(balancer.pick(requestFor())!.slot);
  return Math.max(...world.load.inFlight);
}

test('10,000 balls in 10,000 bins: the fullest holds 3 or so, not 6 or more', () => {
  assert.ok(maxLoad(random) >= 6);
  assert.ok(maxLoad(p2c) <= 4);
});

test('the two draws are distinct: of two endpoints the loaded one is never picked', () => {
  for (const weights of [
    [1, 1],
    [1, 9],
    [1e9, 1],
  ]) {
    const world = createWorld(8);
    for (let i = 0; i < 5; i++) world.load.begin(0);
    world.load.begin(0);
    const balancer = p2c.build(viewOf(endpointsOf(weights)), {}, world.env);
    for (let i = 0; i < 1000; i++) assert.equal(balancer.pick(requestFor())?.slot, 1);
  }
});

test('an idle pool is shared out by weight', () => {
  const world = createWorld(9);
  const balancer = p2c.build(viewOf(endpointsOf([1, 2, 7])), {}, world.env);
  const counts = [0, 0, 0];
  for (let i = 0; i < 10_000; i++) counts[balancer.pick(requestFor())!.slot]++;
  for (const [i, fair] of [1000, 2000, 7000].entries()) assert.ok(Math.abs(counts[i] - fair) < 200, `${counts.join()}`);
});

test('in flight is compared per weight', () => {
  const world = createWorld(10);
  const balancer = p2c.build(viewOf(endpointsOf([1, 4])), {}, world.env);
  for (let i = 0; i < 500; i++) world.load.begin(balancer.pick(requestFor())!.slot);
  assert.deepEqual([...world.load.inFlight.subarray(0, 2)], [100, 400]);
});
