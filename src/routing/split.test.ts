import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SplitConfig } from '../config/types.ts';
import { type HeadParts, requestHead, routingFacts } from '../testing/request-head.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { fingerprintOf, LiveWeights, Split, setCookieText, startingWeights, weightsAt } from './split.ts';

const NO_FORCE = { header: {}, cookie: {}, query: {} };
const variants = (weights: Record<string, number>) =>
  Object.entries(weights).map(([name, weight]) => ({ name, pool: name, weight, force: NO_FORCE }));
const config = (weights: Record<string, number>, over: Partial<SplitConfig> = {}): SplitConfig => ({
  by: { from: 'client' },
  variants: variants(weights),
  rollout: undefined,
  ...over,
});

function split(given: SplitConfig, live = new LiveWeights(), name = 'web/r'): Split {
  return new Split({ name, config: given, live, facts: routingFacts(), random: seededRandom(1) });
}
const CLIENTS = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
const places = (one: Split): number[] => CLIENTS.map((client) => one.choose(requestHead({ client })));
const shareOf = (list: readonly number[], place: number): number =>
  list.filter((one) => one === place).length / list.length;

test('weights are shares of clients, and a client keeps its variant', () => {
  const one = split(config({ stable: 95, canary: 5 }));
  const first = places(one);
  assert.ok(Math.abs(shareOf(first, 1) - 0.05) < 0.006, String(shareOf(first, 1)));
  assert.deepEqual(places(one), first);
  assert.deepEqual(places(split(config({ stable: 95, canary: 5 }))), first, 'in every process');
});

test('only the share that must moves, and only to the variant that grew', () => {
  for (const [from, to] of [
    [
      { a: 95, b: 5 },
      { a: 90, b: 10 },
    ],
    [
      { a: 50, b: 30, c: 20 },
      { a: 40, b: 30, c: 30 },
    ],
    [
      { a: 1, b: 1, c: 0 },
      { a: 1, b: 1, c: 1 },
    ],
  ] as const) {
    const before = places(split(config(from)));
    const after = places(split(config(to)));
    const names = Object.keys(from);
    const share = (weights: object, i: number): number => {
      const list = Object.values(weights) as number[];
      return list[i] / list.reduce((all, one) => all + one, 0);
    };
    const grown = names.map((_, i) => Math.max(0, share(to, i) - share(from, i))).reduce((all, one) => all + one, 0);
    const moved = before.filter((place, i) => place !== after[i]).length / before.length;
    assert.ok(moved < grown * 1.4 + 0.005, `${moved} moved, ${grown} had to`);
    for (const [i, place] of after.entries())
      if (place !== before[i]) assert.ok(share(to, place) >= share(from, place), 'nobody moves to who shrank');
  }
});

test('two splits share their clients out independently', () => {
  const one = places(split(config({ a: 1, b: 1 }), undefined, 'web/one'));
  const two = places(split(config({ a: 1, b: 1 }), undefined, 'web/two'));
  const both = one.filter((place, i) => place === two[i]).length / one.length;
  assert.ok(Math.abs(both - 0.5) < 0.02, String(both));
});

test('a weight of nothing gets nobody, but for who is forced there', () => {
  const forced = variants({ stable: 1, canary: 0 });
  forced[1].force = {
    header: { 'x-canary': { kind: 'exact', value: 'true' } },
    cookie: { canary: { kind: 'present' } },
    query: { v: { kind: 'exact', value: '2' } },
  } as never;
  const one = split(config({}, { variants: forced }));
  assert.equal(shareOf(places(one), 1), 0);
  const asks = (parts: HeadParts) => one.choose(requestHead(parts));
  assert.equal(asks({ headers: { 'x-canary': 'true' } }), 1);
  assert.equal(asks({ headers: { 'x-canary': 'false' } }), 0);
  assert.equal(asks({ headers: { cookie: 'canary=1' } }), 1);
  assert.equal(asks({ query: 'v=2' }), 1);
});

test('by header, who has none is told apart by address', () => {
  const one = split(config({ a: 1, b: 1 }, { by: { from: 'header', name: 'x-user' } }));
  const named = CLIENTS.map((client) => one.choose(requestHead({ client, headers: { 'x-user': 'anna' } })));
  assert.equal(new Set(named).size, 1);
  assert.ok(Math.abs(shareOf(places(one), 0) - 0.5) < 0.02);
});

test('by cookie, who has none is given one, and gets the same with it', () => {
  const by = { from: 'cookie', name: 'id', maxAgeSeconds: 3600 } as const;
  const one = split(config({ a: 1, b: 1 }, { by }));
  const ids = new Set<string>();
  const seen = Array.from({ length: 400 }, () => {
    const place = one.choose(requestHead());
    const { issued } = one;
    assert.match(issued, /^[0-9a-f]{32}$/);
    ids.add(issued);
    assert.equal(one.choose(requestHead({ headers: { cookie: `id=${issued}` } })), place);
    assert.equal(one.issued, '', 'who has one keeps it');
    return place;
  });
  assert.equal(ids.size, 400);
  assert.ok(Math.abs(shareOf(seen, 0) - 0.5) < 0.12);
  assert.equal(setCookieText(by, 'x', false), 'id=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax');
  assert.match(setCookieText(by, 'x', true), /; Secure$/);
});

test('weights that were set hold for the configuration that they were set for', () => {
  const live = new LiveWeights();
  const configured = config({ a: 1, b: 0 });
  const one = split(configured, live);
  const changed = split(config({ a: 2, b: 1 }), live);
  live.learn([{ split: 'web/r', configured: fingerprintOf(configured), weights: [0, 1] }]);
  assert.equal(shareOf(places(one), 1), 1);
  assert.ok(Math.abs(shareOf(places(changed), 1) - 1 / 3) < 0.02, 'another configuration of the same name');
  assert.equal(shareOf(places(split(configured, live)), 1), 1, 'a reload without a change');
  live.learn([]);
  assert.equal(shareOf(places(one), 1), 0);
});

test('a rollout begins with its first step, and the others share what is left as they did', () => {
  const halt = { errors: 0.02, maxErrors: 0, latency: 1.5, minRequests: 100 };
  const rollout = { to: 'c', steps: [0.1, 1], everyMs: 1000, halt };
  assert.deepEqual(startingWeights(config({ a: 3, b: 1, c: 50 }, { rollout })), [0.675, 0.225, 0.1]);
  assert.deepEqual(weightsAt(variants({ a: 0, b: 0, c: 1 }), 'c', 0.5), [0.25, 0.25, 0.5]);
  assert.deepEqual(weightsAt(variants({ a: 1, c: 1 }), 'c', 0), [1, 0]);
});
