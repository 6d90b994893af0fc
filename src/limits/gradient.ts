// Owns how a limit in flight follows an endpoint's latency: after Netflix's Gradient2 (and Envoy's adaptive concurrency). Pure. The
// time to the first byte of late is compared with what it usually is; what is longer is a queue, and the limit comes down by as much.
// As long as there is none it grows by the square root of itself, but only where it is used.

import type { AdaptiveConfig } from '../config/types.ts';

export interface GradientState {
  /** Not rounded. */
  readonly limit: number;
  /** What answers usually take, in ms; 0 before anything is known. */
  readonly usualMs: number;
}

/** What was seen since the last step. */
export interface GradientWindow {
  readonly answers: number;
  readonly meanMs: number;
  /** Most requests in flight at once. */
  readonly peak: number;
}

/** Fewer answers say nothing. */
const ENOUGH = 10;
/** Of the usual time, how much one quicker window is worth, and a slower one: a queue that lasts must not become usual soon. */
const QUICKER = 1 / 20;
const SLOWER = 1 / 600;
/** Of the limit, how much one step may turn over. */
const SMOOTHING = 0.2;

export function initialGradient({ start }: AdaptiveConfig): GradientState {
  return { limit: start, usualMs: 0 };
}

export function stepGradient(state: GradientState, window: GradientWindow, config: AdaptiveConfig): GradientState {
  const { answers, meanMs, peak } = window;
  if (answers < ENOUGH || meanMs <= 0) return state;
  const usualMs = usual(state.usualMs, meanMs);
  const { limit } = state;
  const gradient = Math.max(0.5, Math.min(1, (config.tolerance * usualMs) / meanMs));
  // Nobody knows what an endpoint could do that is asked for less.
  if (gradient === 1 && peak < limit / 2) return { limit, usualMs };
  const aim = limit * gradient + Math.sqrt(limit);
  const next = limit * (1 - SMOOTHING) + aim * SMOOTHING;
  return { limit: Math.min(config.max, Math.max(config.min, next)), usualMs };
}

function usual(before: number, meanMs: number): number {
  if (before === 0) return meanMs;
  // It has become much faster than what is remembered: that is not how it was when it was well.
  if (before > meanMs * 2) return before * 0.9;
  return before + (meanMs - before) * (meanMs < before ? QUICKER : SLOWER);
}
