import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { RateTable } from './rate-table.ts';

const PER_SECOND = { limit: 10, periodMs: 1000, burst: 10 };

test('a full burst at once, then one after each interval', () => {
  const table = RateTable.local();
  let now = 5_000_000;
  const take = (): boolean => table.take(1, 'a', PER_SECOND, now).allowed;
  assert.deepEqual(Array.from({ length: 12 }, take).filter(Boolean).length, 10);
  assert.ok(Math.abs(table.answer.retryMs - 100) < 2, `${table.answer.retryMs}`);
  now += 99;
  assert.equal(take(), false);
  now += 2;
  assert.equal(take(), true);
  assert.equal(take(), false);
  now += 1000;
  assert.deepEqual(Array.from({ length: 12 }, take).filter(Boolean).length, 10);
});

test('what remains and when it is whole again is told', () => {
  const table = RateTable.local();
  const { remaining, resetMs, retryMs } = table.take(1, 'a', PER_SECOND, 1e6);
  assert.deepEqual([remaining, Math.round(resetMs), retryMs], [9, 100, 0]);
});

test('keys, and limits with the same key, do not touch each other', () => {
  const table = RateTable.local();
  for (let i = 0; i < 10; i++) assert.ok(table.take(1, 'a', PER_SECOND, 1e6).allowed);
  assert.equal(table.take(1, 'a', PER_SECOND, 1e6).allowed, false);
  assert.equal(table.take(1, 'b', PER_SECOND, 1e6).allowed, true);
  assert.equal(table.take(2, 'a', PER_SECOND, 1e6).allowed, true);
});

test('over any stretch of time no more than burst and rate allow, and no less', () => {
  const rates = fc.record({
    limit: fc.integer({ min: 1, max: 5000 }),
    periodMs: fc.constantFrom(1000, 60_000, 3_600_000),
    burst: fc.integer({ min: 1, max: 500 }),
  });
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 300 }), (rate, gaps) => {
      const table = RateTable.local();
      let now = 1e9;
      let share = rate.burst;
      const perMs = rate.limit / rate.periodMs;
      for (const gap of gaps) {
        now += gap;
        share = Math.min(rate.burst, share + gap * perMs);
        const { allowed } = table.take(1, 'k', rate, now);
        // Between the two nothing is promised: a hundredth of one is the resolution, for each that came.
        if (allowed) assert.ok(share > 1 - 0.03 - 0.01 * gaps.length, `allowed with ${share}`);
        else assert.ok(share < 1 + 0.03 + 0.01 * gaps.length, `refused with ${share}`);
        if (allowed) share -= 1;
      }
    }),
  );
});

test('a key that was away for months begins anew', () => {
  const table = RateTable.local();
  const rate = { limit: 1000, periodMs: 1000, burst: 5 };
  for (let i = 0; i < 6; i++) table.take(1, 'a', rate, 1e6);
  assert.equal(table.answer.allowed, false);
  // Where 32 bits of units come round to just before the time until which it had used up its share.
  const round = 2 ** 32 * 0.01;
  for (const times of [1, 2, 3]) assert.equal(table.take(1, 'a', rate, 1e6 + round * times).allowed, true);
});

test('a full table forgets whoever was quiet longest', () => {
  const table = RateTable.local(64);
  for (let i = 0; i < 10_000; i++) assert.ok(table.take(1, `client-${i}`, PER_SECOND, 1e6 + i).allowed);
  const { remaining } = table.take(1, 'client-9999', PER_SECOND, 1e6 + 10_000);
  assert.ok(remaining < 9 || remaining === 8, `${remaining}`);
});

test('workers that ask at once get exactly what is allowed between them', async () => {
  const entries = 1024;
  const memory = new SharedArrayBuffer(RateTable.byteLength(entries));
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(new URL('./rate-table.ts', import.meta.url).href)}).then(({ RateTable }) => {
      const table = new RateTable(workerData, ${entries});
      let allowed = 0;
      for (let i = 0; i < 30000; i++) if (table.take(1, 'key-' + (i % 10), { limit: 1, periodMs: 3600000, burst: 1000 }, 1e6).allowed) allowed++;
      parentPort.postMessage(allowed);
    });`;
  const counts = await Promise.all(
    Array.from(
      { length: 3 },
      () =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(source, { eval: true, workerData: memory });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    10_000,
  );
});
