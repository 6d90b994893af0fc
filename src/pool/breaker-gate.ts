// Owns who passes the breaker of a pool in one worker. The main thread says what the breaker is (health/breakers.ts); while it is half-open,
// workers share so many passes through compare-and-swap, so that the number holds for the machine.

import type { BreakerConfig } from '../config/types.ts';
import { GATE, type LoadTable } from '../core/load-table.ts';
import type { Outcome } from '../core/outcome.ts';

export class BreakerGate {
  readonly #load: LoadTable;
  readonly #slot: number;
  readonly #config: BreakerConfig;

  constructor(load: LoadTable, slot: number, config: BreakerConfig) {
    this.#load = load;
    this.#slot = slot;
    this.#config = config;
  }

  /** `tries`: it goes through to find out; give the pass back if it does not come to that. */
  enter(): 'free' | 'tries' | 'refused' {
    const { gate } = this.#load;
    for (;;) {
      const state = Atomics.load(gate, this.#slot);
      if (state === GATE.closed) return 'free';
      if (state <= GATE.none) return 'refused';
      if (Atomics.compareExchange(gate, this.#slot, state, state - 1) === state) return 'tries';
    }
  }

  giveBack(): void {
    const { gate } = this.#load;
    for (;;) {
      const state = Atomics.load(gate, this.#slot);
      if (state < GATE.none || state >= GATE.none + this.#config.halfOpen) return;
      if (Atomics.compareExchange(gate, this.#slot, state, state + 1) === state) return;
    }
  }

  /** Counts what the breaker of the pool and those of endpoints are judged by. True when it may matter at once. */
  learn(slot: number, outcome: Outcome, tries: boolean): boolean {
    const load = this.#load;
    const failed = this.isFailure(outcome);
    const slow = this.isSlow(outcome);
    Atomics.add(load.answers, slot, 1);
    if (failed) Atomics.add(load.errors, slot, 1);
    if (slow) Atomics.add(load.slow, slot, 1);
    if (tries) Atomics.add(failed || slow ? load.triedBad : load.triedGood, this.#slot, 1);
    return failed || slow || tries;
  }

  isFailure(outcome: Outcome): boolean {
    if (outcome.kind !== 'ok') return outcome.kind === 'failed';
    for (const [low, high] of this.#config.status) if (outcome.status >= low && outcome.status <= high) return true;
    return false;
  }

  isSlow(outcome: Outcome): boolean {
    const { latency } = this.#config;
    return latency !== undefined && outcome.kind === 'ok' && outcome.firstByteMs > latency.aboveMs;
  }
}
