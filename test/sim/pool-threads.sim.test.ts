// Real threads on one load table: limits in flight and trials must be exact over all workers, whatever the scheduling.
// Each thread keeps a second, independent count of what it holds and looks for excess.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { balancerByName } from '../../src/balancing/index.ts';
import { LoadTable, type LoadTableShape, STATE } from '../../src/core/load-table.ts';
import { CANCELLED } from '../../src/core/outcome.ts';
import { defaultsOf } from '../../src/core/schema.ts';
import type { Lease } from '../../src/pool/lease.ts';
import { Pool } from '../../src/pool/pool.ts';
import { SlotRegistry } from '../../src/pool/registry.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { endpointConfig, poolConfig } from '../../src/testing/pool-config.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const SHAPE: LoadTableShape = { capacity: 4, pools: 1, workers: 3 };
const LIMITS = [1, 2, 3, 0];
const ROUNDS = 60_000;

interface Job {
  readonly buffer: SharedArrayBuffer;
  readonly held: SharedArrayBuffer;
  readonly worker: number;
}

function buildPool(buffer: ArrayBufferLike, worker: number): { pool: Pool; load: LoadTable } {
  const load = new LoadTable(buffer, SHAPE, worker);
  const kind = balancerByName('least-connections')!;
  const config = poolConfig({
    endpoints: LIMITS.map((maxInFlight, i) => endpointConfig(i + 1, { maxInFlight })),
    balance: { kind: kind.name, key: { from: 'source' }, options: defaultsOf(kind.schema) as Record<string, unknown> },
  });
  const slots = new SlotRegistry(load).assign('p', config.endpoints);
  assert.ok(slots.ok);
  const env = { clock: fakeClock(), random: seededRandom(worker), load };
  const { slot, endpoints } = slots.value;
  return { load, pool: new Pool({ name: 'p', slot, config, endpoints, kind, env, zone: '', onSignal() {} }) };
}

function work({ buffer, held, worker }: Job): { served: number; excess: number; saturated: number } {
  const { pool } = buildPool(buffer, worker);
  const counts = new Int32Array(held);
  const random = seededRandom(worker + 100);
  const mine: Lease[] = [];
  const result = { served: 0, excess: 0, saturated: 0 };
  // The own count is taken back first and raised last, so that it can never exceed what is really in flight.
  const giveBack = (lease: Lease): void => {
    Atomics.sub(counts, lease.endpoint.slot, 1);
    lease.settle(CANCELLED);
  };
  for (let round = 0; round < ROUNDS; round++) {
    if (mine.length > 0 && random.unit() < 0.5) {
      giveBack(mine.splice(random.u32() % mine.length, 1)[0]);
      continue;
    }
    const answer = pool.acquire({ key: '', tried: [] });
    if (answer.refused) {
      result.saturated++;
      continue;
    }
    const { slot } = answer.endpoint;
    const limit = slot === 3 ? 1 : LIMITS[slot];
    if (Atomics.add(counts, slot, 1) + 1 > limit) result.excess++;
    result.served++;
    mine.push(answer);
  }
  for (const lease of mine) giveBack(lease);
  return result;
}

if (!isMainThread) parentPort?.postMessage(work(workerData as Job));
else {
  test('limits and the single trial hold over real threads, and every count returns to zero', async () => {
    const buffer = new SharedArrayBuffer(LoadTable.byteLength(SHAPE));
    const held = new SharedArrayBuffer(4 * SHAPE.capacity);
    const { load } = buildPool(buffer, 0);
    for (let slot = 0; slot < 4; slot++) load.state[slot] = STATE.used | STATE.up;
    load.state[3] |= STATE.trial;
    const results = await Promise.all(
      Array.from({ length: SHAPE.workers }, (_, worker) => {
        const thread = new Worker(new URL(import.meta.url), { workerData: { buffer, held, worker } satisfies Job });
        return new Promise<ReturnType<typeof work>>((resolve, reject) => {
          thread.once('message', resolve);
          thread.once('error', reject);
        });
      }),
    );
    for (const { served, excess, saturated } of results) {
      assert.equal(excess, 0);
      assert.ok(served > 1000 && saturated > 0, 'the threads did compete');
    }
    assert.deepEqual([...load.inFlight], [0, 0, 0, 0]);
  });
}
