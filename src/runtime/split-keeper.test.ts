import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import { Counters } from '../core/counters.ts';
import type { SplitWeights } from '../routing/split.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { SplitKeeper } from './split-keeper.ts';
import { variantKeys } from './variant-slots.ts';

const POOLS = { web: { endpoints: ['127.0.0.1:1'] }, next: { endpoints: ['127.0.0.1:2'] } };
function configured(rollout: object | null, weight = 10) {
  const variants = { stable: { pool: 'web', weight: 90 }, canary: { pool: 'next', weight } };
  const routes = [{ name: 'shop', split: { variants, ...(rollout === null ? {} : { rollout }) } }];
  const compiled = compile({ listeners: { web: { bind: '127.0.0.1:1', routes } }, pools: POOLS });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

const ROLLOUT = { to: 'canary', steps: ['10%', '50%', '100%'], every: '10s', halt: { minRequests: 10 } };

function setup(rollout: object | null = ROLLOUT) {
  const clock = fakeClock();
  const counters = Counters.local();
  const lines: string[] = [];
  let told: readonly SplitWeights[] = [];
  const say = (line: string): void => void lines.push(line);
  const keeper = new SplitKeeper({
    clock,
    counters: [counters],
    log: { info: say, warn: say },
    onWeights: (weights) => {
      told = weights;
    },
  });
  const apply = (given: object | null = rollout, weight = 10): void => {
    const config = configured(given, weight);
    keeper.applied(config, Object.fromEntries(variantKeys(config).map((key, i) => [key, i])));
  };
  apply();
  return {
    clock,
    keeper,
    lines,
    apply,
    told: () => told.map(({ weights }) => weights),
    answered(variant: 'stable' | 'canary', requests: number, failures = 0, ms = 3): void {
      for (let i = 0; i < requests; i++) counters.variant(variant === 'stable' ? 0 : 1, i < failures, ms);
    },
    rollout: () => keeper.status()[0].rollout,
    shares: () => keeper.status()[0].variants.map(({ share }) => share),
  };
}

test('a good variant grows step by step to the end', () => {
  const { clock, lines, told, answered, rollout, shares } = setup();
  assert.deepEqual(shares(), [0.9, 0.1]);
  assert.deepEqual(told(), [], 'workers know the first step by themselves');
  for (const [i, expected] of [
    [0.5, 0.5],
    [0, 1],
  ].entries()) {
    answered('stable', 100, 1);
    answered('canary', 20);
    clock.advance(8000);
    assert.equal(rollout()?.step, i);
    clock.advance(3000);
    assert.deepEqual(told(), [expected]);
    assert.deepEqual(shares(), expected);
  }
  answered('canary', 20);
  clock.advance(11_000);
  assert.equal(rollout()?.phase, 'done');
  assert.equal(clock.pending, 0, 'nobody watches any more');
  assert.deepEqual(lines, [
    'rollout web/shop: "canary" begins with 10 %',
    'rollout web/shop: "canary" goes on with 50 %',
    'rollout web/shop: "canary" goes on with 100 %',
    'rollout web/shop: "canary" is done',
  ]);
});

test('one that fails is taken back at once, and stays there', () => {
  const { clock, keeper, lines, told, answered, rollout, apply } = setup();
  answered('stable', 100);
  answered('canary', 10, 5);
  clock.advance(1000);
  assert.deepEqual(told(), [[1, 0]]);
  assert.equal(rollout()?.phase, 'halted');
  assert.match(rollout()!.reason, /^50 % of its answers are errors/);
  assert.equal(keeper.halts.get('web/shop'), 1);
  assert.match(lines.at(-1)!, /"canary" was taken back to 0 %: 50 % of its answers/);
  answered('canary', 1000);
  clock.advance(100_000);
  apply();
  assert.deepEqual(told(), [[1, 0]], 'a reload without a change changes nothing');
  assert.equal(rollout()?.phase, 'halted');
  apply({ ...ROLLOUT, steps: ['20%'] });
  assert.deepEqual([told(), rollout()?.phase], [[], 'running'], 'another rollout begins anew');
});

test('what was counted before a step does not count in it', () => {
  const { clock, answered, rollout } = setup();
  answered('stable', 100);
  answered('canary', 20);
  clock.advance(10_000);
  assert.equal(rollout()?.step, 1);
  answered('canary', 9);
  clock.advance(60_000);
  assert.equal(rollout()?.step, 1, 'not enough yet');
  answered('canary', 1);
  clock.advance(1000);
  assert.equal(rollout()?.step, 2);
});

test('weights that an operator sets hold until the configuration says something else', () => {
  const { keeper, told, shares, apply, rollout } = setup(null);
  assert.equal(rollout(), undefined);
  assert.ok(keeper.set('web/shop', { canary: 1, stable: 3 }, 'test').ok);
  assert.deepEqual(told(), [[3, 1]]);
  apply();
  assert.deepEqual(shares(), [0.75, 0.25]);
  apply(null, 30);
  assert.deepEqual([told(), shares()], [[], [90 / 120, 30 / 120]]);
  assert.ok(keeper.set('web/shop', { canary: 1 }, '').ok);
  assert.deepEqual(shares(), [0, 1]);
  assert.ok(keeper.reset('web/shop', '').ok);
  assert.deepEqual(told(), []);
});

test('weights by hand stop a rollout; a reset begins it anew', () => {
  const { clock, keeper, answered, rollout, told } = setup();
  assert.ok(keeper.set('web/shop', { stable: 1 }, 'smells').ok);
  assert.deepEqual([rollout()?.phase, rollout()?.reason], ['stopped', 'smells']);
  answered('canary', 100, 100);
  clock.advance(60_000);
  assert.deepEqual(told(), [[1, 0]]);
  assert.ok(keeper.reset('web/shop', '').ok);
  assert.deepEqual([rollout()?.phase, told()], ['running', []]);
});

test('what makes no sense is refused with a reason', () => {
  const { keeper } = setup();
  for (const [name, weights, reason] of [
    ['web/none', { canary: 1 }, 'there is no split "web/none"'],
    ['web/shop', { beta: 1 }, 'the split "web/shop" has no variant "beta"'],
    ['web/shop', { canary: -1 }, 'a weight is a number from 0 on'],
    ['web/shop', { canary: Number.NaN }, 'a weight is a number from 0 on'],
    ['web/shop', { canary: 0 }, 'at least one variant must have a weight'],
  ] as const) {
    assert.deepEqual(keeper.set(name, weights, ''), { ok: false, error: reason });
  }
});
