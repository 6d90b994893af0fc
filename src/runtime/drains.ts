// Owns drains that somebody watches: an endpoint takes no new work, and it is told how much still runs, until nothing does. At the
// deadline sessions that are pinned there are moved as well; what still runs is never cut.
//
//   draining ──nothing runs──▶ empty          draining ──deadline──▶ late ──nothing runs──▶ empty
//      └────────── somebody said otherwise ──▶ ended

import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { OverrideMode } from '../health/override.ts';
import type { DrainProgress, Running } from './facade.ts';

export interface DrainParts {
  readonly clock: Clock;
  /** Undefined: there is no such endpoint (any more). */
  running(id: EndpointId): Running | undefined;
  /** What the operator's word is now. */
  mode(id: EndpointId): OverrideMode;
  say(id: EndpointId, mode: OverrideMode, note: string): Result<unknown, string>;
}

interface Drain {
  readonly id: EndpointId;
  readonly note: string;
  readonly startedAt: number;
  readonly startedEpoch: number;
  /** Monotonic ms; infinite for none. */
  readonly deadline: number;
  readonly began: number;
  phase: DrainProgress['phase'];
  endedAt: number;
  samples: { readonly at: number; readonly inFlight: number }[];
}

const LOOK_MS = 500;
/** What the estimate goes by. */
const SAMPLES = 40;
const KEPT = 1000;
/** So long nothing must have run: a connection may be under way between two requests. */
const QUIET_MS = 1000;

export class Drains {
  readonly #parts: DrainParts;
  readonly #drains = new Map<EndpointId, Drain>();
  #timer: Timer | undefined;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /** `deadlineMs` 0 for none. */
  begin(id: EndpointId, deadlineMs: number, note: string): Result<DrainProgress, string> {
    const { clock, running, say } = this.#parts;
    const now = running.call(this.#parts, id);
    if (now === undefined) return err(`there is no endpoint "${id}"`);
    const said = say.call(this.#parts, id, 'drain', note);
    if (!said.ok) return said;
    const drain: Drain = {
      id,
      note,
      startedAt: clock.now(),
      startedEpoch: clock.epoch(),
      deadline: deadlineMs === 0 ? Number.POSITIVE_INFINITY : clock.now() + deadlineMs,
      began: now.inFlight,
      phase: 'draining',
      endedAt: 0,
      samples: [],
    };
    this.#drains.delete(id);
    this.#drains.set(id, drain);
    for (const oldest of this.#drains.keys()) {
      if (this.#drains.size <= KEPT) break;
      this.#drains.delete(oldest);
    }
    this.#look();
    return ok(this.#progress(drain));
  }

  /** Undefined: nobody asked for one. */
  progress(id: EndpointId): DrainProgress | undefined {
    const drain = this.#drains.get(id);
    return drain && this.#progress(drain);
  }

  all(): readonly DrainProgress[] {
    return [...this.#drains.values()].map((drain) => this.#progress(drain));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const open = [...this.#drains.values()].filter(({ phase }) => phase === 'draining' || phase === 'late');
    for (const drain of open) this.#step(drain);
    if (open.length > 0) this.#timer = this.#parts.clock.after(LOOK_MS, () => this.#look());
  }

  #step(drain: Drain): void {
    const { clock } = this.#parts;
    const now = clock.now();
    const running = this.#parts.running(drain.id);
    if (running === undefined || this.#parts.mode(drain.id) === 'ready') return this.#end(drain, 'ended');
    drain.samples.push({ at: now, inFlight: running.inFlight });
    if (drain.samples.length > SAMPLES) drain.samples.shift();
    if (isQuiet(drain, now) && !isExpected(running, drain)) return this.#end(drain, 'empty');
    if (now < drain.deadline || drain.phase === 'late') return;
    drain.phase = 'late';
    if (running.sessions !== undefined)
      this.#parts.say(drain.id, 'maintenance', `${drain.note}; sessions were moved at the deadline`);
  }

  #end(drain: Drain, phase: 'empty' | 'ended'): void {
    drain.phase = phase;
    drain.endedAt = this.#parts.clock.now();
  }

  #progress({ id, note, phase, startedAt, startedEpoch, deadline, began, endedAt, samples }: Drain): DrainProgress {
    const { clock } = this.#parts;
    const now = endedAt === 0 ? clock.now() : endedAt;
    const running = this.#parts.running(id) ?? { inFlight: 0, streams: 0, sessions: undefined };
    const isOpen = phase === 'draining' || phase === 'late';
    return {
      id,
      note,
      phase,
      startedAt: startedEpoch,
      tookMs: now - startedAt,
      leftMs: Number.isFinite(deadline) ? Math.max(0, deadline - clock.now()) : undefined,
      began,
      ...running,
      estimateMs: isOpen ? estimate(samples) : undefined,
    };
  }
}

function isQuiet({ samples, startedAt }: Drain, now: number): boolean {
  const since = now - QUIET_MS;
  return startedAt <= since && samples.every(({ at, inFlight }) => at < since || inFlight === 0);
}

/** Who is pinned here comes back, until the deadline moves them. */
function isExpected({ sessions = 0 }: Running, { phase }: Drain): boolean {
  return phase === 'draining' && sessions > 0;
}

/** As long as it takes to get to nothing at the pace of the last samples; undefined when there is no pace. */
function estimate(samples: Drain['samples']): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.inFlight === 0) return undefined;
  const gone = first.inFlight - last.inFlight;
  return gone <= 0 ? undefined : ((last.at - first.at) * last.inFlight) / gone;
}
