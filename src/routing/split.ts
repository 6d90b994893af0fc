// Owns which variant of a split a request gets: the one it is forced to, else the one its key falls to. The same key gets the
// same variant in every process for as long as the weights stand; when they move, only the share that must moves with them.

import type { SplitConfig, VariantConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { hash32 } from '../core/hash.ts';
import { type Condition, textConditions } from './conditions.ts';
import type { RequestHead, RoutingFacts } from './route.ts';
import { cookieOf } from './text.ts';

/** Weights that came after the configuration. Plain data. */
export interface SplitWeights {
  readonly split: string;
  /** Of the configuration they were made for: another one's are not touched. */
  readonly configured: number;
  /** In the order of the variants. */
  readonly weights: readonly number[];
}

type Cell = { live: SplitWeights | undefined };

/** What a worker was told of weights. */
export class LiveWeights {
  readonly #cells = new Map<string, Cell>();

  /** All there are. */
  learn(all: readonly SplitWeights[]): void {
    const told = new Map(all.map((one) => [one.split, one]));
    for (const name of told.keys()) this.of(name);
    for (const [name, cell] of this.#cells) cell.live = told.get(name);
  }

  /** Stays the same for a name. */
  of(split: string): Cell {
    let cell = this.#cells.get(split);
    if (cell === undefined) {
      cell = { live: undefined };
      this.#cells.set(split, cell);
    }
    return cell;
  }
}

/** Names a split in metrics, status and commands. */
export const splitName = (listener: string, route: string): string => `${listener}/${route}`;

/** Differs where the configured weights, or their rollout, do. */
export function fingerprintOf({ variants, rollout }: SplitConfig): number {
  return hash32(JSON.stringify([variants.map(({ name, weight }) => [name, weight]), rollout]));
}

export interface SplitParts {
  readonly name: string;
  readonly config: SplitConfig;
  readonly live: LiveWeights;
  readonly facts: Pick<RoutingFacts, 'regex'>;
  readonly random: Random;
}

export class Split {
  /** The id that the last request must be given, to keep its variant; '' when it has one or needs none. */
  issued = '';
  readonly #config: SplitConfig;
  readonly #configured: readonly number[];
  readonly #fingerprint: number;
  readonly #cell: Cell;
  readonly #seeds: readonly number[];
  readonly #forced: readonly (readonly Condition[])[];
  readonly #random: Random;

  constructor({ name, config, live, facts, random }: SplitParts) {
    this.#config = config;
    this.#configured = startingWeights(config);
    this.#fingerprint = fingerprintOf(config);
    this.#cell = live.of(name);
    const seed = hash32(name);
    this.#seeds = config.variants.map((variant) => hash32(variant.name, seed));
    const forced = config.variants.map(({ force }) => textConditions(force, facts.regex));
    this.#forced = forced.some((list) => list.length > 0) ? forced : [];
    this.#random = random;
  }

  /** Place of the variant. */
  choose(head: RequestHead): number {
    this.issued = '';
    const forced = this.#forced;
    for (let i = 0; i < forced.length; i++)
      for (let at = 0; at < forced[i].length; at++) if (forced[i][at].holds(head)) return i;
    const { live } = this.#cell;
    const weights = live !== undefined && live.configured === this.#fingerprint ? live.weights : this.#configured;
    return placeOf(this.#keyOf(head), weights, this.#seeds);
  }

  #keyOf(head: RequestHead): string {
    const { by } = this.#config;
    if (by.from === 'client') return head.client;
    // Many would share one key, and so one variant, if nothing stood for those without.
    if (by.from === 'header') return head.header(by.name) || head.client;
    const known = cookieOf(head.header('cookie'), by.name);
    if (known !== undefined && known !== '') return known;
    this.issued = this.#id();
    return this.issued;
  }

  #id(): string {
    let id = '';
    for (let i = 0; i < 4; i++) id += this.#random.u32().toString(16).padStart(8, '0');
    return id;
  }
}

/** Weighted rendezvous: each variant draws a number for the key, weighted, and the best one wins. */
export function placeOf(key: string, weights: readonly number[], seeds: readonly number[]): number {
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] <= 0) continue;
    const score = Math.log((hash32(key, seeds[i]) + 0.5) / 4_294_967_296) / weights[i];
    if (score > bestScore) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}

/** A rollout begins with its first step, before anybody tells anything. */
export function startingWeights(config: SplitConfig): readonly number[] {
  const { variants, rollout } = config;
  return rollout === undefined
    ? variants.map(({ weight }) => weight)
    : weightsAt(variants, rollout.to, rollout.steps[0]);
}

/** Weights that give `to` that share; the others share the rest as they did. */
export function weightsAt(variants: readonly VariantConfig[], to: string, share: number): readonly number[] {
  const others = variants.filter(({ name }) => name !== to);
  const total = others.reduce((sum, { weight }) => sum + weight, 0);
  return variants.map(({ name, weight }) => {
    if (name === to) return share;
    return (1 - share) * (total === 0 ? 1 / others.length : weight / total);
  });
}

export function setCookieText(by: Extract<SplitConfig['by'], { from: 'cookie' }>, id: string, secure: boolean): string {
  const attributes = `Path=/; Max-Age=${by.maxAgeSeconds}; HttpOnly; SameSite=Lax`;
  return `${by.name}=${id}; ${attributes}${secure ? '; Secure' : ''}`;
}
