// Adaptive limits against a simulated endpoint: it works on so many requests at once, and the others wait inside it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GradientState, initialGradient, stepGradient } from './gradient.ts';

const CONFIG = { min: 4, max: 1000, start: 20, tolerance: 1.5 };

interface Server {
  /** Requests it works on at once. */
  readonly places: number;
  readonly serviceMs: number;
}

/** Clients that want `demand` at once for so many windows of half a second; returns the limits. */
function run(state: GradientState, server: Server, demand: number, windows: number): GradientState {
  let now = state;
  for (let i = 0; i < windows; i++) {
    const inFlight = Math.min(demand, Math.floor(now.limit));
    const meanMs = server.serviceMs * Math.max(1, inFlight / server.places);
    now = stepGradient(now, { answers: Math.round((inFlight * 500) / meanMs), meanMs, peak: inFlight }, CONFIG);
  }
  return now;
}

test('under more load than it can take, the limit settles not far above what it works on at once', () => {
  const settled = run(initialGradient(CONFIG), { places: 50, serviceMs: 20 }, 10_000, 200);
  assert.ok(settled.limit >= 50 && settled.limit <= 150, `${settled.limit}`);
});

test('when it becomes slower by half its places, the limit comes down; when it recovers, so does the limit', () => {
  const before = run(initialGradient(CONFIG), { places: 100, serviceMs: 10 }, 10_000, 200);
  const slow = run(before, { places: 25, serviceMs: 40 }, 10_000, 20);
  assert.ok(slow.limit < before.limit / 2, `${before.limit} to ${slow.limit}`);
  const after = run(slow, { places: 100, serviceMs: 10 }, 10_000, 100);
  assert.ok(after.limit > before.limit * 0.7, `${slow.limit} to ${after.limit}`);
});

test('a limit that is not used does not grow', () => {
  const settled = run(initialGradient(CONFIG), { places: 50, serviceMs: 20 }, 5, 500);
  assert.ok(settled.limit <= 21, `${settled.limit}`);
});

test('never below min and never above max', () => {
  const low = run(initialGradient(CONFIG), { places: 100, serviceMs: 10 }, 10_000, 50);
  const stuck = run(low, { places: 1, serviceMs: 1000 }, 10_000, 200);
  assert.ok(stuck.limit >= 4, `${stuck.limit}`);
  const most = run(initialGradient(CONFIG), { places: 1e9, serviceMs: 1 }, 1e9, 2000);
  assert.equal(most.limit, 1000);
});

test('few answers change nothing', () => {
  const state = initialGradient(CONFIG);
  assert.equal(stepGradient(state, { answers: 9, meanMs: 1e6, peak: 20 }, CONFIG), state);
  assert.equal(stepGradient(state, { answers: 0, meanMs: 0, peak: 20 }, CONFIG), state);
});
