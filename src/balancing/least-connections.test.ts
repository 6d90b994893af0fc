import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leastConnections } from './least-connections.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

test('takes the endpoint with the fewest in flight, as the reference document shows', () => {
  const world = createWorld();
  const endpoints = endpointsOf([1, 1, 1]);
  for (const [slot, connections] of [10, 25, 18].entries()) {
    for (let i = 0; i < connections; i++) world.load.begin(slot);
  }
  const balancer = leastConnections.build(viewOf(endpoints), {}, world.env);
  assert.equal(balancer.pick(requestFor())?.slot, 0);
  assert.equal(balancer.pick(requestFor('', new Set([endpoints[0].id])))?.slot, 2);
});

test('with arrivals only, in flight per weight differs by at most 1 / the smallest weight', () => {
  const weights = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(weights, (list) => {
      const world = createWorld();
      const balancer = leastConnections.build(viewOf(endpointsOf(list)), {}, world.env);
      for (let i = 0; i < 300; i++) {
        world.load.begin(balancer.pick(requestFor())!.slot);
        const loads = list.map((weight, slot) => world.load.inFlight[slot] / weight);
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1 / Math.min(...list) + 1e-9);
      }
    }),
    { numRuns: 50 },
  );
});

test('ties rotate instead of herding on the first', () => {
  const world = createWorld();
  const balancer = leastConnections.build(viewOf(endpointsOf([1, 1, 1, 1])), {}, world.env);
  const slots = Array.from({ length: 8 }, () => balancer.pick(requestFor())!.slot);
  assert.deepEqual(slots, [0, 1, 2, 3, 0, 1, 2, 3]);
});

test('an idle pool is shared out by weight', () => {
  const world = createWorld();
  const balancer = leastConnections.build(viewOf(endpointsOf([1, 2, 5])), {}, world.env);
  const counts = [0, 0, 0];
  for (let i = 0; i < 800; i++) counts[balancer.pick(requestFor())!.slot]++;
  assert.deepEqual(counts, [100, 200, 500]);
});

test('an endpoint that was busy for long, or is new, gets no burst when it ties again', () => {
  const world = createWorld();
  const endpoints = endpointsOf([1, 1, 1]);
  let balancer = leastConnections.build(viewOf(endpoints.slice(0, 2)), {}, world.env);
  world.load.begin(0);
  for (let i = 0; i < 1000; i++) assert.equal(balancer.pick(requestFor())?.slot, 1);
  world.load.end(0);
  balancer = leastConnections.build(viewOf(endpoints), {}, world.env, balancer);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30; i++) counts[balancer.pick(requestFor())!.slot]++;
  for (const count of counts) assert.ok(Math.abs(count - 10) <= 1, `${counts.join()}`);
});
