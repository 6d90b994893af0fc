import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EWMA_HALF_LIFE_MS } from '../core/load-table.ts';
import { share, simulate } from './latency-sim.ts';
import { peakEwma } from './peak-ewma.ts';
import { createWorld, endpointsOf, requestFor, viewOf } from './world.ts';

const TAU_MS = EWMA_HALF_LIFE_MS / Math.LN2;

test('one of five ten times slower gets about half a percent, and its share back within 3 τ', () => {
  const world = createWorld(5);
  let slowMs = 100;
  const simulation = simulate(world, 5, (slot) => (slot === 2 ? slowMs : 10));
  const balancer = peakEwma.build(viewOf(endpointsOf([1, 1, 1, 1, 1])), {}, world.env);
  simulation.run(balancer, 5000, 400);
  const slow = share(simulation.run(balancer, 60_000, 400), 2);
  assert.ok(slow < 0.01, `${slow}`);
  slowMs = 10;
  simulation.run(balancer, 3 * TAU_MS, 400);
  const back = share(simulation.run(balancer, 20_000, 400), 2);
  assert.ok(back > 0.14 && back < 0.26, `${back}`);
});

test('one slow answer counts at once', () => {
  const world = createWorld();
  const balancer = peakEwma.build(viewOf(endpointsOf([1, 1])), {}, world.env);
  for (let i = 0; i < 100; i++) {
    world.advance(1);
    for (const slot of [0, 1]) world.load.sample(slot, 10, world.env.clock.now());
  }
  world.load.sample(1, 500, world.env.clock.now());
  for (let i = 0; i < 20; i++) assert.equal(balancer.pick(requestFor())?.slot, 0);
});

test('a new endpoint gets one request at a time until it has answered', () => {
  const world = createWorld();
  world.load.sample(0, 10, world.env.clock.now());
  const balancer = peakEwma.build(viewOf(endpointsOf([1, 1])), {}, world.env);
  assert.equal(balancer.pick(requestFor())?.slot, 1);
  world.load.begin(1);
  for (let i = 0; i < 20; i++) assert.equal(balancer.pick(requestFor())?.slot, 0);
});

test('an endpoint that hangs does not look faster with time', () => {
  const world = createWorld();
  const now = world.env.clock.now();
  world.load.sample(0, 10, now);
  world.load.sample(1, 10, now);
  const balancer = peakEwma.build(viewOf(endpointsOf([1, 1])), {}, world.env);
  world.load.begin(1);
  for (let i = 0; i < 100; i++) {
    world.advance(1000);
    world.load.sample(0, 12, world.env.clock.now());
    assert.equal(balancer.pick(requestFor())?.slot, 0);
  }
});
