import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.ts';

test('without traffic only the minimum per second is allowed', () => {
  const budget = new RetryBudget(0.2, 3);
  assert.deepEqual(
    Array.from({ length: 5 }, () => budget.tryRetry(1000)),
    [true, true, true, false, false],
  );
  assert.equal(budget.tryRetry(2000), true, 'the next second allows some again');
});

test('retries may be a fifth of the requests of the last ten seconds', () => {
  const budget = new RetryBudget(0.2, 0);
  for (let i = 0; i < 100; i++) budget.onRequest(1000);
  let allowed = 0;
  while (budget.tryRetry(1500)) allowed++;
  assert.equal(allowed, 20);
});

test('requests older than the window no longer pay for retries', () => {
  const budget = new RetryBudget(0.2, 0);
  for (let i = 0; i < 100; i++) budget.onRequest(1000);
  assert.equal(budget.tryRetry(10_999), true);
  assert.equal(budget.tryRetry(11_000), false);
  assert.equal(budget.tryRetry(3_600_000), false);
});

test('whatever the order of events, retries stay within share plus minimum, and the minimum is always granted', () => {
  const event = fc.record({ retry: fc.boolean(), stepMs: fc.integer({ min: 0, max: 700 }) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (events, ratio) => {
      const budget = new RetryBudget(ratio, 2);
      const requests: number[] = [];
      const retries: number[] = [];
      let now = 5000;
      for (const { retry, stepMs } of events) {
        now += stepMs;
        if (!retry) {
          budget.onRequest(now);
          requests.push(now);
          continue;
        }
        const recent = (times: number[], ms: number) => times.filter((at) => at > now - ms).length;
        const usedThisSecond = retries.filter((at) => Math.floor(at / 1000) === Math.floor(now / 1000)).length;
        if (budget.tryRetry(now)) {
          retries.push(now);
          const inShare = recent(retries, 9000) <= recent(requests, 10_000) * ratio + 1e-9;
          assert.ok(inShare || usedThisSecond < 2);
        } else {
          assert.ok(usedThisSecond >= 2, 'the minimum is granted');
        }
      }
    }),
  );
});
