// Owns saying aloud that a store which balancers share is gone, and that it is back: traffic goes on meanwhile, each balancer by
// what it knows itself, so that nobody would notice.

import { type Counters, W } from '../core/counters.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { Log } from '../observe/log.ts';
import { sum } from './metrics.ts';

const LOOK_MS = 500;
/** So many looks in a row, and it is no passing matter of connecting. */
const LOOKS = 2;

export class StoreAlarm {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counters: readonly Counters[];
  #looks = 0;
  #told = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Log, counters: readonly Counters[]) {
    this.#clock = clock;
    this.#log = log;
    this.#counters = counters;
  }

  start(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const down = sum(this.#counters, (one) => one.readWorker(W.storesDown));
    this.#looks = down > 0 ? this.#looks + 1 : 0;
    if (!this.#told && this.#looks >= LOOKS) {
      this.#told = true;
      this.#log.warn(
        `a shared store does not answer (${down} connections of workers are down): what is shared through it goes on with what this balancer knows itself`,
      );
    } else if (this.#told && down === 0) {
      this.#told = false;
      this.#log.info('the shared store answers again');
    }
  }
}
