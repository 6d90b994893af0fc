// Owns the one health view of the node. Main thread only: it alone writes `state`, `upSince` and `poolVersion` of the load
// table, from which every worker rebuilds its views. It composes active checks (machine.ts), traffic (ejector.ts) and
// operators (override.ts), and keeps the evidence for every change. It never probes and never picks.

import type { Endpoint, EndpointId } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import { type LoadTable, STATE } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import { AdaptiveLimits } from './adaptive-limits.ts';
import { type BreakerReport, Breakers } from './breakers.ts';
import { Ejector, policyOf } from './ejector.ts';
import {
  bitsOf,
  type Entry,
  isServing,
  mayChangeSoon,
  newEntry,
  type PoolHealth,
  type ProbeResult,
  type StateWord,
  serves,
  wordOf,
} from './entry.ts';
import { initialCheck, step, type Verdict } from './machine.ts';
import { CLOSED } from './outlier.ts';
import { type Override, type OverrideMode, Overrides } from './override.ts';
import { type Hindsight, hindsight, ProbeHistory } from './probe-history.ts';
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
  readonly #members = new Map<string, Set<Entry>>();
  readonly #pools = new Map<string, PoolHealth>();
  readonly #overrides = new Overrides();
  #presumed: ReadonlyMap<EndpointId, 'up' | 'down'> = new Map();
  readonly #timeline: Timeline;
  readonly #listeners = new Set<(change: HealthChange) => void>();
  readonly #ejector: Ejector;
  readonly #warmUp: SlowStartTimers;
  readonly #breakers: Breakers;
  readonly #adaptive: AdaptiveLimits;
  #onProbe: ((id: EndpointId, verdict: Verdict, evidence: string) => void) | undefined;

  constructor({ load, clock, timelineSize = TIMELINE_SIZE }: HealthTableOptions) {
    this.#load = load;
    this.#clock = clock;
    this.#timeline = new Timeline(timelineSize);
    this.#warmUp = new SlowStartTimers(load, clock, (pool) => this.#bump(pool));
    this.#ejector = new Ejector(load, clock, {
      members: (entry) => this.#membersOf(entry.pool.name),
      changed: (entry, evidence) => this.#publish(entry, 'passive', evidence),
      note: (entry, evidence) => this.#record(entry, entry.word, entry.word, 'passive', evidence),
    });
    this.#breakers = new Breakers(load, clock, {
      members: (pool) => this.#membersOf(pool),
      trip: (entry, evidence) => this.#ejector.trip(entry, evidence),
      changed: ({ name }, from, to, evidence) =>
        this.#tell({ id: name, pool: name, from, to, cause: 'breaker', evidence }),
    });
    this.#adaptive = new AdaptiveLimits(load, clock);
  }

  /**
   * Adds or updates a pool with its whole set of endpoints; what is known of the ones that stay is kept. Endpoints that
   * are missing from the set go on as they are until `prune`, because views of the old configuration may still use them.
   * `initial` marks the first configuration of the process, whose endpoints start without slow start.
   */
  setPool(pool: PoolHealth, { initial = false } = {}): void {
    this.#pools.set(pool.name, pool);
    const present = new Set(pool.endpoints.map((endpoint) => endpoint.id));
    for (const entry of this.#membersOf(pool.name)) if (!present.has(entry.id)) entry.leaving = true;
    // New ones first: what the pool can spare is judged by the whole set.
    const known = pool.endpoints.filter((endpoint) => this.#entries.has(endpoint.id));
    for (const endpoint of pool.endpoints) if (!this.#entries.has(endpoint.id)) this.#add(endpoint, pool, initial);
    for (const endpoint of known) this.#update(this.#entries.get(endpoint.id)!, endpoint, pool);
    this.#bump(pool);
    this.#breakers.set(pool);
    this.#adaptive.set(pool);
    this.#ejector.relieve(this.#membersOf(pool.name));
  }

  /** Marks a whole pool as leaving; `prune` forgets it. */
  removePool(name: string): void {
    this.#pools.delete(name);
    this.#breakers.remove(name);
    this.#adaptive.remove(name);
    for (const entry of this.#membersOf(name)) entry.leaving = true;
  }

  /** Forgets what is no longer configured. Call when no worker uses the old configuration any more. */
  prune(): void {
    const touched = new Set<PoolHealth>();
    for (const entry of this.#entries.values()) {
      if (!entry.leaving) continue;
      this.#entries.delete(entry.id);
      this.#membersOf(entry.pool.name).delete(entry);
      this.#ejector.forget(entry);
      Atomics.store(this.#load.state, entry.endpoint.slot, 0);
      this.#load.upSince[entry.endpoint.slot] = 0;
      touched.add(entry.pool);
      this.#record(entry, entry.word, 'absent', 'config', 'removed from the configuration');
    }
    for (const pool of touched) {
      this.#bump(pool);
      const members = this.#membersOf(pool.name);
      if (members.size === 0) this.#members.delete(pool.name);
      this.#ejector.relieve(members);
    }
  }

  /** Feeds one result of an active check. Results about endpoints that are gone are ignored. */
  probeResult(id: EndpointId, result: ProbeResult): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.pool.health === undefined) return;
    const at = this.#clock.epoch();
    entry.lastProbe = { ...result, at };
    entry.history ??= new ProbeHistory();
    entry.history.add(at, result.ok);
    const { health } = entry.pool;
    const { next, transition } = step(entry.check, { kind: 'probe', ok: result.ok }, health, this.#clock.now());
    entry.check = next;
    this.#onProbe?.(id, next.verdict, result.evidence);
    const released = this.#ejector.onProbe(entry, result.ok);
    if (transition !== 'changed' && released === undefined) return void this.#write(entry);
    this.#publish(entry, 'probe', released === undefined ? result.evidence : `${result.evidence}; ${released}`);
  }

  /** What balancers that share their verdicts agreed on; undefined: from now on our own checks decide. `follow`: those are not made. */
  adoptVerdict(id: EndpointId, verdict: Verdict | undefined, evidence: string, follow: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.pool.health === undefined) return;
    if (follow && verdict !== undefined && entry.check.verdict !== verdict)
      entry.check = initialCheck(verdict, this.#clock.now());
    if (entry.agreed === verdict) return;
    entry.agreed = verdict;
    this.#publish(entry, 'cluster', evidence);
  }

  /** `listener` hears what our own checks say, after each of them. */
  onProbe(listener: (id: EndpointId, verdict: Verdict, evidence: string) => void): void {
    this.#onProbe = listener;
  }

  /** Reads what traffic saw since the last call and lets it count from now. Cheap enough to call on every signal. */
  collect(): void {
    for (const entry of this.#entries.values()) this.#ejector.collect(entry);
    this.#breakers.collect();
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

  /** What an operator said before the process was started again; no news to anybody. */
  remember(id: EndpointId, override: Override): void {
    this.#overrides.set(id, override);
  }

  /** What another process found out just now: endpoints that come begin with it, instead of being checked first. */
  presume(verdicts: ReadonlyMap<EndpointId, 'up' | 'down'>): void {
    this.#presumed = verdicts;
  }

  overrideOf(id: EndpointId): Override {
    return this.#overrides.get(id);
  }

  /** As `ready`, also for endpoints that are not there. */
  forgetOverride(id: EndpointId, note: string): void {
    if (this.#entries.has(id)) this.override(id, 'ready', note);
    else this.#overrides.set(id, { mode: 'ready', at: this.#clock.epoch(), note });
  }

  /** Called in the same tick, after the load table was written. Returns the unsubscriber. */
  subscribe(listener: (change: HealthChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  word(id: EndpointId): StateWord | undefined {
    return this.#entries.get(id)?.word;
  }

  /** Could active checks change the state soon? The next probe then comes sooner, and DNS answers live shorter. */
  isPending(id: EndpointId): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && mayChangeSoon(entry);
  }

  /** Ids of a pool's endpoints that may be picked, whatever their tier; undefined when there is no such pool. */
  serving(pool: string): readonly EndpointId[] | undefined {
    if (!this.#pools.has(pool)) return undefined;
    const members = [...this.#membersOf(pool)].filter(isServing);
    const proven = members.filter((entry) => entry.word !== 'checking');
    return (proven.length > 0 ? proven : members).map((entry) => entry.id);
  }

  /** Of a pool as a whole; undefined when it has none. */
  breaker(pool: string): BreakerReport | undefined {
    return this.#breakers.report(pool);
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

  /** What other values of `fall` would have made of the newest checks; undefined where nothing is checked. */
  hindsight(id: EndpointId, falls: readonly number[]): readonly Hindsight[] | undefined {
    const entry = this.#entries.get(id);
    if (entry?.pool.health === undefined) return undefined;
    return hindsight(entry.history?.list() ?? [], entry.pool.health, falls, this.#clock.epoch());
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
    this.#ejector.stop();
    this.#warmUp.stop();
    this.#breakers.stop();
    this.#adaptive.stop();
  }

  #add(endpoint: Endpoint, pool: PoolHealth, initial: boolean): void {
    const { slot } = endpoint;
    const entry = newEntry(endpoint, pool, initial, this.#clock.now(), this.#clock.epoch());
    entry.seenFailures = Atomics.load(this.#load.failures, slot);
    entry.seenTrials = Atomics.load(this.#load.trialSuccesses, slot);
    entry.mode = this.#overrides.get(entry.id).mode;
    const presumed = initial ? this.#presumed.get(entry.id) : undefined;
    if (presumed !== undefined && pool.health !== undefined) entry.check = initialCheck(presumed, this.#clock.now());
    entry.word = wordOf(entry);
    this.#entries.set(entry.id, entry);
    const members = this.#members.get(pool.name) ?? new Set();
    this.#members.set(pool.name, members.add(entry));
    if (entry.word === 'up' && !initial) this.#warmUp.begin(pool, slot);
    Atomics.store(this.#load.state, slot, bitsOf(entry));
    this.#record(entry, 'absent', entry.word, 'config', initial ? 'first configuration' : 'added to the configuration');
  }

  /** A reload changed (perhaps) weight, policies or checks of an endpoint that stays. */
  #update(entry: Entry, endpoint: Endpoint, pool: PoolHealth): void {
    const hadChecks = entry.pool.health !== undefined;
    entry.endpoint = endpoint;
    entry.pool = pool;
    entry.leaving = false;
    // Checks that were just switched on start from what was believed: a reload must not take a running pool out.
    if (hadChecks !== (pool.health !== undefined)) entry.check = initialCheck('up', this.#clock.now());
    if (pool.health === undefined) entry.agreed = undefined;
    if (policyOf(pool) === undefined) {
      entry.outlier = CLOSED;
      this.#ejector.forget(entry);
    }
    if (pool.slowStart === undefined) this.#load.upSince[endpoint.slot] = 0;
    this.#publish(entry, 'config', 'the configuration changed');
  }

  /** Writes what the entry has become where workers see it, and tells everyone when its word changed. */
  #publish(entry: Entry, cause: ChangeCause, evidence: string): void {
    const from = entry.word;
    const to = wordOf(entry);
    entry.word = to;
    if (from !== to) this.#onWord(entry, from, to, cause);
    if (this.#write(entry) || from !== to) this.#bump(entry.pool);
    if (from === to) return;
    this.#record(entry, from, to, cause, evidence);
    this.#ejector.relieve(this.#membersOf(entry.pool.name));
  }

  /** True when what may be picked changed; that the verdict may change soon moves nobody's view. */
  #write(entry: Entry): boolean {
    const { slot } = entry.endpoint;
    const bits = bitsOf(entry);
    const before = Atomics.exchange(this.#load.state, slot, bits);
    return ((before ^ bits) & ~STATE.pending) !== 0;
  }

  #onWord(entry: Entry, from: StateWord, to: StateWord, cause: ChangeCause): void {
    const { slot } = entry.endpoint;
    entry.since = this.#clock.epoch();
    if ((cause === 'probe' || cause === 'passive' || cause === 'cluster') && serves(from) && !serves(to)) entry.flaps++;
    if (to === 'up') {
      // Back from a drain it is still warm; and in the first configuration all are equally cold.
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
    this.#tell({ id: entry.id, pool: entry.pool.name, from, to, cause, evidence });
  }

  #tell(news: Omit<HealthChange, 'at'>): void {
    const change = { at: this.#clock.epoch(), ...news };
    this.#timeline.add(change);
    if (news.from !== news.to) for (const listener of this.#listeners) listener(change);
  }

  #membersOf(pool: string): Set<Entry> {
    return this.#members.get(pool) ?? new Set();
  }

  #bump(pool: PoolHealth): void {
    Atomics.add(this.#load.poolVersion, pool.slot, 1);
  }
}
