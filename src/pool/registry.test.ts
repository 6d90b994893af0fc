import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadTable } from '../core/load-table.ts';
import { endpointConfig } from '../testing/pool-config.ts';
import { SlotRegistry } from './registry.ts';

function setup(capacity = 4, pools = 2) {
  const load = LoadTable.local(capacity, pools);
  const registry = new SlotRegistry(load);
  const assign = (name: string, ports: readonly number[]) => {
    const result = registry.assign(
      name,
      ports.map((port) => endpointConfig(port)),
    );
    assert.ok(result.ok, result.ok ? '' : result.error);
    return result.value;
  };
  return { load, registry, assign };
}

test('slots are stable over reloads and told apart by pool', () => {
  const { assign, registry } = setup();
  const first = assign('a', [1, 2]);
  assert.deepEqual(
    first.endpoints.map((endpoint) => [endpoint.id, endpoint.slot]),
    [
      ['a/10.0.0.1:1', 0],
      ['a/10.0.0.1:2', 1],
    ],
  );
  assert.equal(assign('b', [1]).endpoints[0].slot, 2);
  assert.deepEqual(
    assign('a', [2, 1]).endpoints.map((endpoint) => endpoint.slot),
    [1, 0],
  );
  assert.equal(assign('a', []).slot, first.slot);
  assert.equal(registry.slotOf('b/10.0.0.1:1'), 2);
});

test('a slot is freed, clean, only once nothing is in flight on it', () => {
  const { assign, registry, load } = setup();
  const [gone] = assign('a', [1, 2]).endpoints;
  load.begin(gone.slot);
  load.failures[gone.slot] = 9;
  registry.retain([{ name: 'a', endpoints: assign('a', [2]).endpoints }]);
  assert.equal(registry.sweep(), 1);
  assert.equal(registry.slotOf(gone.id), gone.slot);
  load.end(gone.slot);
  assert.equal(registry.sweep(), 0);
  assert.equal(registry.slotOf(gone.id), undefined);
  assert.equal(load.failures[gone.slot], 0);
  assert.equal(assign('a', [2, 3]).endpoints[1].slot, gone.slot);
});

test('an endpoint that comes back before it was freed has its slot again', () => {
  const { assign, registry, load } = setup();
  const [endpoint] = assign('a', [1]).endpoints;
  load.begin(endpoint.slot);
  registry.retain([]);
  registry.sweep();
  const [again] = assign('a', [1]).endpoints;
  load.end(endpoint.slot);
  registry.sweep();
  assert.equal(again.slot, endpoint.slot);
  assert.equal(registry.slotOf(endpoint.id), endpoint.slot);
});

test('a refused assignment is undone by retaining what there was; the errors say what the limit is', () => {
  const { assign, registry } = setup(3, 1);
  const kept = assign('a', [1, 2]);
  const many = registry.assign(
    'a',
    [1, 2, 3, 4].map((port) => endpointConfig(port)),
  );
  assert.deepEqual(many, {
    ok: false,
    error: 'endpoint "a/10.0.0.1:4" does not fit: 3 endpoints are the limit (0 still draining)',
  });
  assert.equal((registry.assign('b', []) as { error: string }).error, 'pool "b" does not fit: 1 pools are the limit');
  const twice = registry.assign('a', [endpointConfig(1), endpointConfig(1)]);
  assert.equal((twice as { error: string }).error, 'endpoint "a/10.0.0.1:1" is listed twice');
  registry.retain([{ name: 'a', endpoints: kept.endpoints }]);
  registry.sweep();
  assert.equal(assign('a', [1, 2, 5]).endpoints.length, 3);
});

test('whoever keeps something by slot hears of a slot before somebody else gets it', () => {
  const freed: string[] = [];
  const registry = new SlotRegistry(LoadTable.local(4), {
    endpoint: (slot) => freed.push(`endpoint ${slot}`),
    pool: (slot) => freed.push(`pool ${slot}`),
  });
  const config = { address: { host: '10.0.0.1', port: 80 }, weight: 1, tier: 0, zone: '', maxRate: 0, maxInFlight: 0 };
  const assigned = registry.assign('web', [config]);
  assert.ok(assigned.ok);
  registry.retain([]);
  assert.equal(registry.sweep(), 0);
  assert.deepEqual(freed, [`endpoint ${assigned.value.endpoints[0].slot}`, `pool ${assigned.value.slot}`]);
});
