// Owns the circuit breaker of a pool, and the judgement of traffic that the breakers of its endpoints share with it. Pure: it counts
// nothing itself, and who is let through meanwhile is the pool's (pool/breaker-gate.ts).
//
//              enough attempts, and too many of them failed or were slow
//    closed ──────────────────────────────────────────────────────────────▶ open ◀──────────┐
//      ▲                                                                      │ openMs       │ one fails, or is slow
//      │                                                                      ▼              │
//      └──────────────── `halfOpen` requests in a row are fine ─────────── half-open ────────┘
//
// An endpoint's breaker is an ejection with another cause and a length of its own: see outlier.ts.

import type { BreakerConfig } from '../config/types.ts';

export type BreakerPhase = 'closed' | 'open' | 'half-open';

/** Attempts that ended within the window. */
export interface Traffic {
  readonly total: number;
  readonly errors: number;
  readonly slow: number;
}

export interface BreakerState {
  readonly phase: BreakerPhase;
  /** While open: when requests are let through. While half-open: when more are, if those told nothing. */
  readonly until: number;
  /** While half-open: requests that were fine. */
  readonly good: number;
}

export type BreakerEvent =
  | { readonly kind: 'traffic'; readonly traffic: Traffic }
  /** Outcomes of requests that were let through while half-open. */
  | { readonly kind: 'tried'; readonly good: number; readonly bad: number }
  | { readonly kind: 'tick' };

export interface BreakerStep {
  readonly next: BreakerState;
  /** Why the phase changed; undefined when it did not. */
  readonly why: string | undefined;
  /** As many as `halfOpen` may be let through anew. */
  readonly refill: boolean;
}

export const BREAKER_CLOSED: BreakerState = { phase: 'closed', until: 0, good: 0 };

export function stepBreaker(state: BreakerState, event: BreakerEvent, config: BreakerConfig, now: number): BreakerStep {
  const stay = (next = state, refill = false): BreakerStep => ({ next, why: undefined, refill });
  const open = (why: string): BreakerStep => ({
    next: { phase: 'open', until: now + config.openMs, good: 0 },
    why,
    refill: false,
  });
  switch (event.kind) {
    case 'traffic': {
      const why = state.phase === 'closed' ? verdictOn(event.traffic, config) : undefined;
      return why === undefined ? stay() : open(why);
    }
    case 'tried': {
      if (state.phase !== 'half-open' || event.good + event.bad === 0) return stay();
      if (event.bad > 0) return open('a request that was let through failed');
      const good = state.good + event.good;
      if (good < config.halfOpen) return stay({ ...state, good });
      return { next: BREAKER_CLOSED, why: `${good} requests in a row were fine`, refill: false };
    }
    case 'tick': {
      if (state.phase === 'closed' || now < state.until) return stay();
      const next = { phase: 'half-open', until: now + config.openMs, good: 0 } as const;
      if (state.phase === 'half-open') return stay({ ...next, good: state.good }, true);
      return { next, why: `${config.halfOpen} requests are let through`, refill: true };
    }
  }
}

/** Why traffic like this opens a breaker; undefined when it does not. */
export function verdictOn({ total, errors, slow }: Traffic, config: BreakerConfig): string | undefined {
  const { minRequests, windowMs, latency } = config;
  if (total < minRequests) return undefined;
  const within = `of ${total} attempts within ${windowMs / 1000} s`;
  if (config.errors > 0 && errors / total >= config.errors) return `${errors} ${within} failed`;
  if (latency === undefined || latency.share === 0 || slow / total < latency.share) return undefined;
  return `${slow} ${within} took longer than ${latency.aboveMs} ms`;
}
