// Owns what the control plane tells workers while they serve, beside configurations: what was measured, what was looked up, what
// a certificate authority may ask, and what it says of our certificates, and which weights splits have by now.
// Each message is a part of it; a worker keeps what it was told, within bounds, for as long as that holds.

import type { Clock } from '../core/env.ts';
import { KnownNames, type ResolvedName } from '../dns/engine/resolved-names.ts';
import { LiveWeights, type SplitWeights } from '../routing/split.ts';
import { type LatencyEntry, MeasuredLatency } from '../steering/latency-map.ts';
import { type Challenge, KnownChallenges } from '../tls/challenges.ts';
import { KnownStaples, type Staple } from '../tls/staples.ts';

/** Plain data. */
export interface Facts {
  readonly latency?: readonly LatencyEntry[];
  readonly names?: readonly ResolvedName[];
  /** All that are pending. */
  readonly challenges?: readonly Challenge[];
  readonly staples?: readonly Staple[];
  /** Of all splits whose weights are not the configured ones. */
  readonly weights?: readonly SplitWeights[];
}

const SWEEP_MS = 60_000;

export class KnownFacts {
  readonly latency = new MeasuredLatency();
  readonly names: KnownNames;
  readonly challenges = new KnownChallenges();
  readonly staples = new KnownStaples();
  readonly weights = new LiveWeights();
  readonly #clock: Clock;
  #sweptAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweptAt = clock.now();
    this.names = new KnownNames(() => clock.now());
  }

  learn({ latency, names, challenges, staples, weights }: Facts): void {
    const now = this.#clock.now();
    if (challenges !== undefined) this.challenges.learn(challenges);
    if (staples !== undefined) this.staples.learn(staples);
    if (weights !== undefined) this.weights.learn(weights);
    if (names !== undefined) this.names.learn(names);
    if (latency !== undefined) this.latency.merge(latency, now);
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    this.latency.sweep(now);
  }
}
