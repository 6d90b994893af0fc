import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LATENCY_BOUNDS_MS } from '../core/counters.ts';
import { added, difference, judge, NO_SAMPLE, p95, type Sample } from './rollout.ts';

const halt = { errors: 0.02, maxErrors: 0, latency: 1.5, minRequests: 100 };
const config = { to: 'canary', steps: [0.01, 0.5, 1], everyMs: 1000, halt };

/** So many answers within so many ms each. */
function sample(requests: number, failures = 0, ms = 10): Sample {
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound);
  const buckets = NO_SAMPLE.buckets.map((_, i) => (i === bucket ? requests : 0));
  return { requests, failures, buckets };
}
const usual = sample(10_000, 10);
const look = (target: Sample, over: object = {}) => ({
  target,
  others: usual,
  earlier: undefined,
  elapsedMs: 1000,
  ...over,
});

test('as good as the others, it grows when its time has come', () => {
  assert.deepEqual(judge(config, 0, look(sample(100), { elapsedMs: 999 })), { kind: 'wait' });
  assert.deepEqual(judge(config, 0, look(sample(100))), { kind: 'advance' });
  assert.deepEqual(judge(config, 2, look(sample(100))), { kind: 'finish' });
});

test('without enough requests nothing is decided, however long it takes', () => {
  assert.deepEqual(judge(config, 0, look(sample(99, 99), { elapsedMs: 1e9 })), { kind: 'wait' });
});

test('more errors than the others by more than is allowed halt it at once', () => {
  const verdict = judge(config, 0, look(sample(100, 3), { elapsedMs: 1 }));
  assert.deepEqual(verdict, { kind: 'halt', reason: "3 % of its answers are errors, 0.1 % of the others'" });
  assert.deepEqual(judge(config, 0, look(sample(100, 2))), { kind: 'advance' });
  assert.deepEqual(judge(config, 0, look(sample(100, 21), { others: sample(1000, 200) })), { kind: 'advance' });
});

test('a share of errors that is too much whatever the others do', () => {
  const strict = { ...config, halt: { ...halt, errors: 0, maxErrors: 0.1 } };
  assert.equal(judge(strict, 0, look(sample(100, 11), { others: sample(1000, 900) })).kind, 'halt');
  assert.equal(judge(strict, 0, look(sample(100, 10))).kind, 'advance');
});

test('slower than the others by the factor halts it, but not by what nobody notices', () => {
  const slow = judge(config, 0, look(sample(100, 0, 50)));
  assert.deepEqual(slow, { kind: 'halt', reason: "its 95th percentile is 49 ms, the others' 10 ms" });
  assert.equal(judge(config, 0, look(sample(100, 0, 2.5), { others: sample(1000, 0, 1) })).kind, 'advance');
  const never = { ...config, halt: { ...halt, latency: 0 } };
  assert.equal(judge(never, 0, look(sample(100, 0, 1000))).kind, 'advance');
});

test('alone in the end, it is measured by what the others did before', () => {
  const alone = { others: NO_SAMPLE, earlier: sample(1000, 50) };
  assert.equal(judge(config, 2, look(sample(100, 7), alone)).kind, 'finish');
  assert.equal(judge(config, 2, look(sample(100, 8), alone)).kind, 'halt');
  assert.equal(
    judge(config, 2, look(sample(100, 3), { ...alone, earlier: undefined })).kind,
    'halt',
    'nobody to excuse it',
  );
});

test('percentiles lie within their bucket, and samples add up', () => {
  assert.equal(p95(NO_SAMPLE), 0);
  assert.equal(p95(sample(100, 0, 10)), 5 + 5 * 0.95);
  const mixed = added(sample(95, 0, 10), sample(5, 1, 30_000));
  assert.equal(p95(mixed), 10);
  assert.deepEqual(difference(mixed, sample(95, 0, 10)), sample(5, 1, 30_000));
  const beyond = { ...NO_SAMPLE, buckets: NO_SAMPLE.buckets.map((_, i) => (i === LATENCY_BOUNDS_MS.length ? 1 : 0)) };
  assert.equal(p95(beyond), 30_000);
});
