import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EWMA_HALF_LIFE_MS, LoadTable } from './load-table.ts';

test('the first sample is the average, and half of it is forgotten in a half-life', () => {
  const load = LoadTable.local(2);
  load.sample(0, 100, 1000);
  assert.deepEqual([load.ewmaMs[0], load.peakMs[0], load.sampledAt[0]], [100, 100, 1000]);
  load.sample(0, 0, 1000 + EWMA_HALF_LIFE_MS);
  assert.ok(Math.abs(load.ewmaMs[0] - 50) < 1e-9);
  assert.ok(Math.abs(load.peakMs[0] - 50) < 1e-9);
  assert.equal(load.ewmaMs[1], 0);
});

test('the peak takes a slower sample at once; the average takes at least 1 % of any sample', () => {
  const load = LoadTable.local(1);
  load.sample(0, 10, 1000);
  load.sample(0, 110, 1000);
  assert.equal(load.peakMs[0], 110);
  assert.ok(Math.abs(load.ewmaMs[0] - 11) < 1e-9);
});

test('workers count for themselves and together, and a dead worker’s leases are given back', () => {
  const shape = { capacity: 3, pools: 1, workers: 2 };
  const buffer = new SharedArrayBuffer(LoadTable.byteLength(shape));
  const [a, b] = [new LoadTable(buffer, shape, 0), new LoadTable(buffer, shape, 1)];
  assert.equal(a.begin(2), 1);
  assert.equal(b.begin(2), 2);
  b.begin(2);
  a.end(2);
  assert.deepEqual([a.inFlight[2], a.own[2], b.own[2]], [2, 0, 2]);
  new LoadTable(buffer, shape, 1).returnLeases();
  assert.deepEqual([a.inFlight[2], b.own[2]], [0, 0]);
});

test('reset forgets a former tenant', () => {
  const load = LoadTable.local(1);
  load.sample(0, 10, 1000);
  load.state[0] = 3;
  load.failures[0] = 2;
  load.reset(0);
  assert.deepEqual(
    [load.ewmaMs[0], load.peakMs[0], load.sampledAt[0], load.state[0], load.failures[0]],
    [0, 0, 0, 0, 0],
  );
});
