// Owns passive ejection in a pool: feeds outlier.ts with what traffic saw, keeps the timers of ejections, and decides what
// the pool can spare: never more than `maxEjected` of it, and never the last endpoint that surely works.
// Main thread only; it changes `entry.outlier` and leaves the publishing to table.ts.

import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { type Entry, isServing } from './entry.ts';
import { passesToTrial, stepOutlier } from './outlier.ts';

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
    if (newTrials > 0) this.#onTrialSuccess(entry);
    if (newFailures > 0) this.#onFailures(entry, newFailures);
  }

  /** Probes may end an ejection early. Returns why, when this one did; the caller publishes it together with the verdict. */
  onProbe(entry: Entry, ok: boolean): string | undefined {
    const { health, passive } = entry.pool;
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
    const allowed = allowedEjections(members.length, ejected[0].pool.passive?.maxEjected ?? 0);
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

  #onTrialSuccess(entry: Entry): void {
    const { passive } = entry.pool;
    if (passive === undefined) return;
    const { next, transition } = stepOutlier(entry.outlier, { kind: 'trial-success' }, passive, this.#clock.now());
    entry.outlier = next;
    if (transition === 'same') return;
    entry.withheld = false;
    this.#host.changed(entry, 'a trial request succeeded');
  }

  #onFailures(entry: Entry, count: number): void {
    const { passive } = entry.pool;
    if (passive === undefined) return;
    const now = this.#clock.now();
    const mayEject = this.#maySpare(entry, passive.maxEjected);
    const trial = entry.outlier.phase === 'trial';
    const { next, transition } = stepOutlier(entry.outlier, { kind: 'failures', count, mayEject }, passive, now);
    entry.outlier = next;
    if (transition === 'changed') {
      entry.withheld = false;
      const why = trial ? 'a trial request failed' : `${passive.failures} failures within ${seconds(passive.windowMs)}`;
      this.#arm(entry);
      const { health } = entry.pool;
      const proof = health && ` or ${passesToTrial(next.ejections, health.rise)} good probes in a row`;
      const duration = `${seconds(next.until - now)}${proof ?? ''}`;
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
    const { passive } = entry.pool;
    this.forget(entry);
    if (passive === undefined) return;
    entry.outlier = stepOutlier(entry.outlier, { kind: 'release' }, passive, this.#clock.now()).next;
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
      const { passive } = entry.pool;
      if (passive === undefined) return;
      const { next, transition } = stepOutlier(entry.outlier, { kind: 'tick' }, passive, this.#clock.now());
      entry.outlier = next;
      if (transition === 'changed') this.#beginTrial(entry, 'the ejection is over');
      // A real timer may fire a moment early.
      else if (next.phase === 'ejected') this.#arm(entry);
    });
    this.#timers.set(entry.id, timer);
  }
}

function allowedEjections(total: number, maxEjected: number): number {
  return Math.floor(total * maxEjected + 1e-9);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
