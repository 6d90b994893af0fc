// Owns which weights splits have while the balancer runs: what an operator set, and how far rollouts are. It watches what the
// variants of a rollout answer, lets the new one grow step by step, and takes it back to nothing when it is worse. Main thread
// only. Weights hold for the configuration that they were set for: one that says something else about the split begins anew.
//
//   running ──next step──▶ running ──last step held──▶ done
//      ├──── worse ────▶ halted (weight 0)
//      └── an operator sets weights ──▶ stopped          a changed split, or an operator's reset ──▶ running

import type { Config, SplitConfig } from '../config/types.ts';
import { type Counters, LATENCY_BOUNDS_MS, V } from '../core/counters.ts';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import { added, difference, judge, NO_SAMPLE, p95, type Sample } from '../routing/rollout.ts';
import { fingerprintOf, type SplitWeights, startingWeights, weightsAt } from '../routing/split.ts';
import type { RolloutPhase, SplitStatus } from './facade.ts';
import { sum } from './metrics.ts';
import { splitsOf } from './variant-slots.ts';

export interface SplitKeeperOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly counters: readonly Counters[];
  /** All weights that are not the configured ones. */
  readonly onWeights: (weights: readonly SplitWeights[]) => void;
}

interface Kept {
  readonly name: string;
  readonly config: SplitConfig;
  readonly fingerprint: number;
  readonly slots: readonly number[];
  weights: readonly number[];
  /** Somebody changed them. */
  changed: boolean;
  phase: RolloutPhase | undefined;
  step: number;
  reason: string;
  since: number;
  /** Of each variant, when the step began. */
  before: readonly Sample[];
  earlier: Sample | undefined;
}

const LONGEST_LOOK_MS = 1000;
const SHORTEST_LOOK_MS = 50;

export class SplitKeeper {
  readonly #options: SplitKeeperOptions;
  #kept = new Map<string, Kept>();
  #timer: Timer | undefined;
  /** How often a rollout was taken back, by split. */
  readonly halts = new Map<string, number>();

  constructor(options: SplitKeeperOptions) {
    this.#options = options;
  }

  /** A configuration came into effect. */
  applied(config: Pick<Config, 'listeners'>, variantSlots: Readonly<Record<string, number>>): void {
    const next = new Map<string, Kept>();
    for (const { name, config: split } of splitsOf(config)) {
      const known = this.#kept.get(name);
      const slots = split.variants.map((variant) => variantSlots[`${name}/${variant.name}`]);
      if (known?.fingerprint === fingerprintOf(split)) next.set(name, Object.assign(known, { config: split, slots }));
      else next.set(name, this.#begin(name, split, slots));
    }
    this.#kept = next;
    this.#tell();
    this.#watch();
  }

  #begin(name: string, config: SplitConfig, slots: readonly number[]): Kept {
    const kept: Kept = {
      name,
      config,
      slots,
      fingerprint: fingerprintOf(config),
      weights: startingWeights(config),
      changed: false,
      phase: config.rollout === undefined ? undefined : 'running',
      step: 0,
      reason: '',
      since: this.#options.clock.now(),
      before: [],
      earlier: undefined,
    };
    kept.before = slots.map((slot) => this.#sample(slot));
    if (kept.phase === 'running') this.#say(kept, `begins with ${percent(config.rollout!.steps[0])}`);
    return kept;
  }

  /** Weights by variant, in place of those that are in effect; those that are not named get none. */
  set(name: string, weights: Readonly<Record<string, number>>, note: string): Result<void, string> {
    const kept = this.#kept.get(name);
    if (kept === undefined) return err(`there is no split "${name}"`);
    const { variants } = kept.config;
    const unknown = Object.keys(weights).find((key) => variants.every((variant) => variant.name !== key));
    if (unknown !== undefined) return err(`the split "${name}" has no variant "${unknown}"`);
    const list = variants.map((variant) => weights[variant.name] ?? 0);
    if (list.some((weight) => !(weight >= 0 && Number.isFinite(weight)))) return err('a weight is a number from 0 on');
    if (list.every((weight) => weight === 0)) return err('at least one variant must have a weight');
    kept.weights = list;
    kept.changed = true;
    if (kept.phase !== undefined) {
      kept.phase = 'stopped';
      kept.reason = note;
    }
    this.#options.log.info(`split ${name}: weights were set`, { weights, note });
    this.#tell();
    return ok(undefined);
  }

  /** As configured again; a rollout begins anew. */
  reset(name: string, note: string): Result<void, string> {
    const kept = this.#kept.get(name);
    if (kept === undefined) return err(`there is no split "${name}"`);
    this.#options.log.info(`split ${name}: as configured again`, { note });
    this.#kept.set(name, this.#begin(name, kept.config, kept.slots));
    this.#tell();
    this.#watch();
    return ok(undefined);
  }

  /** For a worker that knows nothing. */
  get all(): readonly SplitWeights[] {
    return [...this.#kept.values()]
      .filter(({ changed }) => changed)
      .map(({ name, fingerprint, weights }) => ({ split: name, configured: fingerprint, weights }));
  }

  status(): readonly SplitStatus[] {
    return [...this.#kept.values()].map((kept) => {
      const { name, config, slots, weights, phase, step, reason, since } = kept;
      const total = weights.reduce((all, weight) => all + weight, 0);
      const variants = config.variants.map(({ name: variant, pool }, i) => {
        const sample = this.#sample(slots[i]);
        const { requests, failures } = sample;
        return { name: variant, pool, share: weights[i] / total, requests, failures, p95Ms: p95(sample) };
      });
      const rollout =
        phase === undefined
          ? undefined
          : { phase, to: config.rollout!.to, step, reason, forMs: this.#options.clock.now() - since };
      return { name, variants, rollout };
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tell(): void {
    this.#options.onWeights(this.all);
  }

  #watch(): void {
    this.close();
    const running = [...this.#kept.values()].filter(({ phase }) => phase === 'running');
    if (running.length === 0) return;
    const shortest = Math.min(...running.map(({ config }) => config.rollout!.everyMs));
    const pause = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, shortest / 10));
    this.#timer = this.#options.clock.after(pause, () => {
      for (const kept of running) if (kept.phase === 'running') this.#look(kept);
      this.#watch();
    });
  }

  #look(kept: Kept): void {
    const { config, slots, before, step, since, earlier } = kept;
    const rollout = config.rollout!;
    const samples = slots.map((slot, i) => difference(this.#sample(slot), before[i]));
    const at = config.variants.findIndex(({ name }) => name === rollout.to);
    const others = samples.filter((_, i) => i !== at).reduce(added, NO_SAMPLE);
    const elapsedMs = this.#options.clock.now() - since;
    const verdict = judge(rollout, step, { target: samples[at], others, earlier, elapsedMs });
    if (verdict.kind === 'wait') return;
    if (verdict.kind === 'halt') return this.#halt(kept, verdict.reason);
    if (others.requests >= rollout.halt.minRequests) kept.earlier = others;
    if (verdict.kind === 'finish') {
      kept.phase = 'done';
      return this.#say(kept, 'is done');
    }
    this.#enter(kept, step + 1, rollout.steps[step + 1]);
    this.#say(kept, `goes on with ${percent(rollout.steps[step + 1])}`);
  }

  #halt(kept: Kept, reason: string): void {
    kept.phase = 'halted';
    kept.reason = reason;
    this.halts.set(kept.name, (this.halts.get(kept.name) ?? 0) + 1);
    this.#enter(kept, kept.step, 0);
    const { to } = kept.config.rollout!;
    this.#options.log.warn(`rollout ${kept.name}: "${to}" was taken back to 0 %: ${reason}`);
  }

  #enter(kept: Kept, step: number, share: number): void {
    kept.step = step;
    kept.weights = weightsAt(kept.config.variants, kept.config.rollout!.to, share);
    kept.changed = true;
    kept.since = this.#options.clock.now();
    kept.before = kept.slots.map((slot) => this.#sample(slot));
    this.#tell();
  }

  #say({ name, config }: Kept, what: string): void {
    this.#options.log.info(`rollout ${name}: "${config.rollout!.to}" ${what}`);
  }

  #sample(slot: number): Sample {
    const { counters } = this.#options;
    const read = (column: number): number => sum(counters, (one) => one.readVariant(slot, column));
    const buckets = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, (_, i) => read(V.buckets + i));
    return { requests: read(V.requests), failures: read(V.failures), buckets };
  }
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
