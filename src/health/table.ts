// Owns the one health view of the node. Main thread only: it alone writes `state`, `upSince` and `poolVersion` of the load
// table, from which every worker rebuilds its views. It composes active checks (machine.ts), traffic (outlier.ts) and
// operators (override.ts), and keeps the evidence for every change. It never probes and never picks.

import type { EndpointId } from '../core/endpoint.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import {
  bitsOf,
  type Entry,
  isServing,
  newEntry,
  type PoolHealth,
  type ProbeResult,
  type StateWord,
  wordOf,
} from './entry.ts';
import { initialCheck, isPending, step } from './machine.ts';
import { CLOSED, stepOutlier } from './outlier.ts';
import { type Override, type OverrideMode, Overrides } from './override.ts';
import { type EndpointStatus, statusOf } from './status.ts';
import { type ChangeCause, type HealthChange, Timeline } from './timeline.ts';
import { SlowStartTimers } from './warm-up.ts';

const TIMELINE_SIZE = 1000;

export interface HealthTableOptions {
  readonly load: LoadTable;
  readonly clock: Clock;
  readonly timelineSize?: number;
}

export class HealthTable {
  readonly #load: LoadTable;
  readonly #clock: Clock;
  readonly #entries = new Map<EndpointId, Entry>();
  readonly #pools = new Map<string, PoolHealth>();
  readonly #overrides = new Overrides();
  readonly #timeline: Timeline;
  readonly #listeners = new Set<(change: HealthChange) => void>();
  readonly #ejections = new Map<EndpointId, Timer>();
  readonly #warmUp: SlowStartTimers;

  constructor({ load, clock, timelineSize = TIMELINE_SIZE }: HealthTableOptions) {
    this.#load = load;
    this.#clock = clock;
    this.#timeline = new Timeline(timelineSize);
    this.#warmUp = new SlowStartTimers(load, clock, (pool) => this.#bump(pool));
  }

  /**
   * Adds or updates a pool with its whole set of endpoints; what is known of the ones that stay is kept. Endpoints that
   * are missing from the set go on as they are until `prune`, because views of the old configuration may still use them.
   * `initial` marks the first configuration of the process, whose endpoints start without slow start.
   */
  setPool(pool: PoolHealth, { initial = false } = {}): void {
    this.#pools.set(pool.name, pool);
    const present = new Set(pool.endpoints.map((endpoint) => endpoint.id));
    for (const entry of this.#members(pool.name)) if (!present.has(entry.id)) entry.leaving = true;
    for (const endpoint of pool.endpoints) {
      const known = this.#entries.get(endpoint.id);
      if (known === undefined) {
        this.#add(newEntry(endpoint, pool, initial, this.#clock.now(), this.#clock.epoch()));
      } else {
        this.#replace(known, newEntry(endpoint, pool, initial, this.#clock.now(), this.#clock.epoch()));
      }
    }
    this.#bump(pool);
    this.#relieve(pool.name);
  }

  /** Marks a whole pool as leaving; `prune` forgets it. */
  removePool(name: string): void {
    this.#pools.delete(name);
    for (const entry of this.#members(name)) entry.leaving = true;
  }

  /** Forgets what is no longer configured. Call when no worker uses the old configuration any more. */
  prune(): void {
    const touched = new Set<PoolHealth>();
    for (const entry of this.#entries.values()) {
      if (!entry.leaving) continue;
      this.#entries.delete(entry.id);
      this.#ejections.get(entry.id)?.cancel();
      this.#ejections.delete(entry.id);
      Atomics.store(this.#load.state, entry.endpoint.slot, 0);
      this.#load.upSince[entry.endpoint.slot] = 0;
      touched.add(entry.pool);
      this.#record(entry, entry.word, 'absent', 'config', 'removed from the configuration');
    }
    for (const pool of touched) {
      this.#bump(pool);
      if (this.#pools.has(pool.name)) this.#relieve(pool.name);
    }
  }

  /** Feeds one result of an active check. Results about endpoints that are gone are ignored. */
  probeResult(id: EndpointId, result: ProbeResult): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.leaving) return;
    const { health } = entry.pool;
    if (health === undefined) return;
    entry.lastProbe = { ...result, at: this.#clock.epoch() };
    const { next, transition } = step(entry.check, { kind: 'probe', ok: result.ok }, health, this.#clock.now());
    entry.check = next;
    if (transition === 'changed') this.#publish(entry, 'probe', result.evidence);
  }

  /** Reads what traffic saw since the last call and lets it count from now. Cheap enough to call on every signal. */
  collect(): void {
    for (const entry of this.#entries.values()) {
      const { slot } = entry.endpoint;
      const trials = Atomics.load(this.#load.trialSuccesses, slot);
      const failures = Atomics.load(this.#load.failures, slot);
      if (trials === entry.seenTrials && failures === entry.seenFailures) continue;
      const newTrials = (trials - entry.seenTrials) | 0;
      const newFailures = (failures - entry.seenFailures) | 0;
      entry.seenTrials = trials;
      entry.seenFailures = failures;
      if (newTrials > 0) this.#onTrialSuccess(entry);
      if (newFailures > 0) this.#onFailures(entry, newFailures);
    }
  }

  /** An operator's word. `note` says who and why, and is kept as evidence. */
  override(id: EndpointId, mode: OverrideMode, note = ''): Result<StateWord, string> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return err(`there is no endpoint "${id}"`);
    this.#overrides.set(id, { mode, at: this.#clock.epoch(), note });
    entry.mode = mode;
    this.#publish(entry, 'operator', note === '' ? mode : `${mode}: ${note}`);
    return ok(entry.word);
  }

  /** Called in the same tick, after the load table was written. Returns the unsubscriber. */
  subscribe(listener: (change: HealthChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  word(id: EndpointId): StateWord | undefined {
    return this.#entries.get(id)?.word;
  }

  /** Is a verdict of the active checks about to change? The next probe then comes sooner, and DNS answers live shorter. */
  isPending(id: EndpointId): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.pool.health !== undefined && isPending(entry.check);
  }

  /** Ids of a pool's endpoints that may be picked; undefined when there is no such pool. */
  serving(pool: string): readonly EndpointId[] | undefined {
    if (!this.#pools.has(pool)) return undefined;
    const members = this.#members(pool).filter(isServing);
    const proven = members.filter((entry) => entry.word !== 'checking');
    return (proven.length > 0 ? proven : members).map((entry) => entry.id);
  }

  pools(): readonly PoolHealth[] {
    return [...this.#pools.values()];
  }

  overrides(): readonly (readonly [EndpointId, Override])[] {
    return this.#overrides.entries();
  }

  /** Oldest first. */
  timeline(id?: EndpointId): readonly HealthChange[] {
    return this.#timeline.list(id);
  }

  /** Every configured endpoint, by pool and in configuration order. */
  snapshot(): readonly EndpointStatus[] {
    const all: EndpointStatus[] = [];
    for (const pool of this.#pools.values()) {
      for (const { id } of pool.endpoints) {
        const entry = this.#entries.get(id);
        if (entry) all.push(statusOf(entry, this.#overrides.get(id), this.#load, this.#clock));
      }
    }
    return all;
  }

  /** Cancels every timer. */
  stop(): void {
    for (const timer of this.#ejections.values()) timer.cancel();
    this.#ejections.clear();
    this.#warmUp.stop();
  }

  #add(entry: Entry): void {
    const { slot } = entry.endpoint;
    entry.seenFailures = Atomics.load(this.#load.failures, slot);
    entry.seenTrials = Atomics.load(this.#load.trialSuccesses, slot);
    entry.mode = this.#overrides.get(entry.id).mode;
    entry.word = wordOf(entry);
    this.#entries.set(entry.id, entry);
    // The first configuration has nothing to be compared with, so it is no change worth a line for each endpoint.
    if (entry.word === 'up' && !entry.initial) this.#warmUp.begin(entry.pool, slot);
    Atomics.store(this.#load.state, slot, bitsOf(entry));
    this.#record(entry, 'absent', entry.word, 'config', entry.initial ? 'first configuration' : 'configured');
  }

  /** A reload changed (perhaps) weight, policies or checks of an endpoint that stays. */
  #replace(entry: Entry, next: Entry): void {
    const hadChecks = entry.pool.health !== undefined;
    entry.endpoint = next.endpoint;
    entry.pool = next.pool;
    entry.leaving = false;
    // Checks that were just switched on start from what was believed: a reload must not take a running pool out.
    if (hadChecks !== (next.pool.health !== undefined)) entry.check = initialCheck('up', this.#clock.now());
    if (next.pool.passive === undefined) entry.outlier = CLOSED;
    if (next.pool.slowStart === undefined) this.#load.upSince[entry.endpoint.slot] = 0;
    this.#publish(entry, 'config', 'configuration changed');
  }

  #onTrialSuccess(entry: Entry): void {
    if (entry.pool.passive === undefined) return;
    const { next, transition } = stepOutlier(
      entry.outlier,
      { kind: 'trial-success' },
      entry.pool.passive,
      this.#clock.now(),
    );
    entry.outlier = next;
    if (transition === 'changed') this.#publish(entry, 'passive', 'a trial request succeeded');
  }

  #onFailures(entry: Entry, count: number): void {
    const { passive } = entry.pool;
    if (passive === undefined) return;
    const now = this.#clock.now();
    const mayEject = this.#maySpare(entry, passive.maxEjected);
    const wasTrial = entry.outlier.phase === 'trial';
    const { next, transition } = stepOutlier(entry.outlier, { kind: 'failures', count, mayEject }, passive, now);
    entry.outlier = next;
    if (transition === 'changed') {
      entry.withheld = false;
      const why = wasTrial
        ? 'a trial request failed'
        : `${passive.failures} failures within ${seconds(passive.windowMs)}`;
      const term = `out for ${seconds(next.until - now)} (ejection ${next.ejections} in a row)`;
      this.#armEjection(entry);
      this.#publish(entry, 'passive', `${why}; ${term}`);
    } else if (!mayEject && !entry.withheld && (wasTrial || next.recent.length >= passive.failures)) {
      entry.withheld = true;
      const evidence = `not ejected after ${next.recent.length} failures: the pool cannot spare it`;
      this.#record(entry, entry.word, entry.word, 'passive', evidence);
    }
  }

  /** Within the allowed share, and never the last one that surely works: another's trial is no replacement. */
  #maySpare(entry: Entry, maxEjected: number): boolean {
    let total = 0;
    let ejected = 0;
    let others = 0;
    for (const member of this.#members(entry.pool.name)) {
      if (member.leaving || member.endpoint.weight <= 0) continue;
      total++;
      if (member.outlier.phase === 'ejected') ejected++;
      if (member !== entry && member.word === 'up') others++;
    }
    return others > 0 && ejected + 1 <= Math.floor(total * maxEjected + 1e-9);
  }

  /** Ends ejections early when the pool lost what made them affordable: what is suspect beats what is certainly gone. */
  #relieve(name: string): void {
    const members = this.#members(name).filter((entry) => !entry.leaving && entry.endpoint.weight > 0);
    const ejected = members.filter((entry) => entry.outlier.phase === 'ejected');
    if (ejected.length === 0) return;
    ejected.sort((a, b) => a.outlier.until - b.outlier.until);
    const allowed = Math.floor(members.length * (ejected[0].pool.passive?.maxEjected ?? 0) + 1e-9);
    const excess = ejected.splice(0, Math.max(0, ejected.length - allowed));
    for (const entry of excess) this.#release(entry, 'more ejected than the pool allows');
    if (members.some(isServing)) return;
    for (const entry of ejected) {
      if (entry.word === 'ejected') this.#release(entry, 'nothing else in the pool can serve');
    }
  }

  #release(entry: Entry, evidence: string): void {
    const passive = entry.pool.passive;
    if (passive === undefined) return;
    this.#ejections.get(entry.id)?.cancel();
    this.#ejections.delete(entry.id);
    entry.outlier = stepOutlier(entry.outlier, { kind: 'release' }, passive, this.#clock.now()).next;
    this.#publish(entry, 'passive', `released early: ${evidence}`);
  }

  #armEjection(entry: Entry): void {
    this.#ejections.get(entry.id)?.cancel();
    const delay = entry.outlier.until - this.#clock.now();
    const timer = this.#clock.after(delay, () => {
      this.#ejections.delete(entry.id);
      if (this.#entries.get(entry.id) !== entry || entry.pool.passive === undefined) return;
      const { next, transition } = stepOutlier(entry.outlier, { kind: 'tick' }, entry.pool.passive, this.#clock.now());
      entry.outlier = next;
      if (transition === 'changed') this.#publish(entry, 'passive', 'ejection is over');
      // A real timer may fire a moment early.
      else if (next.phase === 'ejected') this.#armEjection(entry);
    });
    this.#ejections.set(entry.id, timer);
  }

  /** Writes what the entry has become where workers see it, and tells everyone when its word changed. */
  #publish(entry: Entry, cause: ChangeCause, evidence: string): void {
    const { slot } = entry.endpoint;
    const from = entry.word;
    const to = wordOf(entry);
    entry.word = to;
    if (from !== to) this.#onWord(entry, from, to, cause);
    const bits = bitsOf(entry);
    if (from !== to || Atomics.load(this.#load.state, slot) !== bits) {
      Atomics.store(this.#load.state, slot, bits);
      this.#bump(entry.pool);
    }
    if (from !== to) this.#record(entry, from, to, cause, evidence);
    this.#relieve(entry.pool.name);
  }

  #onWord(entry: Entry, from: StateWord, to: StateWord, cause: ChangeCause): void {
    const { slot } = entry.endpoint;
    entry.since = this.#clock.epoch();
    if (cause !== 'operator' && cause !== 'config' && (to === 'down' || to === 'ejected')) entry.flaps++;
    if (to === 'up') {
      // Coming back from drain it is still warm; after the first verdict of the first configuration all are equally cold.
      const warm = from === 'draining' || (from === 'checking' && entry.initial);
      if (!warm) this.#warmUp.begin(entry.pool, slot);
    } else if (to !== 'draining') {
      this.#load.upSince[slot] = 0;
    }
  }

  #record(
    entry: Entry,
    from: HealthChange['from'],
    to: HealthChange['to'],
    cause: ChangeCause,
    evidence: string,
  ): void {
    const change = { at: this.#clock.epoch(), id: entry.id, pool: entry.pool.name, from, to, cause, evidence };
    this.#timeline.add(change);
    if (from !== to) for (const listener of this.#listeners) listener(change);
  }

  #members(pool: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.pool.name === pool);
  }

  #bump(pool: PoolHealth): void {
    Atomics.add(this.#load.poolVersion, pool.slot, 1);
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
