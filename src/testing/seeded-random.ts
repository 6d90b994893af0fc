// Owns a small deterministic generator for tests and simulations (mulberry32). Never used in production.

import type { Random } from '../core/env.ts';

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, unit: () => u32() / 4294967296 };
}
