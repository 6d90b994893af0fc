// Breakers over several workers: what each of them counts decides for all, through one load table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundRobin } from '../balancing/round-robin.ts';
import type { BreakerConfig, PassiveConfig } from '../config/types.ts';
import { proxyError } from '../core/error.ts';
import { LoadTable } from '../core/load-table.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Lease } from '../pool/lease.ts';
import { Pool } from '../pool/pool.ts';
import type { Refusal } from '../pool/refusal.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { BREAKER, endpointConfig, PASSIVE, poolConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { HealthTable } from './table.ts';
import type { HealthChange } from './timeline.ts';

const FINE: Outcome = { kind: 'ok', status: 200, firstByteMs: 5 };
const ERROR: Outcome = { kind: 'ok', status: 503, firstByteMs: 5 };
const RESET: Outcome = { kind: 'failed', error: proxyError('upstream-reset') };
const GONE: Outcome = { kind: 'cancelled' };

function world(breaker: Partial<BreakerConfig> = {}, count = 3, passive?: PassiveConfig) {
  const clock = fakeClock();
  const shape = { capacity: 8, pools: 2, workers: 2 };
  const buffer = new ArrayBuffer(LoadTable.byteLength(shape));
  const loads = [0, 1].map((worker) => new LoadTable(buffer, shape, worker));
  const health = new HealthTable({ load: loads[0], clock });
  const config = poolConfig({ breaker: { ...BREAKER, ...breaker }, passive });
  const endpoints = Array.from({ length: count }, (_, slot) => ({
    ...endpointConfig(1 + slot),
    id: `p/${slot}`,
    slot,
  }));
  const set = { name: 'p', slot: 0, health: undefined, passive, slowStart: undefined, endpoints };
  health.setPool({ ...set, breaker: config.breaker }, { initial: true });
  const changes: HealthChange[] = [];
  health.subscribe((change) => changes.push(change));
  const pools = loads.map(
    (load) =>
      new Pool({
        name: 'p',
        slot: 0,
        config,
        endpoints,
        kind: roundRobin,
        env: { clock, random: seededRandom(1), load },
        zone: '',
        onSignal: () => health.collect(),
      }),
  );
  const take = (worker: number): Lease | Refusal => pools[worker].acquire({ key: '', tried: [] });
  const run = (worker: number, outcome: (slot: number) => Outcome): string => {
    const answer = take(worker);
    if (answer.refused) return answer.code;
    answer.settle(outcome(answer.endpoint.slot));
    return answer.endpoint.id;
  };
  const open = (): void => {
    for (let i = 0; i < 20; i++) run(i % 2, () => RESET);
    assert.equal(health.breaker('p')!.phase, 'open');
  };
  return { clock, health, changes, pools, take, run, open, set, load: loads[0] };
}

test('failures in both workers open the breaker of the pool for both, and no endpoint is touched meanwhile', () => {
  const { run, health, changes, load } = world({ scope: 'pool' });
  for (let i = 0; i < 19; i++)
    assert.notEqual(
      run(i % 2, () => (i % 2 === 0 ? ERROR : FINE)),
      'breaker-open',
    );
  assert.equal(health.breaker('p')!.phase, 'closed');
  run(1, () => ERROR);
  assert.deepEqual(health.breaker('p'), { phase: 'open', opened: 1 });
  assert.deepEqual([run(0, () => FINE), run(1, () => FINE)], ['breaker-open', 'breaker-open']);
  assert.deepEqual(
    changes.map(({ id, from, to, cause, evidence }) => ({ id, from, to, cause, evidence })),
    [{ id: 'p', from: 'closed', to: 'open', cause: 'breaker', evidence: '11 of 20 attempts within 10 s failed' }],
  );
  assert.equal(load.inFlight[0] + load.inFlight[1] + load.inFlight[2], 0);
});

test('half-open: so many pass over all workers; when they are fine, everybody does', () => {
  const { clock, run, take, open, health } = world({ scope: 'pool' });
  open();
  clock.advance(6000);
  assert.equal(health.breaker('p')!.phase, 'half-open');
  const passed = [take(0), take(1), take(0)] as Lease[];
  assert.ok(passed.every(({ refused }) => !refused));
  assert.deepEqual([run(0, () => FINE), run(1, () => FINE)], ['breaker-open', 'breaker-open']);
  for (const lease of passed) lease.settle(FINE);
  assert.equal(health.breaker('p')!.phase, 'closed');
  assert.notEqual(
    run(1, () => FINE),
    'breaker-open',
  );
});

test('half-open: one that fails opens it again, for its whole time', () => {
  const { clock, run, open, health } = world({ scope: 'pool' });
  open();
  clock.advance(6000);
  assert.notEqual(
    run(0, () => FINE),
    'breaker-open',
  );
  assert.notEqual(
    run(1, () => ERROR),
    'breaker-open',
  );
  assert.deepEqual(health.breaker('p'), { phase: 'open', opened: 2 });
  clock.advance(4900);
  assert.equal(
    run(0, () => FINE),
    'breaker-open',
  );
});

test('half-open: a client that leaves gives its pass back; one whose worker died is replaced after a while', () => {
  const { clock, take, open } = world({ scope: 'pool', halfOpen: 1 });
  open();
  clock.advance(6000);
  (take(0) as Lease).settle(GONE);
  const lost = take(1);
  assert.equal(lost.refused, false);
  assert.equal(take(0).refused, true);
  clock.advance(6000);
  assert.equal(take(0).refused, false, 'nothing was heard of the other');
});

test('half-open: a pass is given back when no endpoint is free', () => {
  const { clock, take, open, health } = world({ scope: 'pool', halfOpen: 1 });
  open();
  clock.advance(6000);
  for (let slot = 0; slot < 3; slot++) health.override(`p/${slot}`, 'maintenance', '');
  assert.equal((take(0) as Refusal).code, 'pool-down');
  health.override('p/0', 'ready', '');
  assert.equal(take(0).refused, false);
});

test('latency opens it, and closes it only when it is gone', () => {
  const slow: Outcome = { kind: 'ok', status: 200, firstByteMs: 1500 };
  const { clock, run, health } = world({ scope: 'pool', latency: { aboveMs: 1000, share: 0.5 } });
  for (let i = 0; i < 20; i++) run(i % 2, () => slow);
  assert.equal(health.breaker('p')!.phase, 'open');
  clock.advance(6000);
  run(0, () => slow);
  assert.equal(health.breaker('p')!.phase, 'open');
  clock.advance(6000);
  for (let i = 0; i < 3; i++) run(0, () => FINE);
  assert.equal(health.breaker('p')!.phase, 'closed');
});

test('what succeeded long ago does not hide what fails now', () => {
  const { clock, run, health } = world({ scope: 'pool' });
  for (let i = 0; i < 5000; i++) run(i % 2, () => FINE);
  clock.advance(60_000);
  for (let i = 0; i < 20; i++) run(i % 2, () => RESET);
  assert.equal(health.breaker('p')!.phase, 'open');
});

test('an endpoint that fails is skipped by both workers, as one that is ejected, and the others go on', () => {
  const { clock, run, health, changes } = world({ scope: 'endpoint' });
  const bad = (slot: number): Outcome => (slot === 1 ? ERROR : FINE);
  for (let i = 0; i < 60; i++) run(i % 2, bad);
  assert.equal(health.word('p/1'), 'ejected');
  assert.match(changes[0].evidence, /^its breaker opens for 5 s: 20 of 20 attempts within 10 s failed$/);
  for (let i = 0; i < 20; i++) assert.notEqual(run(i % 2, bad), 'p/1');
  clock.advance(5000);
  assert.equal(health.word('p/1'), 'trial');
  const seen = Array.from({ length: 12 }, (_, i) => run(i % 2, () => FINE)).filter((id) => id === 'p/1');
  assert.ok(seen.length >= 3, 'it was tried');
  assert.equal(health.word('p/1'), 'up');
  assert.match(changes.at(-1)!.evidence, /3 trial requests succeeded/);
});

test('an endpoint that fails its trial is out for the same time again', () => {
  const { clock, run, health } = world({ scope: 'endpoint' });
  const bad = (slot: number): Outcome => (slot === 1 ? ERROR : FINE);
  for (let i = 0; i < 60; i++) run(0, bad);
  clock.advance(5000);
  for (let i = 0; i < 3; i++) run(0, bad);
  assert.equal(health.word('p/1'), 'ejected');
  clock.advance(4900);
  assert.equal(health.word('p/1'), 'ejected');
  clock.advance(100);
  assert.equal(health.word('p/1'), 'trial');
});

test('the last endpoints stay: what the pool cannot spare is said once, and its own breaker takes over', () => {
  const { run, health, changes } = world({ scope: 'both' }, 2);
  for (let i = 0; i < 60; i++) run(i % 2, () => ERROR);
  assert.equal(health.breaker('p')!.phase, 'open');
  const words = ['p/0', 'p/1'].map((id) => health.word(id));
  assert.ok(words.includes('up') || words.includes('trial'), words.join());
  assert.ok(changes.length <= 4);
});

test('beside passive ejection each does its own', () => {
  const { run, health } = world({ scope: 'endpoint' }, 3, PASSIVE);
  for (let i = 0; i < 9; i++) run(0, (slot) => (slot === 2 ? RESET : FINE));
  assert.equal(health.word('p/2'), 'ejected');
  assert.match(health.timeline('p/2').at(-1)!.evidence, /3 failures within 30 s/);
});

test('a reload that takes the breaker away closes it; one that keeps it keeps its phase', () => {
  const { open, health, set, run } = world({ scope: 'pool' });
  open();
  health.setPool({ ...set, breaker: { ...BREAKER, scope: 'pool', openMs: 9000 } });
  assert.equal(health.breaker('p')!.phase, 'open');
  health.setPool({ ...set, breaker: undefined });
  assert.equal(health.breaker('p'), undefined);
  assert.notEqual(
    run(0, () => FINE),
    'breaker-open',
  );
});

test('nothing is left running when the table stops', () => {
  const { clock, health } = world();
  health.stop();
  assert.equal(clock.pending, 0);
});
