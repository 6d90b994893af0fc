import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLOSED, type OutlierEvent, type OutlierState, stepOutlier } from './outlier.ts';

const POLICY = { failures: 3, windowMs: 30_000, ejectMs: 30_000, maxEjectMs: 100_000 };
const RISE = 2;
const probe = (ok: boolean): OutlierEvent => ({ kind: 'probe', ok, rise: RISE });
const fail = (count = 1, mayEject = true): OutlierEvent => ({ kind: 'failures', count, mayEject });

function run(steps: readonly (readonly [number, OutlierEvent])[], from: OutlierState = CLOSED): OutlierState {
  return steps.reduce((state, [now, event]) => stepOutlier(state, event, POLICY, now).next, from);
}

test('failures within the window eject, older ones do not count: the window slides', () => {
  assert.equal(
    run([
      [0, fail()],
      [10_000, fail()],
      [29_999, fail()],
    ]).phase,
    'ejected',
  );
  assert.equal(
    run([
      [0, fail()],
      [10_000, fail()],
      [30_000, fail()],
    ]).phase,
    'closed',
  );
  assert.equal(
    run([
      [0, fail()],
      [20_000, fail()],
      [40_000, fail()],
      [45_000, fail()],
    ]).phase,
    'ejected',
  );
});

test('after its time comes a trial; one success ends it, a failure ejects for longer, up to the maximum', () => {
  let state = run([[0, fail(3)]]);
  assert.equal(state.until, 30_000);
  assert.equal(run([[29_999, { kind: 'tick' }]], state).phase, 'ejected');
  state = run([[30_000, { kind: 'tick' }]], state);
  assert.equal(state.phase, 'trial');
  assert.equal(run([[30_500, { kind: 'trial-success' }]], state).phase, 'closed');
  state = run([[31_000, fail()]], state);
  assert.deepEqual([state.phase, state.until - 31_000], ['ejected', 60_000]);
  for (const expected of [90_000, 100_000, 100_000]) {
    state = run([[state.until, { kind: 'tick' }]], state);
    const now = state.until + 1;
    state = run([[now, fail()]], state);
    assert.equal(state.until - now, expected);
  }
});

test('each healthy period takes one off the count of ejections', () => {
  const back = run([
    [0, fail(3)],
    [30_000, { kind: 'tick' }],
    [30_000, fail()],
    [90_000, { kind: 'tick' }],
  ]);
  const closed = run([[90_000, { kind: 'trial-success' }]], back);
  assert.equal(closed.ejections, 2);
  assert.equal(run([[91_000, fail(3)]], closed).ejections, 3);
  assert.equal(run([[121_000, fail(3)]], closed).ejections, 2);
  assert.equal(run([[990_000, fail(3)]], closed).ejections, 1);
});

test('what the pool cannot spare is not ejected, but stays suspect', () => {
  const suspect = run([[0, fail(5, false)]]);
  assert.equal(suspect.phase, 'closed');
  assert.equal(run([[1, fail()]], suspect).phase, 'ejected', 'the next failure is enough once the pool can spare it');
});

test('failures of requests from before the ejection change nothing', () => {
  const ejected = run([[0, fail(3)]]);
  assert.equal(run([[5, fail(10)]], ejected), ejected);
});

test('a released endpoint goes on trial at once', () => {
  assert.equal(
    run([
      [0, fail(3)],
      [1, { kind: 'release' }],
    ]).phase,
    'trial',
  );
  assert.equal(run([[0, { kind: 'release' }]]), CLOSED);
});

test('rise × n good probes in a row put it on trial at once; a bad one starts the count again', () => {
  let state = run([[0, fail(3)]]);
  state = run(
    [
      [1, probe(true)],
      [2, probe(false)],
      [3, probe(true)],
    ],
    state,
  );
  assert.equal(state.phase, 'ejected');
  state = run([[4, probe(true)]], state);
  assert.equal(state.phase, 'trial');
  for (const ejections of [2, 3, 4]) {
    state = run([[5, fail()]], state);
    assert.deepEqual([state.phase, state.ejections, state.passes], ['ejected', ejections, 0]);
    for (let i = 1; i < RISE * ejections; i++) state = run([[6, probe(true)]], state);
    assert.equal(state.phase, 'ejected', 'one short of enough');
    state = run([[7, probe(true)]], state);
    assert.equal(state.phase, 'trial', 'probes that pass while traffic fails count less and less');
  }
});

test('probes say nothing about an endpoint that is not ejected', () => {
  assert.equal(run([[0, probe(true)]]), CLOSED);
  const trial = run([
    [0, fail(3)],
    [1, { kind: 'release' }],
  ]);
  assert.equal(run([[2, probe(false)]], trial), trial);
});

test('any series of events: never ejected with fewer failures in the window, and memory stays bounded', () => {
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('failures' as const),
      count: fc.integer({ min: 0, max: 4 }),
      mayEject: fc.boolean(),
    }),
    fc.record({ kind: fc.constantFrom('trial-success' as const, 'tick' as const, 'release' as const) }),
    fc.boolean().map(probe),
  );
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), event), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (series) => {
      let state = CLOSED;
      let now = 0;
      let failures: number[] = [];
      for (const [wait, next] of series) {
        now += wait;
        const before = state;
        state = stepOutlier(state, next, POLICY, now).next;
        if (state.phase !== before.phase)
          assert.ok(legal(before.phase, state.phase), `${before.phase} → ${state.phase}`);
        if (next.kind === 'failures' && before.phase === 'closed') {
          failures.push(...Array.from({ length: next.count }, () => now));
          const recent = failures.filter((at) => at > now - POLICY.windowMs).length;
          const expected = next.count > 0 && next.mayEject && recent >= POLICY.failures;
          assert.equal(state.phase === 'ejected', expected);
        }
        if (state.phase !== 'closed') failures = [];
        assert.ok(state.recent.length <= POLICY.failures);
        assert.ok(state.passes < RISE * Math.max(1, state.ejections));
        if (state.phase === 'ejected') assert.ok(state.until <= now + POLICY.maxEjectMs);
      }
    }),
  );
});

function legal(from: string, to: string): boolean {
  return ['closed→ejected', 'ejected→trial', 'trial→closed', 'trial→ejected'].includes(`${from}→${to}`);
}
