// Owns saying aloud that the process ran out of sockets: nobody reads counters at the moment when it happens.

import type { Counters } from '../core/counters.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { Log } from '../observe/log.ts';
import { sum } from './metrics.ts';

const LOOK_MS = 2000;

export class SocketAlarm {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counters: readonly Counters[];
  readonly #listenerSlots: () => readonly number[];
  #known = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Log, counters: readonly Counters[], listenerSlots: () => readonly number[]) {
    this.#clock = clock;
    this.#log = log;
    this.#counters = counters;
    this.#listenerSlots = listenerSlots;
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
    const refused = (slot: number): number =>
      sum(this.#counters, (counters) => counters.readError(slot, 'out-of-sockets'));
    const count = this.#listenerSlots().reduce((all, slot) => all + refused(slot), 0);
    const fresh = count - this.#known;
    this.#known = count;
    if (fresh > 0)
      this.#log.error(
        `out of sockets: ${fresh} requests were refused; raise the limit of open files (ulimit -n), ` +
          'or widen net.ipv4.ip_local_port_range',
      );
  }
}
