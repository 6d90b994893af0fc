import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedTable } from './keyed-table.ts';

const anyOf = (): number => 0;

test('a key keeps its entry, and keys of different uses are different keys', () => {
  const table = KeyedTable.local();
  table.select(1, 'a');
  const entry = table.claim(anyOf);
  table.set(entry, 0, 7);
  table.select(2, 'a');
  assert.equal(table.find(0), -1);
  table.select(1, 'a');
  assert.equal(table.claim(anyOf), entry);
  assert.equal(table.get(entry, 0), 7);
  assert.equal(table.add(entry, 0, -2), 5);
});

test('a full table forgets the most dispensable entry, and none that is not', () => {
  const table = KeyedTable.local(8);
  const entries: number[] = [];
  for (let i = 0; i < 8; i++) {
    table.select(0, `k${i}`);
    const entry = table.claim(anyOf);
    table.set(entry, 1, i);
    entries.push(entry);
  }
  assert.equal(new Set(entries).size, 8);
  table.select(0, 'late');
  assert.equal(
    table.claim(() => -1),
    -1,
  );
  const taken = table.claim((entry) => table.get(entry, 1));
  assert.equal(taken, entries[7]);
  assert.equal(table.get(taken, 1), 0, 'it starts from nothing');
  table.select(0, 'k7');
  assert.equal(table.find(0), -1);
});

test('workers see what the others wrote, and one that died has nothing any more', () => {
  const shape = { entries: 64, workers: 2 };
  const buffer = new ArrayBuffer(KeyedTable.byteLength(shape));
  const [first, second] = [0, 1].map((worker) => new KeyedTable(buffer, shape, worker));
  first.select(0, 'x');
  first.set(first.claim(anyOf), 0, 3);
  second.select(0, 'x');
  assert.equal(second.get(second.find(0), 0), 3);
  assert.equal(second.find(1), -1);
  first.clear();
  assert.equal(second.find(0), -1);
});
