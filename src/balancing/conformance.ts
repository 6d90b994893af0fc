// Owns the invariants that every balancing kind must keep, as plain functions without a test runner, so that users run them
// on their own algorithms in whatever runner they have. Exported as `evenkeel/conformance`. Never reads real time or chance.

import type { Endpoint } from '../core/endpoint.ts';
import { defaultsOf } from '../core/schema.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { createWorld, endpointsOf, requestFor, viewOf, type World } from './world.ts';

export { createWorld, endpointsOf, requestFor, viewOf, type World };

/**
 * - empty: an empty view gives undefined.
 * - excluded: an excluded endpoint is never given, whatever the load.
 * - exhausted: undefined if and only if every endpoint is excluded.
 * - repeatable: the same seed and view give the same sequence.
 * - weights: shares follow the weights (skip it for kinds that look at something else).
 * - fractional: weights below 1, as slow start produces them, are served and do not break anything.
 * - rebuild: building with `previous` works through a series of views, including an empty one.
 * - removed: after a rebuild only endpoints of the new view are given, as the new view's objects.
 * - sticky: for kinds that need a key, the same key gives the same endpoint while nothing else changes.
 */
export type CheckName =
  | 'empty'
  | 'excluded'
  | 'exhausted'
  | 'repeatable'
  | 'weights'
  | 'fractional'
  | 'rebuild'
  | 'removed'
  | 'sticky';

export interface Violation {
  readonly check: CheckName;
  /** What happened, for a person. */
  readonly detail: string;
}

export interface ConformanceOptions<C> {
  /** The kind's options; its defaults when left out. */
  readonly config?: C;
  readonly skip?: readonly CheckName[];
  /** Largest relative deviation of a share from its weight's. Default 0.15. */
  readonly tolerance?: number;
  /** Picks per check. Default 2000. */
  readonly picks?: number;
}

type Report = (detail: string) => void;

interface Trial {
  readonly picks: number;
  readonly tolerance: number;
  build(world: World, endpoints: readonly Endpoint[], previous?: Balancer): Balancer;
}

/** Every property of the kind that does not hold; empty when all do. An exception inside the kind is a violation too. */
export function checkBalancer<C>(kind: BalancerKind<C>, options: ConformanceOptions<C> = {}): readonly Violation[] {
  const config = options.config ?? defaultsOf(kind.schema);
  const trial: Trial = {
    picks: options.picks ?? 2000,
    tolerance: options.tolerance ?? 0.15,
    build: (world, endpoints, previous) => kind.build(viewOf(endpoints), config, world.env, previous),
  };
  const violations: Violation[] = [];
  for (const [check, run] of Object.entries(CHECKS) as [CheckName, (trial: Trial, report: Report) => void][]) {
    if (options.skip?.includes(check) || (check === 'sticky' && kind.needs !== 'key')) continue;
    const report = (detail: string): void => {
      violations.push({ check, detail });
    };
    try {
      run(trial, report);
    } catch (error) {
      report(`threw ${String(error)}`);
    }
  }
  return violations;
}

/** Throws one Error that lists every violated property. */
export function assertBalancer<C>(kind: BalancerKind<C>, options: ConformanceOptions<C> = {}): void {
  const violations = checkBalancer(kind, options);
  if (violations.length === 0) return;
  const lines = violations.map(({ check, detail }) => `  ${check}: ${detail}`);
  throw new Error(`the balancing kind "${kind.name}" does not conform:\n${lines.join('\n')}`);
}

const CHECKS: Readonly<Record<CheckName, (trial: Trial, report: Report) => void>> = {
  empty(trial, report) {
    const world = createWorld();
    const balancer = trial.build(world, []);
    for (const excluded of [undefined, new Set<string>()]) {
      const picked = balancer.pick(requestFor('key', excluded));
      if (picked !== undefined) report(`an empty view gave ${picked.id}`);
    }
  },

  excluded(trial, report) {
    const world = createWorld(2);
    const endpoints = endpointsOf([1, 3, 2, 1, 5, 1]);
    const balancer = trial.build(world, endpoints);
    for (let i = 0; i < trial.picks; i++) {
      const excluded = subset(endpoints, world.env.random.u32());
      const picked = use(balancer, world, requestFor(`key-${i}`, excluded), i % 3 === 0);
      if (picked !== undefined && excluded.has(picked.id)) return report(`gave the excluded ${picked.id}`);
    }
  },

  exhausted(trial, report) {
    const world = createWorld(3);
    const endpoints = endpointsOf([1, 40, 2, 0.05]);
    const balancer = trial.build(world, endpoints);
    for (let i = 0; i < trial.picks; i++) {
      const excluded = subset(endpoints, i % 16);
      const picked = use(balancer, world, requestFor(`key-${i}`, excluded), false);
      if ((picked === undefined) !== (excluded.size === endpoints.length)) {
        return report(`${excluded.size} of ${endpoints.length} excluded gave ${picked?.id ?? 'undefined'}`);
      }
      if (use(balancer, world, requestFor(`key-${i}`), false) === undefined)
        return report('gave undefined for no reason');
    }
  },

  repeatable(trial, report) {
    const run = (): readonly (string | undefined)[] => {
      const world = createWorld(4);
      const balancer = trial.build(world, endpointsOf([1, 2, 3, 1]));
      return Array.from(
        { length: trial.picks },
        (_, i) => use(balancer, world, requestFor(`key-${i}`), i % 7 === 0)?.id,
      );
    };
    const first = run();
    const second = run();
    const at = first.findIndex((id, i) => id !== second[i]);
    if (at >= 0) report(`pick ${at} gave ${first[at]} once and ${second[at]} again`);
  },

  weights(trial, report) {
    const world = createWorld(5);
    const weights = [1, 2, 5];
    const counts = count(trial, world, trial.build(world, endpointsOf(weights)), 3);
    for (const [i, weight] of weights.entries()) {
      const expected = (trial.picks * weight) / 8;
      if (Math.abs(counts[i] - expected) > trial.tolerance * expected) {
        report(`weights 1, 2, 5 gave ${counts.join(', ')} of ${trial.picks} picks`);
        return;
      }
    }
  },

  fractional(trial, report) {
    const world = createWorld(6);
    const counts = count(trial, world, trial.build(world, endpointsOf([0.3, 0.7, 0.125])), 3);
    const sum = counts.reduce((total, value) => total + value, 0);
    if (sum !== trial.picks) report(`weights 0.3, 0.7, 0.125 gave an endpoint for ${sum} of ${trial.picks} picks`);
  },

  rebuild(trial, report) {
    const world = createWorld(7);
    const all = endpointsOf([1, 2, 3, 4, 0.5, 1]);
    let balancer: Balancer | undefined;
    for (const members of ['012345', '02345', '', '5', '051', '12345', '012345'].map((text) =>
      Array.from(text, Number),
    )) {
      const view = members.map((i, k) => ({ ...all[i], weight: all[i].weight * (1 + k / 2) }));
      balancer = trial.build(world, view, balancer);
      for (let i = 0; i < 50; i++) {
        const picked = use(balancer, world, requestFor(`key-${i}`), i % 10 === 0);
        if ((picked === undefined) !== (view.length === 0))
          return report(`a view of ${view.length} gave ${picked?.id}`);
      }
    }
  },

  removed(trial, report) {
    const world = createWorld(8);
    let endpoints = endpointsOf([1, 2, 3, 1, 1]);
    let balancer = trial.build(world, endpoints);
    while (endpoints.length > 1) {
      for (let i = 0; i < 20; i++) use(balancer, world, requestFor(`key-${i}`), false);
      endpoints = endpoints.slice(1).map((endpoint) => ({ ...endpoint }));
      balancer = trial.build(world, endpoints, balancer);
      for (let i = 0; i < trial.picks / 10; i++) {
        const picked = use(balancer, world, requestFor(`key-${i}`), false);
        if (picked === undefined || !endpoints.includes(picked)) return report(`gave ${picked?.id}, not of the view`);
      }
    }
  },

  sticky(trial, report) {
    const world = createWorld(9);
    const balancer = trial.build(world, endpointsOf([1, 2, 1, 4]));
    const again = trial.build(world, endpointsOf([1, 2, 1, 4]), balancer);
    for (let i = 0; i < trial.picks; i++) {
      const first = use(balancer, world, requestFor(`key-${i}`), false);
      const second = use(again, world, requestFor(`key-${i}`), false);
      if (first?.id !== second?.id) return report(`key-${i} went to ${first?.id} and then to ${second?.id}`);
    }
  },
};

/** One request as a pool would run it: counted, answered after 5 ms, uncounted, or left running when `hold` is set. */
function use(balancer: Balancer, world: World, request: PickRequest, hold: boolean): Endpoint | undefined {
  const picked = balancer.pick(request);
  world.advance(1);
  if (picked === undefined) return undefined;
  world.load.begin(picked.slot);
  world.load.sample(picked.slot, 5, world.env.clock.now());
  if (!hold) world.load.end(picked.slot);
  return picked;
}

function count(trial: Trial, world: World, balancer: Balancer, size: number): readonly number[] {
  const counts = Array<number>(size).fill(0);
  for (let i = 0; i < trial.picks; i++) {
    const picked = use(balancer, world, requestFor(`key-${i}`), false);
    if (picked !== undefined) counts[picked.slot]++;
  }
  return counts;
}

/** The ids of the endpoints whose bit is set. */
function subset(endpoints: readonly Endpoint[], bits: number): ReadonlySet<string> {
  return new Set(endpoints.filter((_, i) => (bits >>> i) & 1).map((endpoint) => endpoint.id));
}
