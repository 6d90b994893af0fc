import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CheckState, initialCheck, isPending, step } from './machine.ts';
import { firstDelay, nextDelay } from './schedule.ts';

const POLICY = { rise: 2, fall: 3 };

function run(results: string, from: CheckState = initialCheck('checking', 0)): { state: CheckState; log: string[] } {
  let state = from;
  const log = results.split('').map((result, i) => {
    const { next, transition } = step(state, { kind: 'probe', ok: result === '+' }, POLICY, i + 1);
    state = next;
    return `${state.verdict}:${transition}`;
  });
  return { state, log };
}

test('the first result decides at once, whichever it is', () => {
  assert.deepEqual(run('+').log, ['up:changed']);
  assert.deepEqual(run('-').log, ['down:changed']);
});

test('one failed probe evicts nobody; `fall` in a row do', () => {
  assert.deepEqual(run('+-').log, ['up:changed', 'up:pending']);
  assert.deepEqual(run('+--+--').log.at(-1), 'up:pending', 'a good one starts the count again');
  assert.deepEqual(run('+---').log.at(-1), 'down:changed');
});

test('`rise` good results in a row bring it back', () => {
  assert.deepEqual(run('-+').log.at(-1), 'down:pending');
  assert.deepEqual(run('-+-+').log.at(-1), 'down:pending');
  assert.deepEqual(run('-++').log.at(-1), 'up:changed');
});

test('a verdict is pending while some results disagree with it', () => {
  assert.equal(isPending(initialCheck('checking', 0)), true);
  assert.equal(isPending(run('+').state), false);
  assert.equal(isPending(run('+-').state), true);
  assert.equal(isPending(run('+---').state), false);
  assert.equal(isPending(run('-+').state), true);
});

test('any series of results: the verdict is that of the last run that was long enough', () => {
  const policies = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 80 }), policies, (results, policy) => {
      let state = initialCheck('checking', 0);
      let expected = results[0] ? 'up' : 'down';
      let streak = 0;
      for (const [i, ok] of results.entries()) {
        streak = i > 0 && results[i - 1] === ok ? streak + 1 : 1;
        if (streak >= (ok ? policy.rise : policy.fall)) expected = ok ? 'up' : 'down';
        const { next, transition } = step(state, { kind: 'probe', ok }, policy, i);
        assert.equal(transition === 'changed', next.verdict !== state.verdict);
        assert.equal(transition === 'pending', next.verdict === state.verdict && isPending(next));
        state = next;
        assert.equal(state.verdict, expected);
        assert.equal(Math.min(state.passes, state.failures), 0);
      }
    }),
  );
});

test('probes are spread: the first within a short while, later ones around the interval, sooner while pending', () => {
  const policy = { intervalMs: 5000, pendingIntervalMs: 1000, jitter: 0.1 };
  const at = (unit: number) => ({ u32: () => 0, unit: () => unit });
  assert.equal(firstDelay(policy, at(0)), 0);
  assert.ok(firstDelay(policy, at(0.999)) < 200);
  assert.equal(nextDelay(policy, false, at(0)), 4500);
  assert.equal(nextDelay(policy, false, at(0.5)), 5000);
  assert.equal(nextDelay(policy, true, at(0.5)), 1000);
  assert.equal(nextDelay({ ...policy, pendingIntervalMs: 60_000 }, true, at(0.5)), 5000, 'pending is never slower');
});
