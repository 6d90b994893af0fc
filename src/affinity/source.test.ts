import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedTable } from '../core/keyed-table.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import { endAllUses, SourceAffinity } from './source.ts';

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
const TEN_SECONDS = { by: 'source', ttlMs: 10_000 } as const;
const pinned = (table: KeyedTable, poolSlot: number, ...ids: string[]) =>
  new SourceAffinity(
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
  assert.equal(pinned(table, 0, 'p/a').find('c', 1000), -1);
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
