// Owns one decision: how many instances there should be, from how busy they are. A pure step, called once a period: more at once when
// they are too busy, fewer only when nothing in a whole window spoke against it. It starts and stops nothing.
//
// As Kubernetes' HorizontalPodAutoscaler and target tracking of AWS have it: instances wanted = ceil(those that take load × metric ÷ target).

export type MetricKind = 'cpu' | 'in-flight' | 'queue-time' | 'requests';

export interface ScalingPolicy {
  /** What `target` and the observed metric are of: a share of a core, requests in flight, ms, requests a second; each of one instance. */
  readonly metric: MetricKind;
  readonly target: number;
  readonly min: number;
  readonly max: number;
  /**
   * So far the metric may be above the target, and below it, as a share of it, without anything being done. Below must be more than
   * above: what noise has added, luck would take away again.
   */
  readonly toleranceOut: number;
  readonly toleranceIn: number;
  /** At most so many more, and fewer, at once. */
  readonly maxStepOut: number;
  readonly maxStepIn: number;
  /** Between one step and the next: out after out, and in after any. */
  readonly cooldownOutMs: number;
  readonly cooldownInMs: number;
  /** A new instance is not judged by before; nobody is removed meanwhile. */
  readonly warmUpMs: number;
  /** Instances are removed down to the most that was wanted within so long. */
  readonly stabilisationMs: number;
}

export interface Observation {
  /** Monotonic. */
  readonly nowMs: number;
  /** Instances that take their full share of the load. */
  readonly running: number;
  /** Started, and not yet (or not fully) taking load. */
  readonly warming: number;
  /** On their way out: they count for nothing any more. */
  readonly draining: number;
  /** Average over those that run; undefined when it is not known. */
  readonly metric: number | undefined;
}

export type ScalingReason =
  | 'steady'
  | 'scale-out'
  | 'scale-in'
  /** There are fewer, or more, than may be. */
  | 'below-min'
  | 'above-max'
  /** More, or fewer, are wanted than may be. */
  | 'at-max'
  | 'at-min'
  | 'no-metric'
  /** Nobody takes load yet. */
  | 'starting'
  /** Enough are on their way, or too new to be judged. */
  | 'warming'
  | 'cooling-down'
  | 'stabilising';

interface Wanted {
  readonly atMs: number;
  readonly size: number;
}

/** Plain data, so that whoever takes over can go on from it. */
export interface ScalingState {
  /** Of the window, each larger than all behind it. */
  readonly wanted: readonly Wanted[];
  readonly outAtMs: number;
  readonly inAtMs: number;
}

export interface ScalingStep {
  readonly next: ScalingState;
  /** Instances that there should be, those on their way included. */
  readonly desired: number;
  readonly reason: ScalingReason;
}

const NEVER = Number.NEGATIVE_INFINITY;
export const FRESH: ScalingState = { wanted: [], outAtMs: NEVER, inAtMs: NEVER };

export function scale(state: ScalingState, seen: Observation, policy: ScalingPolicy): ScalingStep {
  const { nowMs, running, warming } = seen;
  const size = running + warming;
  const hold = (reason: ScalingReason, wanted = remember(state, seen, policy, size)): ScalingStep => {
    return { next: { ...state, wanted }, desired: size, reason };
  };
  if (size < policy.min) return scaledOut(state, seen, policy, policy.min, 'below-min');
  if (size > policy.max) {
    const wanted = [{ atMs: nowMs, size: policy.max }];
    return { next: { ...state, wanted, inAtMs: nowMs }, desired: policy.max, reason: 'above-max' };
  }
  const { metric } = seen;
  if (metric === undefined || !Number.isFinite(metric) || metric < 0) return hold('no-metric', state.wanted);
  if (running === 0) return hold('starting', state.wanted);
  const ratio = metric / policy.target;
  const tolerance = ratio > 1 ? policy.toleranceOut : policy.toleranceIn;
  if (Math.abs(ratio - 1) <= tolerance + ROUNDING) return hold('steady');
  const raw = Math.ceil(running * ratio - ROUNDING);
  if (ratio > 1) return outwards(state, seen, policy, raw, hold);
  return inwards(state, seen, policy, raw, hold);
}

/** Ten at 0.5 of a target of 0.05 are a hundred, whatever floating point says. */
const ROUNDING = 1e-9;

type Hold = (reason: ScalingReason, wanted?: readonly Wanted[]) => ScalingStep;

/** Those that take no load yet take some off the others soon: what is wanted counts them. */
function outwards(state: ScalingState, seen: Observation, policy: ScalingPolicy, raw: number, hold: Hold): ScalingStep {
  const size = seen.running + seen.warming;
  const wanted = remember(state, seen, policy, Math.min(raw, policy.max));
  if (size === policy.max) return hold('at-max', wanted);
  if (raw <= size) return hold('warming');
  if (seen.nowMs - state.outAtMs < policy.cooldownOutMs) return hold('cooling-down', wanted);
  const desired = Math.min(raw, policy.max, size + policy.maxStepOut);
  return scaledOut({ ...state, wanted }, seen, policy, desired, 'scale-out');
}

/** Nothing is judged while anybody is new: the load is on its way to them. */
function inwards(state: ScalingState, seen: Observation, policy: ScalingPolicy, raw: number, hold: Hold): ScalingStep {
  const { nowMs, warming, running } = seen;
  if (warming > 0 || nowMs - state.outAtMs < policy.warmUpMs) return hold('warming', state.wanted);
  const size = running;
  if (size === policy.min) return hold('at-min');
  const wanted = remember(state, seen, policy, Math.max(raw, policy.min));
  // The largest stands first.
  const most = Math.max(wanted[0].size, policy.min);
  if (most >= size) return hold(raw >= size ? 'steady' : 'stabilising', wanted);
  const since = nowMs - Math.max(state.inAtMs, state.outAtMs);
  if (since < policy.cooldownInMs) return hold('cooling-down', wanted);
  const desired = Math.max(most, size - policy.maxStepIn);
  return { next: { ...state, wanted, inAtMs: nowMs }, desired, reason: 'scale-in' };
}

function scaledOut(
  state: ScalingState,
  seen: Observation,
  policy: ScalingPolicy,
  desired: number,
  reason: ScalingReason,
): ScalingStep {
  const wanted = remember(state, seen, policy, desired);
  return { next: { ...state, wanted, outAtMs: seen.nowMs }, desired, reason };
}

/** The window with one more in it. What is smaller than something newer can never be the most again. */
function remember(
  { wanted }: ScalingState,
  { nowMs, running, warming }: Observation,
  { stabilisationMs }: ScalingPolicy,
  size: number,
): readonly Wanted[] {
  // Nothing is known of the time before the first look, but that there were so many.
  const before = wanted.length === 0 ? [{ atMs: nowMs, size: running + warming }] : wanted;
  const kept = before.filter((one) => one.size > size && nowMs - one.atMs < stabilisationMs);
  return [...kept, { atMs: nowMs, size }];
}
