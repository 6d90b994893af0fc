import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LATENCY_BOUNDS_MS, type Live, type LiveEndpoint } from '../runtime/facade.ts';
import { sampleOf } from './live.ts';
import { percentile } from './percentile.ts';
import { TickRows } from './tick-rows.ts';

const none = [...LATENCY_BOUNDS_MS, 0].map(() => 0);
const counted = (bucket: number, count: number): number[] => none.map((_, i) => (i === bucket ? count : 0));

function live(at: number, endpoints: readonly Partial<LiveEndpoint>[]): Live {
  const full = endpoints.map((one, i): LiveEndpoint => {
    const base = { state: 'up' as const, weight: 1, inFlight: 0, streams: 0, requests: 0, failures: 0 };
    const rest = { status4xx: 0, status5xx: 0, bytesIn: 0, bytesOut: 0, latency: none };
    return { id: `api/${i}`, pool: 'api', ...base, ...rest, ...one };
  });
  const pool = { name: 'api', mode: 'normal', retries: 0, queued: 0, queueMs: 0, latency: none };
  const requests = full.reduce((all, one) => all + one.requests, 0);
  return { at, listeners: [], routes: [], pools: [{ ...pool, requests }], endpoints: full };
}

test('rates, shares, errors and percentiles are of the time between two looks', () => {
  const before = live(1000, [{ requests: 100, status5xx: 50, latency: counted(3, 100) }, { requests: 10 }]);
  const now = live(3000, [
    { requests: 160, status5xx: 53, failures: 3, latency: counted(3, 160) },
    { requests: 30, inFlight: 2 },
  ]);
  const sample = sampleOf(before, now);
  const [slow, other] = sample.endpoints;
  assert.deepEqual([slow.rate, slow.errors, slow.share], [30, 0.1, 0.75]);
  assert.ok(slow.p50! > 2.5 && slow.p95! <= 5, 'within the bucket');
  assert.deepEqual([other.rate, other.p50, other.inFlight], [10, undefined, 2]);
  assert.deepEqual([sample.pools[0].rate, sample.pools[0].errors, sample.pools[0].inFlight], [40, 6 / 80, 2]);
});

test('a row that went to somebody else begins at nothing', () => {
  const sample = sampleOf(live(0, [{ requests: 1000 }]), live(1000, [{ requests: 5 }]));
  assert.equal(sample.endpoints[0].rate, 5);
});

test('percentiles lie evenly within their bucket, and end at the last bound', () => {
  const bounds = [10, 20];
  assert.equal(percentile([0, 0, 0], bounds, 0.5), undefined);
  assert.equal(percentile([10, 0, 0], bounds, 0.5), 5);
  assert.equal(percentile([5, 5, 0], bounds, 0.75), 15);
  assert.equal(percentile([0, 0, 7], bounds, 0.99), 20);
  assert.equal(percentile([0, 4, 0], bounds, 1), 20);
});

test('a listener is sent rows that changed, and all of them after the structure did', () => {
  const rows = new TickRows();
  const sample = sampleOf(live(0, [{}, {}]), live(1000, [{ requests: 3 }, {}]));
  assert.equal(rows.of(sample).endpoints.length, 2);
  assert.equal(rows.of(sample).endpoints.length, 0);
  const later = sampleOf(live(0, [{}, {}]), live(1000, [{ requests: 4 }, {}]));
  assert.deepEqual(
    rows.of(later).endpoints.map(([id]) => id),
    ['api/0'],
  );
  rows.forget();
  assert.equal(rows.of(later).endpoints.length, 2);
});
