// Owns passive ejection in a pool: feeds outlier.ts with what traffic saw, keeps the timers of ejections, and decides what
// the pool can spare: never more than `maxEjected` of it, and never the last endpoint that surely works.
// Main thread only; it changes `entry.outlier` and leaves the publishing to table.ts.

import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { type Entry, isServing, type PoolHealth } from './entry.ts';
import { type OutlierPolicy, passesToTrial, stepOutlier } from './outlier.ts';

export interface EjectorHost {
  /** The members of an entry's pool. */
  members(entry: Entry): Iterable<Entry>;
  /** `entry.outlier` changed its phase. */
  changed(entry: Entry, evidence: string): void;
  /** Worth a line in the timeline, but nothing changed. */
  note(entry: Entry, evidence: string): void;
}

export class Ejector {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #host: EjectorHost;
  readonly #timers = new Map<EndpointId, Timer>();

  constructor(load: LoadTable, clock: Clock, host: EjectorHost) {
    this.#load = load;
    this.#clock = clock;
    this.#host = host;
  }

  /** Reads what traffic saw of an endpoint since the last time. */
  collect(entry: Entry): void {
    const { slot } = entry.endpoint;
    const trials = Atomics.load(this.#load.trialSuccesses, slot);
    const failures = Atomics.load(this.#load.failures, slot);
    if (trials === entry.seenTrials && failures === entry.seenFailures) return;
    // Counters may wrap; their 32-bit difference does not mind.
    const newTrials = (trials - entry.seenTrials) | 0;
    const newFailures = (failures - entry.seenFailures) | 0;
    entry.seenTrials = trials;
    entry.seenFailures = failures;
    if (newTrials > 0) this.#onTrialSuccess(entry, newTrials);
    if (newFailures > 0) this.#onFailures(entry, newFailures);
  }

  /** Probes may end an ejection early. Returns why, when this one did; the caller publishes it together with the verdict. */
  onProbe(entry: Entry, ok: boolean): string | undefined {
    const { health } = entry.pool;
    const passive = policyOf(entry.pool);
    if (health === undefined || passive === undefined) return undefined;
    const { ejections } = entry.outlier;
    const event = { kind: 'probe', ok, rise: health.rise } as const;
    const { next, transition } = stepOutlier(entry.outlier, event, passive, this.#clock.now());
    entry.outlier = next;
    if (transition !== 'changed') return undefined;
    this.forget(entry);
    this.#countLeftOver(entry);
    return `${passesToTrial(ejections, health.rise)} good probes in a row end the ejection`;
  }

  /** Ends ejections early when the pool lost what made them affordable: what is suspect beats what is certainly gone. */
  relieve(pool: Iterable<Entry>): void {
    const members = [...pool].filter((entry) => !entry.leaving && entry.endpoint.weight > 0);
    const ejected = members.filter((entry) => entry.outlier.phase === 'ejected');
    if (ejected.length === 0) return;
    ejected.sort((a, b) => a.outlier.until - b.outlier.until);
    const allowed = allowedEjections(members.length, policyOf(ejected[0].pool)?.maxEjected ?? 0);
    const excess = ejected.splice(0, Math.max(0, ejected.length - allowed));
    for (const entry of excess) this.#release(entry, 'more are ejected than the pool allows');
    if (members.some(isServing)) return;
    for (const entry of ejected)
      if (entry.word === 'ejected') this.#release(entry, 'nothing else in the pool can serve');
  }

  forget(entry: Entry): void {
    this.#timers.get(entry.id)?.cancel();
    this.#timers.delete(entry.id);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** The breaker of one endpoint has seen enough. */
  trip(entry: Entry, evidence: string): void {
    const { breaker } = entry.pool;
    const policy = policyOf(entry.pool);
    if (breaker === undefined || policy === undefined) return;
    const mayEject = this.#maySpare(entry, policy.maxEjected);
    const event = { kind: 'trip', openMs: breaker.openMs, need: breaker.halfOpen, mayEject } as const;
    const { next, transition } = stepOutlier(entry.outlier, event, policy, this.#clock.now());
    entry.outlier = next;
    if (transition === 'changed') {
      entry.withheld = false;
      this.#arm(entry);
      this.#host.changed(entry, `its breaker opens for ${seconds(breaker.openMs)}: ${evidence}`);
    } else if (transition === 'pending' && !entry.withheld) {
      entry.withheld = true;
      this.#host.note(entry, `its breaker stays closed, for the pool cannot spare it: ${evidence}`);
    }
  }

  #onTrialSuccess(entry: Entry, count: number): void {
    const policy = policyOf(entry.pool);
    if (policy === undefined) return;
    const { next, transition } = stepOutlier(
      entry.outlier,
      { kind: 'trial-success', count },
      policy,
      this.#clock.now(),
    );
    const { need } = entry.outlier;
    entry.outlier = next;
    if (transition !== 'changed') return;
    entry.withheld = false;
    this.#host.changed(entry, need === 1 ? 'a trial request succeeded' : `${need} trial requests succeeded`);
  }

  #onFailures(entry: Entry, count: number): void {
    const { pool } = entry;
    const passive = policyOf(pool);
    const trial = entry.outlier.phase === 'trial';
    // A breaker goes by shares, and counts for itself.
    if (passive === undefined || (pool.passive === undefined && !trial)) return;
    const now = this.#clock.now();
    const mayEject = this.#maySpare(entry, passive.maxEjected);
    const { next, transition } = stepOutlier(entry.outlier, { kind: 'failures', count, mayEject }, passive, now);
    entry.outlier = next;
    if (transition === 'changed') {
      entry.withheld = false;
      const why = trial ? 'a trial request failed' : `${passive.failures} failures within ${seconds(passive.windowMs)}`;
      this.#arm(entry);
      const { health } = pool;
      const proof =
        health && next.openMs === 0 && ` or ${passesToTrial(next.ejections, health.rise)} good probes in a row`;
      const duration = `${seconds(next.until - now)}${proof || ''}`;
      this.#host.changed(entry, `${why}; out for ${duration}, ejection ${next.ejections} in a row`);
    } else if (!mayEject && !entry.withheld && next.phase !== 'ejected') {
      if (!trial && next.recent.length < passive.failures) return;
      entry.withheld = true;
      this.#host.note(entry, `not ejected after ${next.recent.length} failures: the pool cannot spare it`);
    }
  }

  /** Another's trial is no replacement. */
  #maySpare(entry: Entry, maxEjected: number): boolean {
    let total = 0;
    let ejected = 0;
    let others = 0;
    for (const member of this.#host.members(entry)) {
      if (member.leaving || member.endpoint.weight <= 0) continue;
      total++;
      if (member.outlier.phase === 'ejected') ejected++;
      if (member !== entry && member.word === 'up') others++;
    }
    return others > 0 && ejected + 1 <= allowedEjections(total, maxEjected);
  }

  #release(entry: Entry, evidence: string): void {
    const policy = policyOf(entry.pool);
    this.forget(entry);
    if (policy === undefined) return;
    entry.outlier = stepOutlier(entry.outlier, { kind: 'release' }, policy, this.#clock.now()).next;
    this.#beginTrial(entry, `released early: ${evidence}`);
  }

  #beginTrial(entry: Entry, evidence: string): void {
    this.#countLeftOver(entry);
    this.#host.changed(entry, evidence);
  }

  #countLeftOver(entry: Entry): void {
    entry.leftOver = Math.max(0, Atomics.load(this.#load.inFlight, entry.endpoint.slot));
  }

  #arm(entry: Entry): void {
    this.forget(entry);
    const timer = this.#clock.after(entry.outlier.until - this.#clock.now(), () => {
      this.#timers.delete(entry.id);
      const policy = policyOf(entry.pool);
      if (policy === undefined) return;
      const { next, transition } = stepOutlier(entry.outlier, { kind: 'tick' }, policy, this.#clock.now());
      entry.outlier = next;
      if (transition === 'changed') this.#beginTrial(entry, 'the ejection is over');
      // A real timer may fire a moment early.
      else if (next.phase === 'ejected') this.#arm(entry);
    });
    this.#timers.set(entry.id, timer);
  }
}

/** By what ejections are decided; undefined where traffic takes nobody out. */
export function policyOf({
  passive,
  breaker,
}: PoolHealth): (OutlierPolicy & { readonly maxEjected: number }) | undefined {
  if (passive !== undefined || breaker === undefined || breaker.scope === 'pool') return passive;
  const { windowMs, openMs } = breaker;
  return { failures: 1, windowMs, ejectMs: openMs, maxEjectMs: openMs, maxEjected: 0.5 };
}

function allowedEjections(total: number, maxEjected: number): number {
  return Math.floor(total * maxEjected + 1e-9);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
