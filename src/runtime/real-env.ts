// Owns the real clock and generator. Nothing else in the project reads the time or draws a number by itself.

import { randomBytes } from 'node:crypto';
import type { Clock, Env, Random, Timer } from '../core/env.ts';

class RealTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;
  constructor(delayMs: number, fn: () => void) {
    this.#timeout = setTimeout(fn, delayMs);
  }
  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

/** Each thread's `performance.now()` starts at its own birth; the offset makes them one scale. */
function realClock(): Clock {
  const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return {
    now: () => performance.now() + offset,
    epoch: () => Date.now(),
    after: (delayMs, fn) => new RealTimer(delayMs, fn),
  };
}

/** xoshiro128** (Blackman and Vigna 2018), seeded from the system: fast and even; never used for secrets. */
function realRandom(): Random {
  const seed = new Uint32Array(randomBytes(16).buffer.slice(0, 16));
  let [a, b, c, d] = seed.some((word) => word !== 0) ? seed : [1, 2, 3, 4];
  const u32 = (): number => {
    const x = Math.imul(b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return { u32, unit: () => u32() / 4294967296 };
}

export function realEnv(): Env {
  return { clock: realClock(), random: realRandom() };
}
