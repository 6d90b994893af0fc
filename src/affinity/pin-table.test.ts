import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedTable } from '../core/keyed-table.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import { countPins, endAllUses, PinTable } from './pin-table.ts';

const endpoint = (id: string, slot: number): PoolEndpoint => ({
  id,
  slot,
  address: { host: '10.0.0.1', port: 80 },
  weight: 1,
  tier: 0,
  zone: '',
  maxInFlight: 0,
  maxRate: 0,
});
const TEN_SECONDS = { ttlMs: 10_000 };
const pinned = (table: KeyedTable, poolSlot: number, ...ids: string[]) =>
  new PinTable(
    table,
    poolSlot,
    TEN_SECONDS,
    ids.map((id, slot) => endpoint(id, slot)),
  );

test('a client keeps its endpoint until it was away for the time to live', () => {
  const affinity = pinned(KeyedTable.local(), 0, 'p/a', 'p/b');
  assert.equal(affinity.find('c', 0), -1);
  affinity.remember('c', 'p/b', 1000);
  assert.equal(affinity.find('c', 10_000), 1);
  affinity.remember('c', 'p/b', 10_000);
  assert.equal(affinity.find('c', 19_000), 1);
  assert.equal(affinity.find('c', 22_000), -1);
});

test('the endpoint is known by its name: a reload that moves slots changes nothing, one that removes it forgets', () => {
  const table = KeyedTable.local();
  pinned(table, 0, 'p/a', 'p/b').remember('c', 'p/b', 0);
  assert.equal(pinned(table, 0, 'p/x', 'p/y', 'p/b').find('c', 1000), 2);
  assert.equal(pinned(table, 0, 'p/a').find('c', 1000), -2);
});

test('pools do not share their clients, workers do, and the newest memory counts', () => {
  const shape = { entries: 64, workers: 2 };
  const buffer = new ArrayBuffer(KeyedTable.byteLength(shape));
  const [first, second] = [0, 1].map((worker) => pinned(new KeyedTable(buffer, shape, worker), 0, 'p/a', 'p/b'));
  first.remember('c', 'p/a', 0);
  assert.equal(second.find('c', 1000), 0);
  second.remember('c', 'p/b', 2000);
  assert.equal(first.find('c', 3000), 1);
  assert.equal(pinned(new KeyedTable(buffer, shape, 0), 1, 'p/a', 'p/b').find('c', 3000), -1);
});

test('who is connected is not away, however long; who left is, from then on', () => {
  const affinity = pinned(KeyedTable.local(), 0, 'p/a', 'p/b');
  affinity.begin('c', 'p/a', 0);
  affinity.begin('c', 'p/a', 1000);
  assert.equal(affinity.find('c', 500_000), 0);
  affinity.end('c', 'p/a', 500_000);
  assert.equal(affinity.find('c', 900_000), 0, 'the other connection goes on');
  affinity.end('c', 'p/a', 900_000);
  assert.equal(affinity.find('c', 909_000), 0);
  assert.equal(affinity.find('c', 912_000), -1);
});

test('the end of an old connection does not bring back the endpoint that the client had to leave', () => {
  const affinity = pinned(KeyedTable.local(), 0, 'p/a', 'p/b');
  affinity.begin('c', 'p/a', 0);
  affinity.begin('c', 'p/b', 1000);
  affinity.end('c', 'p/a', 2000);
  assert.equal(affinity.find('c', 3000), 1);
  affinity.end('c', 'p/b', 3000);
  assert.equal(affinity.find('c', 15_000), -1, 'nothing is counted as open any more');
});

test('what a worker that died had open is over, and its clients keep their endpoints for the time to live', () => {
  const table = KeyedTable.local();
  const affinity = pinned(table, 0, 'p/a');
  affinity.begin('c', 'p/a', 0);
  endAllUses(table);
  assert.equal(affinity.find('c', 9000), 0);
  assert.equal(affinity.find('c', 12_000), -1);
});

test('nobody keeps an endpoint beyond the greatest age, however often he comes and whichever worker serves him', () => {
  const shape = { entries: 64, workers: 2 };
  const buffer = new ArrayBuffer(KeyedTable.byteLength(shape));
  const terms = { ttlMs: 10_000, maxAgeMs: 20_000 };
  const tables = [0, 1].map(
    (worker) => new PinTable(new KeyedTable(buffer, shape, worker), 0, terms, [endpoint('p/a', 0)]),
  );
  for (let second = 0; second <= 20; second += 5) tables[(second / 5) % 2].remember('c', 'p/a', second * 1000);
  assert.equal(tables[1].find('c', 20_000), 0);
  assert.equal(tables[0].find('c', 21_000), -1);
  tables[0].remember('c', 'p/a', 22_000);
  assert.equal(tables[0].find('c', 41_000 - 10_000), 0, 'a new age begins');
});

test('sessions are counted once, where they were seen last, and only while they last', () => {
  const shape = { entries: 64, workers: 2 };
  const buffer = new ArrayBuffer(KeyedTable.byteLength(shape));
  const [first, second] = [0, 1].map((worker) => new KeyedTable(buffer, shape, worker));
  const of = (table: KeyedTable, poolSlot: number) => pinned(table, poolSlot, 'p/a', 'p/b');
  of(first, 0).remember('c', 'p/a', 0);
  of(second, 0).remember('c', 'p/b', 2000);
  of(first, 0).remember('d', 'p/b', 2000);
  of(second, 0).remember('d', 'p/b', 2000);
  of(first, 1).remember('e', 'p/a', 2000);
  const endpoints = [endpoint('p/a', 0), endpoint('p/b', 1)];
  const pools = [{ slot: 0, ttlMs: 10_000, endpoints }];
  assert.deepEqual([...countPins(first, pools, 3000)], [[1, 2]]);
  assert.deepEqual([...countPins(first, pools, 30_000)], []);
});
