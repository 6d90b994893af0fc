import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counts } from './counts.ts';
import type { CounterMeaning } from './ruleset.ts';

const meaning = (endpoint: string): CounterMeaning => ({
  what: 'new',
  listener: 'web',
  protocol: 'tcp',
  pool: 'web',
  endpoint,
});
const MEANINGS = new Map([
  ['a', meaning('web/a')],
  ['b', meaning('web/b')],
]);

function listing(...counters: readonly (readonly [string, number, number])[]): string {
  const of = counters.map(([name, packets, bytes]) => ({
    counter: { family: 'inet', name, table: 't', packets, bytes },
  }));
  return JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...of] });
}

const moved = (counts: Counts, text: string) =>
  counts.take(text, MEANINGS).map(({ endpoint, packets, bytes }) => [endpoint, packets, bytes]);

test('only what was added since the last look, and only of counters that are known', () => {
  const counts = new Counts();
  assert.deepEqual(moved(counts, listing(['a', 2, 120], ['b', 0, 0], ['z', 9, 9])), [['web/a', 2, 120]]);
  assert.deepEqual(moved(counts, listing(['a', 2, 120], ['b', 1, 60])), [['web/b', 1, 60]]);
  assert.deepEqual(moved(counts, listing(['a', 2, 120], ['b', 1, 60])), []);
});

test('a table that was made anew starts from nothing, whether its counters are lower or it is said', () => {
  const counts = new Counts();
  moved(counts, listing(['a', 5, 300]));
  assert.deepEqual(moved(counts, listing(['a', 3, 180])), [['web/a', 3, 180]]);
  counts.reset();
  assert.deepEqual(moved(counts, listing(['a', 4, 240])), [['web/a', 4, 240]]);
});

test('a counter that was gone for a while starts from nothing', () => {
  const counts = new Counts();
  moved(counts, listing(['a', 5, 300]));
  counts.take(listing(), new Map());
  assert.deepEqual(moved(counts, listing(['a', 6, 360])), [['web/a', 6, 360]]);
});
