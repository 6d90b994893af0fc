// Autoscaling against a simple model of servers: load comes, instances work on it and no faster than they can, what they cannot do
// waits, new ones take a while to start. No oscillation: on a step, a ramp, noise and bursts, whatever the seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRESH, type ScalingPolicy, scale } from '../../src/autoscale/target-tracking.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const SECOND = 1000;
const PERIOD_S = 15;
/** Requests a second that one instance can do. */
const CAPACITY = 100;
/** Of a client's patience, in seconds of work: what waits longer is given up. */
const MOST_WAITING_S = 10;

const POLICY: ScalingPolicy = {
  metric: 'cpu',
  target: 0.6,
  min: 1,
  max: 50,
  toleranceOut: 0.1,
  toleranceIn: 0.2,
  maxStepOut: 10,
  maxStepIn: 5,
  cooldownOutMs: 0,
  cooldownInMs: 60 * SECOND,
  warmUpMs: 60 * SECOND,
  stabilisationMs: 300 * SECOND,
};

interface Run {
  readonly policy?: ScalingPolicy;
  readonly seconds: number;
  readonly instances: number;
  /** Requests a second, at a second. */
  readonly load: (second: number) => number;
  /** Factor on what is measured. */
  readonly noise?: () => number;
  readonly startS?: number;
  readonly drainS?: number;
}

interface Event {
  readonly second: number;
  readonly from: number;
  readonly to: number;
}

interface Seen {
  readonly events: readonly Event[];
  /** At each second: instances that are there or come. */
  readonly sizes: readonly number[];
  readonly waiting: number;
}

function simulate({ policy = POLICY, seconds, instances, load, noise, startS = 30, drainS = 20 }: Run): Seen {
  let state = FRESH;
  let running = instances;
  let starting: number[] = [];
  let draining: number[] = [];
  let waiting = 0;
  let busy = 0;
  const events: Event[] = [];
  const sizes: number[] = [];
  for (let second = 0; second < seconds; second++) {
    running += starting.filter((at) => at <= second).length;
    starting = starting.filter((at) => at > second);
    draining = draining.filter((at) => at > second);
    const able = running * CAPACITY;
    const wanted = waiting + load(second);
    const done = Math.min(able, wanted);
    waiting = Math.min(wanted - done, able * MOST_WAITING_S);
    busy += able === 0 ? 0 : done / able;
    if (second % PERIOD_S === PERIOD_S - 1) {
      const metric = Math.min(1, (busy / PERIOD_S) * (noise?.() ?? 1));
      busy = 0;
      const size = running + starting.length;
      const observation = { running, warming: starting.length, draining: draining.length, metric };
      const { next, desired } = scale(state, { ...observation, nowMs: second * SECOND }, policy);
      state = next;
      for (let i = size; i < desired; i++) starting.push(second + startS);
      for (let i = desired; i < size; i++) {
        running--;
        draining.push(second + drainS);
      }
      if (desired !== size) events.push({ second, from: size, to: desired });
    }
    sizes.push(running + starting.length);
  }
  return { events, sizes, waiting };
}

const needed = (load: number): number => Math.ceil(load / CAPACITY / POLICY.target);
const turns = ({ events }: Seen): number => {
  const ways = events.map(({ from, to }) => Math.sign(to - from));
  return ways.filter((way, i) => i > 0 && way !== ways[i - 1]).length;
};
const after = ({ events }: Seen, second: number): readonly Event[] => events.filter((event) => event.second > second);
const HOUR = 3600;

for (const startS of [1, 30, 120, 300]) {
  test(`a step to four times the load, with instances that take ${startS} s to start: up, at most one way back, and still`, () => {
    const load = (second: number): number => (second < 600 ? 300 : 1200);
    const policy = { ...POLICY, warmUpMs: Math.max(60, startS) * SECOND };
    const run = simulate({ seconds: 3 * HOUR, instances: 5, load, startS, policy });
    assert.ok(turns(run) <= 1, JSON.stringify(run.events));
    assert.deepEqual(after(run, 600 + 10 * (startS + PERIOD_S) + 600), [], 'settled');
    const last = run.sizes.at(-1)!;
    // Within the tolerance of the target.
    assert.ok(last >= needed(1200 / 1.1) && last <= needed(1200 / 0.8), `${last} of ${needed(1200)}`);
    // While they work off what waited, all are busy, and how much too few they are nobody can see.
    const most = Math.max(...run.sizes);
    assert.ok(most <= Math.ceil((needed(1200) + 1) / POLICY.target), `at most ${most}`);
    assert.equal(run.waiting, 0);
  });
}

test('a step up begins within one period', () => {
  const run = simulate({ seconds: 1200, instances: 5, load: (second) => (second < 600 ? 300 : 1200) });
  assert.ok(run.events[0].second <= 600 + PERIOD_S, JSON.stringify(run.events[0]));
});

test('a step down: nobody leaves before the window is over, then down in one way, and still', () => {
  const run = simulate({ seconds: 3 * HOUR, instances: 20, load: (second) => (second < 600 ? 1200 : 240) });
  const [first] = after(run, 600);
  assert.ok(first.second - 600 >= 285 && first.second - 600 <= 330, `${first.second}`);
  assert.equal(turns(run), 0);
  assert.deepEqual(after(run, HOUR), []);
  assert.ok(Math.abs(run.sizes.at(-1)! - needed(240)) <= 1, `${run.sizes.at(-1)}`);
});

test('a ramp up and down again: one turn, and never much too few', () => {
  const load = (second: number): number => {
    if (second < HOUR) return 300 + (1500 * second) / HOUR;
    return Math.max(300, 1800 - (1500 * (second - HOUR)) / HOUR);
  };
  const run = simulate({ seconds: 4 * HOUR, instances: 5, load });
  assert.ok(turns(run) <= 1, JSON.stringify(run.events));
  const short = run.sizes.filter((size, second) => size * CAPACITY < load(second)).length;
  assert.equal(short, 0, 'seconds in which they could not do it');
  assert.deepEqual(after(run, 3 * HOUR), []);
});

test('noise of ±15 % on any load, with any seed: nothing happens once it has settled', () => {
  const noisy: unknown[] = [];
  let runs = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const load = 60 + random.unit() * 2500;
    const noise = (): number => 0.85 + 0.3 * random.unit();
    const run = simulate({ seconds: 6 * HOUR, instances: needed(load), load: () => load, noise });
    runs++;
    const late = after(run, HOUR);
    if (late.length > 0) noisy.push({ seed, load, late });
  }
  assert.equal(runs, 40);
  assert.deepEqual(noisy, []);
});

test('of many noisy loads some lie where luck decides: they move once, late, and never back', () => {
  let late = 0;
  for (let seed = 41; seed <= 340; seed++) {
    const random = seededRandom(seed);
    const load = 60 + random.unit() * 2500;
    const noise = (): number => 0.85 + 0.3 * random.unit();
    const run = simulate({ seconds: 6 * HOUR, instances: needed(load), load: () => load, noise });
    const events = after(run, HOUR);
    assert.ok(events.length <= 1, `seed ${seed}: ${JSON.stringify(events)}`);
    late += events.length;
  }
  assert.ok(late <= 6, `${late} of 300`);
});

test('a daily curve with noise: turns with the day and not with the noise', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed);
    const noise = (): number => 0.9 + 0.2 * random.unit();
    const load = (second: number): number => 900 + 700 * Math.sin((2 * Math.PI * second) / (24 * HOUR));
    const run = simulate({ seconds: 48 * HOUR, instances: needed(900), load, noise });
    assert.ok(turns(run) <= 6, `seed ${seed}: ${turns(run)} turns in two days`);
  }
});

test('a burst of a minute every ten: instances stay between bursts while the window remembers them', () => {
  const policy = { ...POLICY, stabilisationMs: 900 * SECOND };
  const run = simulate({
    policy,
    seconds: 4 * HOUR,
    instances: 3,
    load: (second) => (second % 600 < 60 ? 900 : 150),
  });
  assert.deepEqual(after(run, HOUR), [], 'no breathing with the bursts');
});

test('any constant load, any start, any time to start: still in the end, with at most two turns on the way', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 2800, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0.3, max: 0.8, noNaN: true }),
      (load, instances, startS, target) => {
        const policy = { ...POLICY, target, warmUpMs: Math.max(60, startS) * SECOND, max: 120 };
        const run = simulate({ policy, seconds: 4 * HOUR, instances, startS, load: () => load });
        assert.deepEqual(after(run, 3 * HOUR), []);
        assert.ok(turns(run) <= 2, JSON.stringify(run.events));
        assert.equal(run.waiting, 0);
      },
    ),
    { numRuns: 60, seed: 7 },
  );
});
