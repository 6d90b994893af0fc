// What is foreseen is what happens: for every kind, with limits, weights, tiers, drains and requests under way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BALANCERS } from '../balancing/index.ts';
import type { EndpointConfig, PoolConfig } from '../config/types.ts';
import { LoadTable, STATE } from '../core/load-table.ts';
import { PeekableRandom } from '../core/peekable-random.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { endpointConfig, poolConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import type { Lease } from './lease.ts';
import { Pool } from './pool.ts';
import { SlotRegistry } from './registry.ts';

const UP = STATE.used | STATE.up;

function defaultsOf(kind: (typeof BALANCERS)[number]): Record<string, unknown> {
  const schema = kind.schema as Record<string, { readonly default?: unknown }>;
  return Object.fromEntries(Object.entries(schema).map(([name, field]) => [name, field.default]));
}

function setup(
  kind: (typeof BALANCERS)[number],
  endpoints: readonly Partial<EndpointConfig>[],
  over: Partial<PoolConfig> = {},
) {
  const clock = fakeClock();
  const shape = { capacity: 16, pools: 2, workers: 1 };
  const load = new LoadTable(new ArrayBuffer(LoadTable.byteLength(shape)), shape, 0);
  const config = poolConfig({
    name: 'p',
    endpoints: endpoints.map((one, i) => endpointConfig(i + 1, one)),
    balance: { kind: kind.name, key: { from: 'source' }, options: defaultsOf(kind) },
    ...over,
  });
  const assigned = new SlotRegistry(load).assign('p', config.endpoints);
  assert.ok(assigned.ok);
  const { slot, endpoints: slotted } = assigned.value;
  for (const endpoint of slotted) load.state[endpoint.slot] = UP;
  load.poolVersion[slot]++;
  const random = new PeekableRandom(seededRandom(7));
  const env = { clock, random, load };
  const pool = new Pool({
    name: 'p',
    slot,
    config,
    endpoints: slotted,
    kind,
    env,
    zone: '',
    onSignal: () => undefined,
  });
  return { clock, load, pool, random, slotted, slot };
}

for (const kind of BALANCERS) {
  test(`${kind.name}: what is foreseen is what happens, also for the tries that follow`, () => {
    const chance = seededRandom(kind.name.length);
    const { clock, load, pool, random, slotted, slot } = setup(kind, [
      { weight: 3 },
      { weight: 1, maxInFlight: 3 },
      { weight: 2 },
      { weight: 1, tier: 1 },
      { weight: 1 },
    ]);
    const open: Lease[] = [];
    let compared = 0;
    for (let step = 0; step < 400; step++) {
      clock.advance(chance.u32() % 50);
      if (chance.unit() < 0.05) {
        const { slot: one } = slotted[chance.u32() % slotted.length];
        load.state[one] = chance.unit() < 0.5 ? UP : UP | STATE.draining;
        load.poolVersion[slot]++;
      }
      if (open.length > 4 && chance.unit() < 0.5)
        open
          .splice(chance.u32() % open.length, 1)[0]
          .settle({ kind: 'ok', status: 200, firstByteMs: chance.u32() % 90 });
      const key = `client-${chance.u32() % 50}`;
      const told = chance.unit() < 0.7 ? pool.foresee({ key, tried: [] }, random.peek(), 3) : undefined;
      const again = told && pool.foresee({ key, tried: [] }, random.peek(), 3);
      assert.deepEqual(again, told, 'looking changes nothing');
      const first = pool.acquire({ key, tried: [] });
      if (told !== undefined) {
        compared++;
        if (first.refused) assert.deepEqual([told.picks, told.refusal], [[], first.code]);
        else assert.equal(told.picks[0], first.endpoint.id, `step ${step}`);
      }
      if (first.refused) continue;
      open.push(first);
      if (told === undefined || chance.unit() < 0.5) continue;
      // As after a failure: the first is given back, somebody else is tried.
      open.pop();
      first.settle({ kind: 'cancelled' });
      const second = pool.acquire({ key, tried: [first.endpoint.slot] });
      if (second.refused) assert.equal(told.picks.length, 1);
      else {
        assert.equal(told.picks[1], second.endpoint.id, `second try of step ${step}`);
        second.settle({ kind: 'cancelled' });
      }
    }
    assert.ok(compared > 200);
  });
}

test('who may not be picked is told with the reason', () => {
  const [kind] = BALANCERS;
  const { load, pool, random, slotted, slot } = setup(kind, [
    {},
    { maxInFlight: 1 },
    { weight: 0 },
    { tier: 1 },
    {},
    {},
    {},
  ]);
  load.begin(slotted[1].slot);
  load.state[slotted[4].slot] = UP | STATE.maintenance;
  load.state[slotted[5].slot] = UP | STATE.draining;
  load.state[slotted[6].slot] = STATE.used;
  load.poolVersion[slot]++;
  const { candidates, mode } = pool.foresee({ key: '', tried: [] }, random.peek(), 1);
  assert.equal(mode, 'normal');
  assert.deepEqual(
    candidates.map(({ excluded }) => excluded),
    [
      '',
      'has 1 in flight, its limit',
      'weight 0',
      'tier 1, and tier 0 serves',
      'maintenance',
      'draining',
      'down or ejected',
    ],
  );
});

test('who is pinned goes there while it serves, also if it drains', () => {
  const [kind] = BALANCERS;
  const { load, pool, random, slotted, slot } = setup(kind, [{}, {}]);
  const pinned = slotted[1].slot;
  const ask = (strict = false) => pool.foresee({ key: '', tried: [], pinned, strict }, random.peek(), 2);
  load.state[pinned] = UP | STATE.draining;
  load.poolVersion[slot]++;
  assert.deepEqual([ask().by, ask().picks[0]], ['affinity', slotted[1].id]);
  load.state[pinned] = STATE.used;
  load.poolVersion[slot]++;
  assert.deepEqual(ask().picks, [slotted[0].id]);
  assert.deepEqual([ask(true).picks, ask(true).refusal], [[], 'pinned-down']);
});
