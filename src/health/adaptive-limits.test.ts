import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundRobin } from '../balancing/round-robin.ts';
import { LoadTable } from '../core/load-table.ts';
import type { Lease } from '../pool/lease.ts';
import { Pool } from '../pool/pool.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { endpointConfig, poolConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { STEP_MS } from './adaptive-limits.ts';
import { HealthTable } from './table.ts';

const ADAPTIVE = { min: 4, max: 100, start: 20, tolerance: 1.5 };

function world() {
  const clock = fakeClock();
  const shape = { capacity: 4, pools: 2, workers: 2 };
  const buffer = new ArrayBuffer(LoadTable.byteLength(shape));
  const loads = [0, 1].map((worker) => new LoadTable(buffer, shape, worker));
  const health = new HealthTable({ load: loads[0], clock });
  const config = poolConfig({ adaptive: ADAPTIVE });
  const endpoints = [{ ...endpointConfig(1, { maxInFlight: ADAPTIVE.max }), id: 'p/0', slot: 0 }];
  const set = { name: 'p', slot: 0, health: undefined, passive: undefined, slowStart: undefined, endpoints };
  health.setPool({ ...set, adaptive: ADAPTIVE }, { initial: true });
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
        onSignal() {},
      }),
  );
  /** As many as are let in by both workers. */
  const fill = (): Lease[] => {
    const leases: Lease[] = [];
    for (let i = 0; i < 1000; i++) {
      const answer = pools[i % 2].acquire({ key: '', tried: [] });
      if (!answer.refused) leases.push(answer);
    }
    return leases;
  };
  const round = (firstByteMs: number): number => {
    const leases = fill();
    for (const lease of leases) lease.settle({ kind: 'ok', status: 200, firstByteMs });
    clock.advance(STEP_MS);
    return leases.length;
  };
  return { clock, health, set, fill, round, load: loads[0] };
}

test('it begins where it is told, for both workers together', () => {
  const { fill } = world();
  assert.equal(fill().length, 20);
});

test('it grows while answers are quick, and comes down to its least when they are not', () => {
  const { round, health } = world();
  for (let i = 0; i < 120; i++) round(10);
  assert.equal(round(10), 100);
  assert.equal(health.snapshot()[0].limit, 100);
  for (let i = 0; i < 30; i++) round(200);
  const least = round(200);
  assert.ok(least < 15, `${least}`);
  for (let i = 0; i < 120; i++) round(10);
  assert.equal(round(10), 100);
});

test('failures teach nothing', () => {
  const { fill, clock, round } = world();
  for (let i = 0; i < 20; i++) {
    for (const lease of fill()) lease.settle({ kind: 'cancelled' });
    clock.advance(STEP_MS);
  }
  assert.equal(round(10), 20);
});

test('a reload keeps what was learnt; one without it takes the limit away', () => {
  const { round, health, set, load, clock } = world();
  for (let i = 0; i < 10; i++) round(10);
  const learnt = load.limit[0];
  assert.ok(learnt > 20);
  health.setPool({ ...set, adaptive: ADAPTIVE });
  assert.equal(load.limit[0], learnt);
  health.setPool({ ...set, adaptive: undefined });
  assert.equal(load.limit[0], 0);
  health.stop();
  assert.equal(clock.pending, 0);
});
