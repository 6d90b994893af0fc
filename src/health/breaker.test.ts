import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BREAKER } from '../testing/pool-config.ts';
import { BREAKER_CLOSED, type BreakerEvent, type BreakerState, stepBreaker, verdictOn } from './breaker.ts';
import { TrafficWindow } from './traffic-window.ts';

const traffic = (total: number, errors: number, slow = 0): BreakerEvent => ({
  kind: 'traffic',
  traffic: { total, errors, slow },
});
const tried = (good: number, bad: number): BreakerEvent => ({ kind: 'tried', good, bad });
const tick: BreakerEvent = { kind: 'tick' };

/** Runs events of a state, each at its time. */
function run(...events: readonly (readonly [number, BreakerEvent])[]): BreakerState {
  let state = BREAKER_CLOSED;
  for (const [now, event] of events) state = stepBreaker(state, event, BREAKER, now).next;
  return state;
}

test('what opens it: a share of failures, or of slow answers, of enough attempts', () => {
  const config = { ...BREAKER, latency: { aboveMs: 1000, share: 0.5 } };
  const cases: readonly (readonly [number, number, number, boolean])[] = [
    [19, 19, 0, false],
    [20, 9, 0, false],
    [20, 10, 0, true],
    [20, 0, 9, false],
    [20, 0, 10, true],
    [1000, 499, 499, false],
    [0, 0, 0, false],
  ];
  for (const [total, errors, slow, opens] of cases)
    assert.equal(verdictOn({ total, errors, slow }, config) !== undefined, opens, `${total} ${errors} ${slow}`);
  assert.equal(verdictOn({ total: 20, errors: 0, slow: 20 }, BREAKER), undefined, 'slow is nothing without a limit');
  assert.equal(verdictOn({ total: 20, errors: 20, slow: 0 }, { ...BREAKER, errors: 0 }), undefined, 'errors: 0 is off');
  assert.equal(verdictOn({ total: 20, errors: 12, slow: 0 }, BREAKER), '12 of 20 attempts within 10 s failed');
});

test('open for its time, then half-open', () => {
  assert.equal(run([0, traffic(20, 20)]).phase, 'open');
  assert.equal(run([0, traffic(20, 20)], [4999, tick]).phase, 'open');
  assert.equal(run([0, traffic(20, 20)], [5000, tick]).phase, 'half-open');
});

test('half-open: as many as it lets through must be fine', () => {
  const half = [[0, traffic(20, 20)] as const, [5000, tick] as const];
  assert.equal(run(...half, [5001, tried(2, 0)]).phase, 'half-open');
  assert.deepEqual(run(...half, [5001, tried(2, 0)], [5002, tried(1, 0)]), BREAKER_CLOSED);
  const again = run(...half, [5001, tried(2, 0)], [5002, tried(5, 1)]);
  assert.deepEqual([again.phase, again.until], ['open', 10_002]);
});

test('half-open and nothing is heard: more are let through after the same time', () => {
  const half = run([0, traffic(20, 20)], [5000, tick]);
  assert.equal(stepBreaker(half, tick, BREAKER, 9999).refill, false);
  const step = stepBreaker(half, tick, BREAKER, 10_000);
  assert.deepEqual([step.refill, step.why, step.next.phase], [true, undefined, 'half-open']);
});

test('every phase ignores what is not its business', () => {
  const open = run([0, traffic(20, 20)]);
  for (const event of [traffic(20, 20), tried(9, 0), tried(0, 9)])
    assert.equal(stepBreaker(open, event, BREAKER, 1).next, open);
  const half = run([0, traffic(20, 20)], [5000, tick]);
  assert.equal(stepBreaker(half, traffic(20, 20), BREAKER, 5001).next, half);
  for (const event of [tried(9, 0), tried(0, 9), tick])
    assert.equal(stepBreaker(BREAKER_CLOSED, event, BREAKER, 1).next, BREAKER_CLOSED);
});

test('a window forgets by tenths of its length', () => {
  const window = new TrafficWindow(10_000);
  for (let now = 500; now < 10_000; now += 1000) window.add({ total: 10, errors: 1, slow: 2 }, now);
  assert.deepEqual(window.sums(9500), { total: 100, errors: 10, slow: 20 });
  assert.deepEqual(window.sums(10_500), { total: 90, errors: 9, slow: 18 });
  assert.deepEqual(window.sums(14_999), { total: 50, errors: 5, slow: 10 });
  assert.deepEqual(window.sums(60_000), { total: 0, errors: 0, slow: 0 });
});
