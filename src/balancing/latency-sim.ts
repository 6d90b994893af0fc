// Owns a small discrete-event simulation for the tests of the latency-aware kinds: open arrivals at a fixed rate, every
// endpoint answers after its service time. Never used in production.

import type { Balancer } from './balancer.ts';
import { requestFor, type World } from './world.ts';

export interface Simulation {
  /** Runs for `ms` at `perSecond` arrivals and returns how many picks each slot got. */
  run(balancer: Balancer, ms: number, perSecond: number): number[];
}

/** `serviceMs(slot)` may change while the simulation runs. */
export function simulate(world: World, slots: number, serviceMs: (slot: number) => number): Simulation {
  const ends: { at: number; slot: number; ms: number }[] = [];
  const clock = world.env.clock;
  const settle = (): void => {
    ends.sort((a, b) => a.at - b.at);
    while (ends.length > 0 && ends[0].at <= clock.now()) {
      const { slot, ms } = ends.shift()!;
      world.load.sample(slot, ms, clock.now());
      world.load.end(slot);
    }
  };
  return {
    run(balancer, ms, perSecond) {
      const counts = Array<number>(slots).fill(0);
      for (let i = 0; i < (ms * perSecond) / 1000; i++) {
        world.advance(1000 / perSecond);
        settle();
        const { slot } = balancer.pick(requestFor())!;
        // A tenth of jitter, so that no two endpoints are exactly equal.
        const took = serviceMs(slot) * (0.95 + world.env.random.unit() / 10);
        counts[slot]++;
        world.load.begin(slot);
        ends.push({ at: clock.now() + took, slot, ms: took });
      }
      return counts;
    },
  };
}

export function share(counts: readonly number[], slot: number): number {
  return counts[slot] / counts.reduce((sum, count) => sum + count, 0);
}
