// Owns a clock that moves only when told, for tests and simulations. Timers fire in order of their time, then of creation.

import type { Clock, Timer } from '../core/env.ts';

export interface FakeClock extends Clock {
  /** Moves time forward by `ms`, firing the timers on the way at their own times. */
  advance(ms: number): void;
  /** How many timers are waiting: a test's leak check. */
  readonly pending: number;
}

export function fakeClock(startMs = 1000): FakeClock {
  let time = startMs;
  let sequence = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  const due = (limit: number): number | undefined => {
    let best: number | undefined;
    for (const [id, timer] of timers) {
      if (timer.at <= limit && (best === undefined || timer.at < timers.get(best)!.at)) best = id;
    }
    return best;
  };
  return {
    now: () => time,
    epoch: () => 1_700_000_000_000 + time,
    after(delayMs, fn): Timer {
      const id = sequence++;
      timers.set(id, { at: time + Math.max(0, delayMs), fn });
      return { cancel: () => void timers.delete(id) };
    },
    advance(ms) {
      const limit = time + ms;
      for (let id = due(limit); id !== undefined; id = due(limit)) {
        const timer = timers.get(id)!;
        timers.delete(id);
        time = Math.max(time, timer.at);
        timer.fn();
      }
      time = limit;
    },
    get pending() {
      return timers.size;
    },
  };
}
