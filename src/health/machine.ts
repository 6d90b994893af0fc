// Owns the verdict of active checks: how many probe results in a row move an endpoint up or down.
// Pure: it never probes, never reads a clock, and knows nothing of traffic (outlier.ts) or operators (override.ts).
//
//                 first result good                    first result bad
//            ┌──────────────────────── checking ────────────────────────┐
//            ▼                                                          ▼
//           up ───────────── `fall` bad results in a row ────────────▶ down
//            ▲                                                          │
//            └────────────── `rise` good results in a row ──────────────┘
//
// In `up` and `down` a result that disagrees makes the verdict pending; one that agrees starts the count again.

export type Verdict = 'checking' | 'up' | 'down';

export interface CheckState {
  readonly verdict: Verdict;
  /** Results in a row, of either sort; one of the two is always 0. */
  readonly passes: number;
  readonly failures: number;
  /** Monotonic ms of the last change of the verdict. */
  readonly since: number;
}

export interface CheckEvent {
  readonly kind: 'probe';
  readonly ok: boolean;
}

export interface CheckPolicy {
  readonly rise: number;
  readonly fall: number;
}

export interface CheckStep {
  readonly next: CheckState;
  readonly transition: 'same' | 'pending' | 'changed';
}

export function initialCheck(verdict: Verdict, now: number): CheckState {
  return { verdict, passes: 0, failures: 0, since: now };
}

export function step(state: CheckState, event: CheckEvent, policy: CheckPolicy, now: number): CheckStep {
  const passes = event.ok ? state.passes + 1 : 0;
  const failures = event.ok ? 0 : state.failures + 1;
  const wanted: Verdict = event.ok ? 'up' : 'down';
  if (wanted === state.verdict) return { next: { ...state, passes, failures }, transition: 'same' };
  // Nothing is known while checking, so the first answer is the best there is: waiting would only delay the start.
  const enough = state.verdict === 'checking' ? 1 : event.ok ? policy.rise : policy.fall;
  const count = event.ok ? passes : failures;
  if (count < enough) return { next: { ...state, passes, failures }, transition: 'pending' };
  return { next: { verdict: wanted, passes, failures, since: now }, transition: 'changed' };
}

/** Some results disagree with the verdict, but not yet enough: the next probe should come soon. */
export function isPending(state: CheckState): boolean {
  if (state.verdict === 'checking') return true;
  return state.verdict === 'up' ? state.failures > 0 : state.passes > 0;
}
