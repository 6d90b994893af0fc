import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conforms, take } from './gcra.ts';

test('the rate holds over any time, and a tenth of a second of it may come at once', () => {
  for (const rate of [1, 7, 100, 5000]) {
    const cells = new Int32Array(1);
    let taken = 0;
    for (let now = 5_000; now < 15_000; now += 0.1) if (take(cells, 0, rate, now)) taken++;
    const expected = rate * 10;
    assert.ok(taken >= expected && taken <= expected + Math.max(1, rate / 10), `${rate}/s: ${taken} in ten seconds`);
    const fresh = new Int32Array(1);
    let atOnce = 0;
    while (take(fresh, 0, rate, 5_000)) atOnce++;
    assert.equal(atOnce, Math.max(1, Math.floor(rate / 10)), `${rate}/s at once`);
  }
});

test('asking takes nothing and tells what taking would do', () => {
  const cells = new Int32Array(1);
  for (let now = 0; now < 3000; now += 13) {
    const may = conforms(cells, 0, 10, now);
    assert.equal(conforms(cells, 0, 10, now), may);
    assert.equal(take(cells, 0, 10, now), may);
  }
});

test('a cell that was not used for hours, or held something else, is fresh', () => {
  for (const stale of [1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    const cells = Int32Array.of(stale);
    let taken = 0;
    for (let now = 7.2e6; now < 7.2e6 + 4000; now += 1) if (take(cells, 0, 10, now)) taken++;
    assert.ok(taken >= 30 && taken <= 42, `${stale}: ${taken}`);
  }
});
