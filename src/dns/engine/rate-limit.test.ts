import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit, type Verdict } from './rate-limit.ts';

const limit = (slip = 2): RateLimit => new RateLimit({ responses: 100, slip, exempt: ['127.0.0.0/8'] }, 7);

function count(rate: RateLimit, address: string, kind: number, times: number, now: number): Record<Verdict, number> {
  const counts = { send: 0, slip: 0, drop: 0 };
  for (let i = 0; i < times; i++) counts[rate.check(address, kind, now)]++;
  return counts;
}

test('sends the rate, then slips every n-th and drops the rest', () => {
  assert.deepEqual(count(limit(), '192.0.2.1', 1, 300, 1000), { send: 100, slip: 100, drop: 100 });
  assert.deepEqual(count(limit(0), '192.0.2.1', 1, 300, 1000), { send: 100, slip: 0, drop: 200 });
  assert.deepEqual(count(limit(1), '192.0.2.1', 1, 300, 1000), { send: 100, slip: 200, drop: 0 });
});

test('a network is limited as one, others and other kinds of answers are not touched', () => {
  const rate = limit();
  for (let host = 1; host <= 100; host++) rate.check(`192.0.2.${host}`, 1, 1000);
  assert.notEqual(rate.check('192.0.2.200', 1, 1000), 'send');
  assert.equal(rate.check('192.0.3.200', 1, 1000), 'send');
  assert.equal(rate.check('192.0.2.200', 2, 1000), 'send');
  assert.equal(count(rate, '2001:db8:0:1::1', 1, 100, 1000).send, 100);
  assert.notEqual(rate.check('2001:db8:0:ff::2', 1, 1000), 'send', 'the same /56');
  assert.equal(rate.check('2001:db8:0:100::2', 1, 1000), 'send', 'another /56');
});

test('recovers at the rate', () => {
  const rate = limit();
  count(rate, '192.0.2.1', 1, 1000, 1000);
  assert.equal(count(rate, '192.0.2.1', 1, 1000, 1100).send, 10);
  assert.equal(count(rate, '192.0.2.1', 1, 1000, 60_000).send, 100);
});

test('exempt networks are never limited', () => {
  assert.equal(count(limit(), '127.0.0.1', 1, 1000, 1000).send, 1000);
});
