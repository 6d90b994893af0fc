// Owns how much of its weight a fresh endpoint gets: weight × max(10 %, t^(1/aggression)), t = share of the window passed.
// Pure arithmetic; who warms up and when views are rebuilt is decided by health/.

import type { SlowStartConfig } from '../config/types.ts';

const FLOOR = 0.1;

/** `upSince` 0 means that the endpoint needs no warming. The result is in (0, 1]. */
export function warmShare(config: SlowStartConfig | undefined, upSince: number, now: number): number {
  if (config === undefined || upSince === 0 || config.windowMs <= 0) return 1;
  const t = (now - upSince) / config.windowMs;
  if (t >= 1) return 1;
  if (t <= 0) return FLOOR;
  return Math.max(FLOOR, t ** (1 / config.aggression));
}
