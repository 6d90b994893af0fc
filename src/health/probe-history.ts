// Owns the newest results of one endpoint's checks, and what other thresholds would have made of them. Bounded: the oldest are
// forgotten first.

import type { HealthConfig } from '../config/types.ts';
import { initialCheck, step } from './machine.ts';

export interface ProbeSample {
  /** Wall-clock ms. */
  readonly at: number;
  readonly ok: boolean;
}

/** What one value of `fall` would have done with the same results. */
export interface Hindsight {
  readonly fall: number;
  /** Times that it would have been taken out. */
  readonly downs: number;
  /** In all, until now for one that would be out still. */
  readonly downMs: number;
}

const KEPT = 256;

export class ProbeHistory {
  /** Times; those of failures are negative. */
  readonly #ring = new Float64Array(KEPT);
  #count = 0;

  add(at: number, ok: boolean): void {
    this.#ring[this.#count++ % KEPT] = ok ? at : -at;
  }

  /** Oldest first. */
  list(): readonly ProbeSample[] {
    const length = Math.min(this.#count, KEPT);
    return Array.from({ length }, (_, i) => {
      const value = this.#ring[(this.#count - length + i) % KEPT];
      return { at: Math.abs(value), ok: value > 0 };
    });
  }
}

/** `now`: wall-clock ms. Begins with what the first result says. */
export function hindsight(
  samples: readonly ProbeSample[],
  policy: HealthConfig,
  falls: readonly number[],
  now: number,
): readonly Hindsight[] {
  return falls.map((fall) => {
    let state = initialCheck('up', samples[0]?.at ?? now);
    let downs = 0;
    let downMs = 0;
    let since = 0;
    for (const { at, ok } of samples) {
      const { next, transition } = step(state, { kind: 'probe', ok }, { ...policy, fall }, at);
      if (transition === 'changed' && next.verdict === 'down') {
        downs++;
        since = at;
      } else if (transition === 'changed' && state.verdict === 'down') downMs += at - since;
      state = next;
    }
    if (state.verdict === 'down') downMs += now - since;
    return { fall, downs, downMs };
  });
}
