import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRESH, type Observation, type ScalingPolicy, type ScalingState, scale } from './target-tracking.ts';

const POLICY: ScalingPolicy = {
  metric: 'cpu',
  target: 0.6,
  min: 2,
  max: 20,
  toleranceOut: 0.1,
  toleranceIn: 0.2,
  maxStepOut: 10,
  maxStepIn: 5,
  cooldownOutMs: 0,
  cooldownInMs: 0,
  warmUpMs: 60_000,
  stabilisationMs: 300_000,
};
const PERIOD = 15_000;

const seen = (running: number, metric: number | undefined, more: Partial<Observation> = {}): Observation => ({
  nowMs: 1_000_000,
  running,
  warming: 0,
  draining: 0,
  metric,
  ...more,
});

/** One look at an instance count that nobody changes, for so long: what is said at the end. */
function watch(running: number, metric: number, forMs: number, policy = POLICY, from: ScalingState = FRESH) {
  let state = from;
  let last = scale(state, seen(running, metric, { nowMs: 0 }), policy);
  for (let nowMs = PERIOD; nowMs <= forMs && last.desired === running; nowMs += PERIOD) {
    state = last.next;
    last = scale(state, seen(running, metric, { nowMs }), policy);
  }
  return last;
}

for (const [running, metric, desired, reason] of [
  [4, 0.9, 6, 'scale-out'],
  [4, 0.61, 4, 'steady'],
  [4, 0.66, 4, 'steady'],
  [4, 0.48, 4, 'steady'],
  [4, 0.67, 5, 'scale-out'],
  [10, 6, 20, 'scale-out'],
  [20, 1, 20, 'at-max'],
  [2, 0.1, 2, 'at-min'],
  [1, 0.1, 2, 'below-min'],
  [1, undefined, 2, 'below-min'],
  [25, 0.9, 20, 'above-max'],
  [4, undefined, 4, 'no-metric'],
  [4, Number.NaN, 4, 'no-metric'],
  [4, -1, 4, 'no-metric'],
  [4, Number.POSITIVE_INFINITY, 4, 'no-metric'],
] as const) {
  test(`${running} at ${metric}: ${desired}, ${reason}`, () => {
    const step = scale(FRESH, seen(running, metric), POLICY);
    assert.deepEqual([step.desired, step.reason], [desired, reason]);
  });
}

test('what divides exactly asks for nobody beyond', () => {
  const policy = { ...POLICY, target: 0.1, max: 100, maxStepOut: 100 };
  assert.equal(scale(FRESH, seen(3, 0.3), policy).desired, 9);
  assert.equal(scale(FRESH, seen(7, 0.7), policy).desired, 49);
});

test('those that are on their way count: nobody is asked for twice', () => {
  const step = scale(FRESH, seen(4, 0.9, { warming: 2 }), POLICY);
  assert.deepEqual([step.desired, step.reason], [6, 'warming']);
  assert.equal(scale(FRESH, seen(4, 1.2, { warming: 2 }), POLICY).desired, 8, 'but more, if more are wanted');
});

test('those that leave count for nothing', () => {
  assert.equal(scale(FRESH, seen(4, 0.9, { draining: 3 }), POLICY).desired, 6);
});

test('while nobody takes load, nothing is judged', () => {
  const step = scale(FRESH, seen(0, 0, { warming: 2 }), POLICY);
  assert.deepEqual([step.desired, step.reason], [2, 'starting']);
});

test('steps are bounded both ways', () => {
  assert.equal(scale(FRESH, seen(4, 0.9), { ...POLICY, maxStepOut: 1 }).desired, 5);
  assert.equal(watch(15, 0.01, 300_000).desired, 10);
});

test('fewer only after a whole window, down to the most that was wanted in it', () => {
  const early = watch(10, 0.2, 285_000);
  assert.deepEqual([early.desired, early.reason], [10, 'stabilising']);
  const late = watch(10, 0.3, 300_000);
  assert.deepEqual([late.desired, late.reason], [5, 'scale-in']);
  let state = FRESH;
  let step = scale(state, seen(10, 0.2, { nowMs: 0 }), POLICY);
  for (let nowMs = PERIOD; nowMs <= 300_000; nowMs += PERIOD) {
    state = step.next;
    step = scale(state, seen(10, nowMs === 150_000 ? 0.4 : 0.3, { nowMs }), POLICY);
  }
  assert.deepEqual([step.desired, step.reason], [7, 'scale-in'], 'a peak in the window holds');
});

test('nobody is removed while somebody is new', () => {
  const out = scale(FRESH, seen(4, 0.9, { nowMs: 0 }), POLICY);
  for (const [nowMs, warming] of [[30_000, 2] as const, [45_000, 0] as const]) {
    const step = scale(out.next, seen(6 - warming, 0.1, { nowMs, warming }), { ...POLICY, stabilisationMs: 1 });
    assert.deepEqual([step.desired, step.reason], [6, 'warming']);
  }
  assert.equal(scale(out.next, seen(6, 0.3, { nowMs: 60_000 }), { ...POLICY, stabilisationMs: 1 }).reason, 'scale-in');
});

test('cooldowns: out after out, in after any', () => {
  const policy = { ...POLICY, cooldownOutMs: 60_000, cooldownInMs: 600_000, warmUpMs: 0, stabilisationMs: 1 };
  const out = scale(FRESH, seen(4, 0.9, { nowMs: 0 }), policy);
  assert.equal(scale(out.next, seen(6, 0.9, { nowMs: 59_999 }), policy).reason, 'cooling-down');
  assert.equal(scale(out.next, seen(6, 0.9, { nowMs: 60_000 }), policy).reason, 'scale-out');
  assert.equal(scale(out.next, seen(6, 0.1, { nowMs: 599_999 }), policy).reason, 'cooling-down');
  assert.equal(scale(out.next, seen(6, 0.1, { nowMs: 600_000 }), policy).reason, 'scale-in');
});

test('a metric that is missing once changes nothing of what comes after', () => {
  let state = FRESH;
  let decided = 0;
  for (let nowMs = 0; nowMs <= 300_000; nowMs += PERIOD) {
    const step = scale(state, seen(10, nowMs === 150_000 ? undefined : 0.3, { nowMs }), POLICY);
    state = step.next;
    decided = step.desired;
  }
  assert.equal(decided, 5);
});

test('whatever is seen, in whatever order: within bounds, by steps that are allowed, in a state that stays small', () => {
  const look = fc.record({
    running: fc.integer({ min: 0, max: 30 }),
    warming: fc.integer({ min: 0, max: 5 }),
    metric: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
    afterMs: fc.integer({ min: 0, max: 600_000 }),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
      let state = FRESH;
      let nowMs = 0;
      for (const { afterMs, ...rest } of looks) {
        nowMs += afterMs;
        const { desired, reason, next } = scale(state, { ...rest, nowMs, draining: 0 }, POLICY);
        const size = rest.running + rest.warming;
        assert.ok(desired >= POLICY.min && desired <= POLICY.max, `${desired}`);
        if (reason === 'scale-out') assert.ok(desired > size && desired - size <= POLICY.maxStepOut);
        if (reason === 'scale-in') assert.ok(desired < size && size - desired <= POLICY.maxStepIn);
        if (!['scale-out', 'scale-in', 'below-min', 'above-max'].includes(reason)) assert.equal(desired, size);
        assert.ok(next.wanted.length <= POLICY.max + 5);
        state = next;
      }
    }),
  );
});

test('the state can be handed over as text', () => {
  const { next } = scale(FRESH, seen(4, 0.9), POLICY);
  assert.deepEqual(scale(next, seen(6, 0.9), POLICY), scale(structuredClone(next), seen(6, 0.9), POLICY));
});
