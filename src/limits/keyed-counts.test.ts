import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedTable } from '../core/keyed-table.ts';
import { KeyedCounts } from './keyed-counts.ts';

function workers(count: number, entries = 1024): KeyedCounts[] {
  const shape = { entries, workers: count };
  const buffer = new ArrayBuffer(KeyedTable.byteLength(shape));
  return Array.from({ length: count }, (_, worker) => new KeyedCounts(new KeyedTable(buffer, shape, worker)));
}

test('no more at once than allowed, over all workers, and a place that is given back is free', () => {
  const [a, b] = workers(2);
  const tickets = [a, b, a].map((one) => one.begin(0, 'client', 3, 0, 0));
  assert.ok(tickets.every((ticket) => ticket > 0));
  assert.equal(b.begin(0, 'client', 3, 0, 0), -1);
  assert.ok(b.begin(0, 'other', 3, 0, 0) > 0);
  assert.equal(a.open(0, 'client'), 3);
  a.end(tickets[0]);
  assert.ok(b.begin(0, 'client', 3, 0, 0) > 0);
});

test('the rate of a second is kept, and never passed by more than a quarter, wherever the second begins', () => {
  for (const offset of [0, 300, 999]) {
    const [a, b] = workers(2);
    const began: number[] = [];
    for (let now = 1_000_000 + offset; now < 1_005_000 + offset; now += 7) {
      const one = now % 2 === 0 ? a : b;
      const ticket = one.begin(0, 'c', 0, 20, now);
      if (ticket < 0) continue;
      one.end(ticket);
      began.push(now);
    }
    for (const from of began) {
      const within = began.filter((at) => at >= from && at < from + 1000).length;
      // The second before is taken to have been even, which is what a sliding window of two counts can know.
      assert.ok(within <= 25, `${within} within a second of ${from}`);
    }
    assert.ok(began.length >= 90 && began.length <= 108, `${began.length} in five seconds`);
  }
});

test('after a pause the whole rate is there again', () => {
  const [a] = workers(1);
  for (let i = 0; i < 5; i++) assert.ok(a.begin(0, 'c', 0, 5, 10_000) > 0);
  assert.equal(a.begin(0, 'c', 0, 5, 10_000), -1);
  for (let i = 0; i < 5; i++) assert.ok(a.begin(0, 'c', 0, 5, 60_000) > 0);
});

test('what is open is never forgotten; a key without a place is let through uncounted', () => {
  const [a] = workers(1, 8);
  const tickets = Array.from({ length: 8 }, (_, i) => a.begin(0, `k${i}`, 1, 0, 0));
  assert.ok(tickets.every((ticket) => ticket > 0));
  assert.equal(a.begin(0, 'late', 1, 0, 0), 0);
  a.end(tickets[3]);
  assert.ok(a.begin(0, 'late', 1, 0, 5000) > 0);
  assert.equal(a.begin(0, 'late', 1, 0, 5000), -1);
});
