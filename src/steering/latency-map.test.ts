import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../testing/seeded-random.ts';
import { type LatencyEntry, type LatencyMapOptions, MeasuredLatency } from './latency-map.ts';

const client = (address: string, prefix = address.includes(':') ? 128 : 32) =>
  ({ address, prefix, from: 'ecs' }) as const;
const map = (options?: LatencyMapOptions) => new MeasuredLatency(options);
const MINUTE = 60_000;

test('a report counts for the network of the client, and for its neighbours in the wider one', () => {
  const latency = map();
  assert.equal(latency.scope(client('192.0.2.1')), 0, 'nothing is known of anybody');
  assert.ok(latency.report('192.0.2.1', 'eu', 20, 0));
  assert.ok(latency.report('::ffff:192.0.3.1', 'eu', 40, 0));
  assert.ok(latency.report('2001:db8:1::1', 'eu', 5, 0));
  const find = (address: string, prefix?: number) => latency.find(client(address, prefix), 'eu', 1);
  assert.deepEqual(find('192.0.2.200'), { ms: 20, prefix: 24 });
  assert.deepEqual(find('192.0.3.200'), { ms: 40, prefix: 24 });
  assert.deepEqual(find('192.0.77.1'), { ms: 30, prefix: 16 });
  assert.deepEqual(find('192.0.2.0', 20), { ms: 30, prefix: 16 }, 'of 20 bits the narrow network is a guess');
  assert.equal(find('192.0.0.0', 12), undefined);
  assert.deepEqual(find('2001:db8:1:2::'), { ms: 5, prefix: 48 });
  assert.deepEqual(find('2001:db8:ffff::'), { ms: 5, prefix: 32 });
  assert.equal(find('2001:db9::'), undefined);
  assert.equal(find('nobody'), undefined);
  assert.equal(latency.find(client('192.0.2.1'), 'us', 1), undefined);
  assert.deepEqual(
    [client('192.0.2.1'), client('192.0.0.0', 20), client('10.0.0.0', 8), client('::1')].map((one) =>
      latency.scope(one),
    ),
    [24, 16, 0, 48],
  );
});

test('what is no measurement is none', () => {
  const latency = map();
  for (const ms of [Number.NaN, -1, Number.POSITIVE_INFINITY, 60_001])
    assert.equal(latency.report('192.0.2.1', 'eu', ms, 0), false);
  for (const address of ['', 'x', '192.0.2', '192.0.2.1/24']) assert.equal(latency.report(address, 'eu', 1, 0), false);
  assert.equal(latency.size, 0);
});

test('new reports weigh more the older the value is, and old values expire', () => {
  const latency = map({ halfLifeMs: MINUTE, expiryMs: 10 * MINUTE });
  const at = (now: number) => latency.find(client('192.0.2.1'), 'eu', now)?.ms;
  latency.report('192.0.2.1', 'eu', 100, 0);
  latency.report('192.0.2.1', 'eu', 50, 0);
  assert.equal(at(0), 75);
  // Two reports, a minute old, weigh as one.
  latency.report('192.0.2.1', 'eu', 25, MINUTE);
  assert.equal(at(MINUTE), 50);
  assert.equal(at(11 * MINUTE - 1), 50);
  assert.equal(at(11 * MINUTE), undefined);
  latency.report('192.0.2.1', 'eu', 7, 11 * MINUTE);
  assert.equal(at(11 * MINUTE), 7, 'what has expired does not count');
  assert.equal(latency.size, 2);
  latency.sweep(21 * MINUTE);
  assert.equal(latency.size, 0);
});

test('noise is smoothed, and a change is followed', () => {
  const random = seededRandom(5);
  const latency = map();
  const value = (now: number): number => latency.find(client('192.0.2.1'), 'eu', now)!.ms;
  let now = 0;
  const during = (reports: number, mean: number): number[] =>
    Array.from({ length: reports }, () => {
      now += 5000;
      latency.report('192.0.2.1', 'eu', mean * (0.5 + random.unit()), now);
      return value(now);
    });
  during(50, 40);
  const calm = during(200, 40);
  assert.ok(
    calm.every((ms) => Math.abs(ms - 40) < 14),
    `${Math.min(...calm)}-${Math.max(...calm)}`,
  );
  const followed = during(80, 200).findIndex((ms) => ms > 160);
  assert.ok(followed > 3 && followed < 40, `after ${followed} reports`);
});

test('a flood of networks is bounded: the one reported longest ago makes room', () => {
  const latency = map({ maxNetworks: 100 });
  const address = (i: number): string => `10.${i >> 8}.${i & 255}.1`;
  for (let i = 0; i < 5000; i++) {
    latency.report('192.0.2.1', 'eu', 20, i);
    latency.report(address(i), 'eu', 30, i);
    assert.ok(latency.size <= 100);
  }
  assert.ok(latency.find(client('192.0.2.1'), 'eu', 5000), 'one that is reported often stays');
  assert.ok(latency.find(client(address(4999)), 'eu', 5000));
  assert.equal(latency.find(client(address(10)), 'eu', 5000), undefined);
  for (let i = 0; i < 1000; i++) latency.report('192.0.2.1', `site${i}`, 20, 6000 + i);
  assert.equal([...latency.entries(7000)].filter(({ network }) => network === '4/24/c00002').length, 64);
});

/** What nodes know, without the last digits that a change of clocks costs. */
const known = (node: MeasuredLatency, now: number): string[] =>
  [...node.entries(now)]
    .map(({ network, site, ms, ageMs }) => `${network} ${site} ${ms.toFixed(6)} ${Math.round(ageMs)}`)
    .sort();

test('nodes that tell each other agree, in whatever order and however often, and keep what is newest', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const nodes = [map(), map(), map()];
    let now = 0;
    for (let i = 0; i < 300; i++) {
      now += 1 + Math.floor(random.unit() * 1000);
      const address = `10.${Math.floor(random.unit() * 3)}.${Math.floor(random.unit() * 4)}.9`;
      const node = nodes[Math.floor(random.unit() * 3)];
      node.report(address, random.unit() < 0.5 ? 'eu' : 'us', random.unit() * 100, now);
      if (random.unit() < 0.1) node.merge([...nodes[Math.floor(random.unit() * 3)].entries(now)], now);
    }
    const told = nodes.map((node) => [...node.entries(now)]);
    const order = [0, 1, 2, 1, 0, 2, 2].sort(() => random.unit() - 0.5);
    for (const node of nodes) for (const other of [...order, 0, 1, 2]) node.merge(told[other], now);
    assert.deepEqual(known(nodes[0], now), known(nodes[1], now), `seed ${seed}`);
    assert.deepEqual(known(nodes[1], now), known(nodes[2], now), `seed ${seed}`);
    assert.ok(nodes[0].size > 5);
  }
});

test('what another node tells is checked', () => {
  const latency = map({ expiryMs: 1000 });
  const good: LatencyEntry = { network: '4/24/c00002', site: 'eu', ms: 10, weight: 3, ageMs: 10 };
  const bad: LatencyEntry[] = [
    { ...good, network: '4/24/c0' },
    { ...good, network: '__proto__' },
    { ...good, ms: Number.NaN },
    { ...good, ms: 1e9 },
    { ...good, weight: 0 },
    { ...good, ageMs: -5 },
    { ...good, ageMs: 1000 },
  ];
  latency.merge(bad, 5000);
  assert.equal(latency.size, 0);
  latency.merge([{ ...good, weight: 1e9 }], 5000);
  assert.deepEqual([...latency.entries(5000)], [{ ...good, weight: 16 }]);
  assert.deepEqual(latency.find(client('192.0.2.1'), 'eu', 5000), { ms: 10, prefix: 24 });
  latency.merge([{ ...good, ms: 99, ageMs: 500 }], 5000);
  assert.equal(latency.find(client('192.0.2.1'), 'eu', 5000)?.ms, 10, 'older than what is known');
});

test('what was reported since is told without the rest', () => {
  const latency = map();
  latency.report('192.0.2.1', 'eu', 10, 0);
  latency.report('198.51.100.1', 'eu', 20, 5000);
  latency.report('192.0.2.1', 'us', 30, 5000);
  const told = [...latency.entries(5000, 0)].map(({ network, site, ms }) => `${network} ${site} ${ms}`);
  assert.deepEqual(told.sort(), ['4/16/c000 us 30', '4/16/c633 eu 20', '4/24/c00002 us 30', '4/24/c63364 eu 20']);
});
