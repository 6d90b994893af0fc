import assert from 'node:assert/strict';
import { test } from 'node:test';
import { share, simulate } from './latency-sim.ts';
import { leastResponseTime } from './least-response-time.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

const CONFIG = { probe: 5000 };

test("takes server 3 of the reference document's example", () => {
  const world = createWorld();
  for (const [slot, [ms, connections]] of [
    [50, 10],
    [100, 5],
    [30, 8],
  ].entries()) {
    world.load.sample(slot, ms, world.env.clock.now());
    for (let i = 0; i < connections; i++) world.load.begin(slot);
  }
  const endpoints = endpointsOf([1, 1, 1]);
  const balancer = leastResponseTime.build(viewOf(endpoints), CONFIG, world.env);
  assert.equal(balancer.pick(requestFor())?.slot, 2);
  // 30 × 9 = 270, then 50 × 11 = 550, then 100 × 6 = 600.
  assert.equal(balancer.pick(requestFor('', new Set([endpoints[2].id])))?.slot, 0);
  // With a third of the weight, server 3 scores 810.
  const lighter = leastResponseTime.build(viewOf(endpointsOf([1, 1, 1 / 3])), CONFIG, world.env);
  assert.equal(lighter.pick(requestFor())?.slot, 0);
});

test('a new endpoint gets one request until it has answered, and then its share', () => {
  const world = createWorld();
  const endpoints = endpointsOf([1, 1, 1]);
  for (const slot of [0, 1]) world.load.sample(slot, 10, world.env.clock.now());
  let balancer = leastResponseTime.build(viewOf(endpoints.slice(0, 2)), CONFIG, world.env);
  balancer = leastResponseTime.build(viewOf(endpoints), CONFIG, world.env, balancer);
  assert.equal(balancer.pick(requestFor())?.slot, 2);
  world.load.begin(2);
  for (let i = 0; i < 50; i++) assert.notEqual(balancer.pick(requestFor())?.slot, 2);
  world.load.sample(2, 10, world.env.clock.now());
  world.load.end(2);
  const counts = simulate(world, 3, () => 10).run(balancer, 20_000, 300);
  assert.ok(share(counts, 2) > 0.2, `${counts.join()}`);
});

test('an endpoint that fails every request is not asked for ever', () => {
  const world = createWorld();
  world.load.sample(0, 10, world.env.clock.now());
  const balancer = leastResponseTime.build(viewOf(endpointsOf([1, 1])), CONFIG, world.env);
  let failing = 0;
  for (let i = 0; i < 200; i++) {
    world.advance(10);
    if (balancer.pick(requestFor())?.slot === 1) failing++;
    else world.load.sample(0, 10, world.env.clock.now());
  }
  assert.ok(failing <= 2, `${failing} of 200`);
});

test('all new: requests spread over all at once', () => {
  const world = createWorld();
  const balancer = leastResponseTime.build(viewOf(endpointsOf([1, 1, 1, 1])), CONFIG, world.env);
  for (let i = 0; i < 16; i++) world.load.begin(balancer.pick(requestFor())!.slot);
  assert.deepEqual([...world.load.inFlight.subarray(0, 4)], [4, 4, 4, 4]);
});

test('a ten times slower endpoint gets less than 5 %, and recovers', () => {
  const world = createWorld(3);
  let slowMs = 100;
  const simulation = simulate(world, 5, (slot) => (slot === 4 ? slowMs : 10));
  const balancer = leastResponseTime.build(viewOf(endpointsOf([1, 1, 1, 1, 1])), CONFIG, world.env);
  simulation.run(balancer, 5000, 500);
  const slow = share(simulation.run(balancer, 30_000, 500), 4);
  assert.ok(slow > 0 && slow < 0.05, `${slow}`);
  slowMs = 10;
  simulation.run(balancer, 40_000, 500);
  const recovered = share(simulation.run(balancer, 30_000, 500), 4);
  assert.ok(recovered > 0.12 && recovered < 0.3, `${recovered}`);
});

test('renewing old readings stays cheap when traffic is thin', () => {
  const world = createWorld(4);
  const balancer = leastResponseTime.build(viewOf(endpointsOf([1, 1, 1])), CONFIG, world.env);
  const counts = simulate(world, 3, (slot) => [5, 50, 50][slot]).run(balancer, 1_000_000, 1);
  assert.ok(share(counts, 0) > 0.9, `${counts.join()}`);
  assert.ok(counts[1] > 3 && counts[2] > 3, `${counts.join()}`);
});
