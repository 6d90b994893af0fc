import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LoadTable, STATE } from '../core/load-table.ts';
import { warmShare } from './slow-start.ts';
import { buildView, type PoolEndpoint, type ViewConfig } from './view.ts';

const UP = STATE.used | STATE.up;
const CHECKING = STATE.used | STATE.checking;
const DOWN = STATE.used;
const CONFIG: ViewConfig = { slowStart: undefined, panic: undefined, zones: 'prefer-own' };

interface Case {
  readonly state: number;
  readonly tier?: number;
  readonly zone?: string;
  readonly weight?: number;
  readonly maxInFlight?: number;
}

function view(
  cases: readonly Case[],
  config: Partial<ViewConfig> = {},
  zone = '',
  now = 0,
  load = LoadTable.local(16),
) {
  const endpoints: PoolEndpoint[] = cases.map((c, slot) => {
    load.state[slot] = c.state;
    const { tier = 0, weight = 1, maxInFlight = 0 } = c;
    const address = { host: '10.0.0.1', port: slot + 1 };
    return { id: `p/${slot}`, address, weight, tier, zone: c.zone ?? '', slot, maxInFlight, maxRate: 0 };
  });
  const built = buildView(endpoints, load, { ...CONFIG, ...config }, zone, now, 7);
  return { ...built, slots: built.endpoints.map((endpoint) => endpoint.slot) };
}

test('what is up is picked; down, drained, maintained, unused and weightless endpoints are not', () => {
  const out = [DOWN, UP | STATE.draining, UP | STATE.maintenance, STATE.up].map((state) => ({ state }));
  const { slots, mode, version } = view([{ state: UP }, ...out, { state: UP, weight: 0 }, { state: UP }]);
  assert.deepEqual([slots, mode, version], [[0, 6], 'normal', 7]);
});

test('endpoints still being checked are served as long as nobody is up', () => {
  assert.deepEqual(view([{ state: CHECKING }, { state: CHECKING }]).slots, [0, 1]);
  assert.deepEqual(view([{ state: CHECKING }, { state: DOWN }]).slots, [0]);
  assert.deepEqual(view([{ state: CHECKING }, { state: UP }]).slots, [1]);
});

test('the lowest tier with anything usable wins, and the mode tells a backup from the first choice', () => {
  const tiers = (first: number) => view([{ state: first }, { state: UP, tier: 1 }, { state: UP, tier: 2 }]);
  assert.deepEqual([tiers(UP).slots, tiers(UP).mode], [[0], 'normal']);
  assert.deepEqual([tiers(DOWN).slots, tiers(DOWN).mode], [[1], 'fallback-tier']);
  assert.equal(view([{ state: UP, tier: 3 }]).mode, 'normal', 'the lowest configured tier need not be 0');
});

test('the own zone is preferred as long as it has something usable, within the tier', () => {
  const zones = (own: number) => [
    { state: own, zone: 'a' },
    { state: UP, zone: 'b' },
    { state: UP, zone: 'a', tier: 1 },
  ];
  assert.deepEqual(view(zones(UP), {}, 'a').slots, [0]);
  assert.deepEqual(view(zones(DOWN), {}, 'a').slots, [1]);
  assert.deepEqual(view(zones(UP), {}, 'c').slots, [0, 1]);
  assert.deepEqual(view(zones(UP), {}, '').slots, [0, 1]);
  assert.deepEqual(view(zones(UP), { zones: 'ignore' }, 'a').slots, [0, 1]);
});

test('nothing usable is an empty view', () => {
  assert.equal(view([{ state: DOWN }]).mode, 'empty');
  assert.equal(view([]).mode, 'empty');
});

test('panic, where it is wanted, uses everything that no operator took out', () => {
  const cases = [{ state: UP }, { state: DOWN }, { state: DOWN }, { state: DOWN | STATE.maintenance }];
  assert.deepEqual([view(cases).slots, view(cases).mode], [[0], 'normal'], 'it is opt-in');
  const panic = view(cases, { panic: { below: 0.5 } });
  assert.deepEqual([panic.slots, panic.mode], [[0, 1, 2], 'panic']);
  assert.equal(view(cases, { panic: { below: 0.3 } }).mode, 'normal');
  const starting = [{ state: CHECKING }, { state: CHECKING }];
  assert.equal(view(starting, { panic: { below: 0.5 } }).mode, 'normal', 'not knowing yet is no reason to panic');
});

test('a warming endpoint gets less weight on a copy; the endpoint itself is untouched', () => {
  const load = LoadTable.local(16);
  load.upSince[0] = 1000;
  const slowStart = { windowMs: 10_000, aggression: 1 };
  const at = (now: number) => view([{ state: UP, weight: 4 }, { state: UP }], { slowStart }, '', now, load);
  assert.deepEqual(
    [1000, 1500, 6000, 11_000].map((now) => at(now).endpoints[0].weight),
    [0.4, 0.4, 2, 4],
  );
  assert.equal(at(2000).endpoints[1].weight, 1);
});

test('the share of a warming endpoint only grows, from the floor to the whole', () => {
  const times = fc.tuple(fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 0, max: 2, noNaN: true }));
  fc.assert(
    fc.property(times, fc.double({ min: 0.2, max: 5, noNaN: true }), ([a, b], aggression) => {
      const share = (t: number) => warmShare({ windowMs: 1000, aggression }, 500, 500 + t * 1000);
      const [early, late] = [share(Math.min(a, b)), share(Math.max(a, b))];
      assert.ok(early >= 0.1 && early <= late && late <= 1);
    }),
  );
  assert.equal(warmShare({ windowMs: 1000, aggression: 2 }, 500, 750), 0.5);
});
