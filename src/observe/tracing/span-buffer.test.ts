import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpanRecord } from '../../core/tracer.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { BATCH_SPANS, MOST_WAITING, SpanBuffer } from './span-buffer.ts';

const SPAN: SpanRecord = {
  traceId: '1'.repeat(32),
  spanId: '2'.repeat(16),
  parentId: '',
  state: '',
  name: 'GET',
  kind: 'server',
  startedAt: 1,
  endedAt: 2,
  failed: false,
  attributes: {},
};

function start() {
  const clock = fakeClock();
  const batches: number[] = [];
  const seen = { taken: 0, dropped: 0 };
  const buffer = new SpanBuffer({
    clock,
    post: (spans) => batches.push(spans.length),
    taken: () => seen.taken,
    onDrop: () => seen.dropped++,
  });
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) buffer.add(SPAN);
  };
  return { clock, batches, seen, buffer, add };
}

test('spans are passed on after a second, or when a batch is full', () => {
  const { clock, batches, add } = start();
  add(3);
  clock.advance(999);
  assert.deepEqual(batches, []);
  clock.advance(1);
  assert.deepEqual(batches, [3]);
  add(BATCH_SPANS + 1);
  assert.deepEqual(batches, [3, BATCH_SPANS]);
  clock.advance(1000);
  assert.deepEqual(batches, [3, BATCH_SPANS, 1]);
  assert.equal(clock.pending, 0, 'nothing to do, no timer');
});

test('what the main thread does not take is bounded: further spans are dropped and counted, until it takes some', () => {
  const { batches, seen, add } = start();
  add(MOST_WAITING + 100);
  const posted = batches.reduce((all, count) => all + count, 0);
  assert.deepEqual([posted, seen.dropped], [MOST_WAITING, 100]);
  seen.taken = 512;
  add(513);
  assert.equal(seen.dropped, 101);
});
