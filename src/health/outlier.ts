// Owns passive ejection: what the failures of real traffic say about one endpoint. Pure; it never counts requests itself
// and never decides how much of a pool may be out at once (table.ts knows the pool and passes `mayEject`).
//
//                    `failures` within the window, and mayEject
//        closed ──────────────────────────────────────────────▶ ejected ◀──────────┐
//          ▲                                                       │               │
//          │                  its time is up, released, or rise × n good           │ a failure, and mayEject:
//          │                       probes in a row since it began  ▼               │ n + 1, out for longer
//          └───────────────────── one success ─────────────────  trial ────────────┘
//
// The n-th ejection in a row lasts n × ejectMs, at most maxEjectMs; each healthy period of max(windowMs, ejectMs) after a
// recovery takes one off n. Failures reported while ejected are of requests that began before, and are ignored.
// Probes shorten an ejection by n times as many as a down endpoint needs: one whose probes pass while its traffic fails must
// be tried less and less often.

export interface OutlierPolicy {
  readonly failures: number;
  readonly windowMs: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
}

export interface OutlierState {
  readonly phase: 'closed' | 'ejected' | 'trial';
  /** Times of the newest failures, oldest first; never more than `policy.failures`: that is all a window needs. */
  readonly recent: readonly number[];
  /** n: ejections in a row. */
  readonly ejections: number;
  /** While ejected: good probes in a row since the ejection began. In trial: requests that were fine. */
  readonly passes: number;
  /** While ejected: when the trial begins. */
  readonly until: number;
  /** By a breaker: how long it stays open each time, and how many requests must be fine; 0 and 1 otherwise. */
  readonly openMs: number;
  readonly need: number;
  /** When it last came back; from here healthy periods are counted. */
  readonly recoveredAt: number;
}

export type OutlierEvent =
  | { readonly kind: 'failures'; readonly count: number; readonly mayEject: boolean }
  | { readonly kind: 'trial-success'; readonly count?: number }
  /** A breaker has seen enough. */
  | { readonly kind: 'trip'; readonly openMs: number; readonly need: number; readonly mayEject: boolean }
  | { readonly kind: 'tick' }
  /** One result of the active checks; `rise` is how many good ones in a row bring a down endpoint up. */
  | { readonly kind: 'probe'; readonly ok: boolean; readonly rise: number }
  /** The pool has nothing better left: try it now. */
  | { readonly kind: 'release' };

export interface OutlierStep {
  readonly next: OutlierState;
  /** pending: it would be ejected if the pool could spare it, or failures are gathering. */
  readonly transition: 'same' | 'pending' | 'changed';
}

export const CLOSED: OutlierState = {
  phase: 'closed',
  recent: [],
  ejections: 0,
  passes: 0,
  until: 0,
  openMs: 0,
  need: 1,
  recoveredAt: 0,
};

export function stepOutlier(state: OutlierState, event: OutlierEvent, policy: OutlierPolicy, now: number): OutlierStep {
  switch (event.kind) {
    case 'failures':
      return onFailures(state, event.count, event.mayEject, policy, now);
    case 'trial-success':
      if (state.phase !== 'trial') return { next: state, transition: 'same' };
      return onTrialSuccess(state, event.count ?? 1, now);
    case 'trip':
      return onTrip(state, event.openMs, event.need, event.mayEject, now);
    case 'tick':
      if (state.phase !== 'ejected' || now < state.until) return { next: state, transition: 'same' };
      return onTrial(state);
    case 'probe':
      return onProbe(state, event.ok, event.rise);
    case 'release':
      return state.phase === 'ejected' ? onTrial(state) : { next: state, transition: 'same' };
  }
}

/** Failures that still count at `now`. */
export function failuresInWindow(state: OutlierState, policy: OutlierPolicy, now: number): number {
  let count = 0;
  for (const at of state.recent) if (at > now - policy.windowMs) count++;
  return count;
}

/** How long the next ejection would last. */
export function ejectionMs(ejections: number, policy: OutlierPolicy): number {
  return Math.min(policy.ejectMs * ejections, Math.max(policy.maxEjectMs, policy.ejectMs));
}

/** Good probes in a row that end the ejection. */
export function passesToTrial(ejections: number, rise: number): number {
  return rise * Math.max(1, ejections);
}

function onTrialSuccess(state: OutlierState, count: number, now: number): OutlierStep {
  const passes = state.passes + count;
  if (passes < state.need) return { next: { ...state, passes }, transition: 'pending' };
  const { ejections } = state;
  return { next: { ...CLOSED, ejections, recoveredAt: now }, transition: 'changed' };
}

function onTrip(state: OutlierState, openMs: number, need: number, mayEject: boolean, now: number): OutlierStep {
  if (state.phase !== 'closed') return { next: state, transition: 'same' };
  if (!mayEject) return { next: state, transition: 'pending' };
  const ejections = state.ejections + 1;
  return { next: { ...CLOSED, phase: 'ejected', ejections, until: now + openMs, openMs, need }, transition: 'changed' };
}

function onProbe(state: OutlierState, ok: boolean, rise: number): OutlierStep {
  // What probes cannot see opened the breaker.
  if (state.phase !== 'ejected' || state.openMs > 0) return { next: state, transition: 'same' };
  const passes = ok ? state.passes + 1 : 0;
  if (passes >= passesToTrial(state.ejections, rise)) return onTrial(state);
  return { next: { ...state, passes }, transition: passes > 0 ? 'pending' : 'same' };
}

function onTrial(state: OutlierState): OutlierStep {
  return { next: { ...state, phase: 'trial', recent: [], passes: 0 }, transition: 'changed' };
}

function onFailures(
  state: OutlierState,
  count: number,
  mayEject: boolean,
  policy: OutlierPolicy,
  now: number,
): OutlierStep {
  if (count <= 0 || state.phase === 'ejected') return { next: state, transition: 'same' };
  const recent = [...state.recent, ...Array.from({ length: Math.min(count, policy.failures) }, () => now)].slice(
    -policy.failures,
  );
  const next = { ...state, recent };
  const enough = state.phase === 'trial' || failuresInWindow(next, policy, now) >= policy.failures;
  if (!enough || !mayEject) return { next, transition: 'pending' };
  const { openMs, need } = state;
  if (openMs > 0) {
    const again = {
      ...CLOSED,
      phase: 'ejected',
      ejections: state.ejections + 1,
      until: now + openMs,
      openMs,
      need,
    } as const;
    return { next: again, transition: 'changed' };
  }
  const ejections = Math.max(0, state.ejections - healthyPeriods(state, policy, now)) + 1;
  return {
    next: { ...CLOSED, phase: 'ejected', ejections, until: now + ejectionMs(ejections, policy) },
    transition: 'changed',
  };
}

function healthyPeriods(state: OutlierState, policy: OutlierPolicy, now: number): number {
  if (state.phase !== 'closed' || state.ejections === 0) return 0;
  return Math.floor((now - state.recoveredAt) / Math.max(policy.windowMs, policy.ejectMs, 1));
}
