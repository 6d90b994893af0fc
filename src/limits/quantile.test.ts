import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../testing/seeded-random.ts';
import { QuantileEstimate } from './quantile.ts';

test('nothing is said before a hundred samples are known', () => {
  const estimate = new QuantileEstimate();
  for (let i = 0; i < 99; i++) estimate.add(5);
  assert.equal(estimate.at(0.95), undefined);
  estimate.add(5);
  const said = estimate.at(0.95)!;
  assert.ok(said >= 5 && said <= 5.5, `${said}`);
});

test('quantiles of a spread of times are at most a tenth too high', () => {
  const estimate = new QuantileEstimate();
  const random = seededRandom(3);
  for (let i = 0; i < 20_000; i++) estimate.add(random.unit() * 1000);
  for (const share of [0.5, 0.9, 0.95, 0.99]) {
    const said = estimate.at(share)!;
    assert.ok(said >= share * 960 && said <= share * 1160, `${share}: ${said}`);
  }
});

test('it follows a change within some thousand samples', () => {
  const estimate = new QuantileEstimate();
  for (let i = 0; i < 10_000; i++) estimate.add(10);
  for (let i = 0; i < 10_000; i++) estimate.add(100);
  assert.ok(estimate.at(0.5)! >= 100);
});

test('times beyond every bucket are the last one', () => {
  const estimate = new QuantileEstimate();
  for (let i = 0; i < 200; i++) estimate.add(1e9);
  assert.ok(estimate.at(0.5)! > 30_000);
});
