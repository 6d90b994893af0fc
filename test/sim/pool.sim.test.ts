// Drives the health table and pools of several kinds through thousands of random steps and checks after each one what must
// always hold. A failure prints the seed and the step; EVENKEEL_SEED=<n> runs that seed alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyBalancerKind, BALANCERS } from '../../src/balancing/index.ts';
import type { EndpointConfig, PoolConfig } from '../../src/config/types.ts';
import type { Random } from '../../src/core/env.ts';
import { proxyError } from '../../src/core/error.ts';
import { CANCELLED, type Outcome } from '../../src/core/outcome.ts';
import { defaultsOf } from '../../src/core/schema.ts';
import { endpointConfig, HEALTH, PASSIVE, poolConfig } from '../../src/testing/pool-config.ts';
import { FAILED, PoolWorld } from '../../src/testing/pool-world.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const SEEDS = 165;
const STEPS = 300;

test('random traffic, probes, operators, reloads and time never break the rules of a pool', () => {
  const wanted = process.env.EVENKEEL_SEED;
  const seeds = wanted === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(wanted)];
  const seen = { served: 0, waited: 0, trials: 0, ejections: 0, panics: 0 };
  const refused = new Set<string>();
  for (const seed of seeds) {
    const { counts } = simulate(seed);
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += counts[key];
    for (const code of counts.refused.keys()) refused.add(code);
  }
  if (wanted !== undefined) return;
  // A simulation that never reaches a corner proves nothing about it.
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: only ${count} times`);
  for (const code of ['pool-empty', 'pool-down', 'pool-saturated', 'tried-all', 'queue-timeout']) {
    assert.ok(refused.has(code), `${code} never happened`);
  }
});

function simulate(seed: number): PoolWorld {
  const random = seededRandom(seed);
  const kind = BALANCERS[seed % BALANCERS.length];
  const world = new PoolWorld({
    random,
    workers: below(random, 2) + 1,
    zone: random.unit() < 0.5 ? 'a' : '',
    config: randomConfig(random, kind),
    kind,
  });
  /** What each backend is really like; it changes slowly, so that checks and ejections have something to find. */
  const broken = new Set<string>();
  for (let step = 0; step < STEPS; step++) {
    try {
      oneStep(world, random, broken);
      world.check();
    } catch (error) {
      console.error(`simulation failed: EVENKEEL_SEED=${seed}, step ${step}, ${world.kind.name}`);
      throw error;
    }
  }
  try {
    world.end();
  } catch (error) {
    console.error(`simulation failed at the end: EVENKEEL_SEED=${seed}`);
    throw error;
  }
  return world;
}

function oneStep(world: PoolWorld, random: Random, broken: Set<string>): void {
  const roll = random.unit();
  const worker = below(random, workersOf(world));
  if (roll < 0.36) return world.start(worker, `key-${below(random, 50)}`, [], random.unit() < 0.1);
  if (roll < 0.66) return finishOne(world, random, broken);
  if (roll < 0.8) return probeOne(world, random, broken);
  if (roll < 0.83) return overrideOne(world, random);
  if (roll < 0.86) {
    const kind = random.unit() < 0.7 ? world.kind : BALANCERS[below(random, BALANCERS.length)];
    return world.reload(randomConfig(random, kind), kind);
  }
  if (roll < 0.88) {
    const all = [...world.waiting];
    if (all.length > 0) world.leave(all[below(random, all.length)]);
    return;
  }
  if (roll < 0.9 && world.endpoints.length > 0) {
    const { id } = world.endpoints[below(random, world.endpoints.length)];
    if (!broken.delete(id)) broken.add(id);
    return;
  }
  world.clock.advance(roll < 0.95 ? 5 + below(random, 50) : below(random, 40_000));
  world.clock.advance(5);
  world.checkNobodyWaitsInVain();
}

function workersOf(world: PoolWorld): number {
  return world.load.shape.workers;
}

function finishOne(world: PoolWorld, random: Random, broken: Set<string>): void {
  if (world.running.length === 0) return;
  const index = below(random, world.running.length);
  const { id, slot } = world.running[index].lease.endpoint;
  if (random.unit() < 0.1) world.running[index].lease.answered(200, 12);
  const outcome = randomOutcome(random, broken.has(id));
  const { worker, tried } = world.finish(index, outcome, random.unit() < 0.02);
  if (workersOf(world) === 1) world.checkNobodyWaitsInVain();
  if (outcome.kind === 'failed' && tried.length < 3)
    world.start(worker, 'again', [...tried, slot], random.unit() < 0.2);
}

function randomOutcome(random: Random, broken: boolean): Outcome {
  const roll = random.unit();
  if (roll < 0.1) return CANCELLED;
  if (roll < 0.15) return { kind: 'failed', error: proxyError('client-gone') };
  if (!broken) return { kind: 'ok', status: 200, firstByteMs: 1 + below(random, 100) };
  return roll < 0.6 ? FAILED : { kind: 'ok', status: 503, firstByteMs: 1 };
}

function probeOne(world: PoolWorld, random: Random, broken: Set<string>): void {
  if (world.endpoints.length === 0) return;
  const { id } = world.endpoints[below(random, world.endpoints.length)];
  // Some backends fail for traffic only.
  const ok = random.unit() < 0.05 ? random.unit() < 0.5 : !broken.has(id) || id.endsWith('1') || id.endsWith('3');
  world.health.probeResult(id, { ok, tookMs: 1, evidence: ok ? 'fine' : 'broken' });
}

function overrideOne(world: PoolWorld, random: Random): void {
  if (world.endpoints.length === 0) return;
  const mode = (['ready', 'ready', 'ready', 'drain', 'maintenance'] as const)[below(random, 5)];
  world.health.override(world.endpoints[below(random, world.endpoints.length)].id, mode);
}

function randomConfig(random: Random, kind: AnyBalancerKind): PoolConfig {
  const limited = random.unit() < 0.6;
  const tiers = random.unit() < 0.4 ? 2 : 1;
  const endpoints: EndpointConfig[] = [];
  if (random.unit() > 0.03) {
    for (let port = 1; port <= 7; port++) {
      if (random.unit() < 0.4) continue;
      endpoints.push(
        endpointConfig(port, {
          weight: random.unit() < 0.1 ? 0 : 1 + below(random, 4),
          tier: below(random, tiers),
          zone: random.unit() < 0.3 ? 'a' : 'b',
          maxInFlight: limited ? 1 + below(random, 3) : 0,
        }),
      );
    }
  }
  return poolConfig({
    endpoints,
    balance: { kind: kind.name, key: { from: 'source' }, options: defaultsOf(kind.schema) as Record<string, unknown> },
    health: random.unit() < 0.6 ? HEALTH : undefined,
    passive: random.unit() < 0.8 ? { ...PASSIVE, ejectMs: 5000, maxEjected: random.unit() } : undefined,
    slowStart: random.unit() < 0.4 ? { windowMs: 20_000, aggression: 1 } : undefined,
    panic: random.unit() < 0.3 ? { below: 0.5 } : undefined,
    queue: { size: 6, timeoutMs: 2000 },
  });
}

function below(random: Random, limit: number): number {
  return random.u32() % limit;
}
