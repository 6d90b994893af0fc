// Owns the workers as a group: asks all of them, replaces one that dies, gives back its leases.
//
//   running ──dies──▶ gone ──leases returned──▶ starting ──prepare, commit──▶ running
//                      └──────── dies again within a second: wait longer ────────┘

import { endAllUses } from '../affinity/pin-table.ts';
import type { Env } from '../core/env.ts';
import { ok, type Result } from '../core/result.ts';
import type { SpanRecord } from '../core/tracer.ts';
import type { Purge } from '../http/cache/memory.ts';
import type { Log } from '../observe/log.ts';
import type { NamedSocket } from './data-plane.ts';
import type { Explanation, Question } from './explain/explanation.ts';
import type { Facts } from './facts.ts';
import type { OnNotice } from './filter-notices.ts';
import { localLink, type Open, ThreadLink, type WorkerLink } from './link.ts';
import { serve } from './serve.ts';
import { countersOf, countsOf, loadTableOf, MAX_LISTENERS, pinsOf, type SharedMemory } from './shared-memory.ts';
import type { Blueprint } from './snapshot.ts';

export interface FleetOptions {
  readonly env: Env;
  readonly log: Log;
  readonly memory: SharedMemory;
  readonly onSignal: () => void;
  readonly onSpans: (worker: number, spans: readonly SpanRecord[]) => void;
  /** What a replaced worker must serve. */
  readonly current: () => Blueprint | undefined;
  /** What a replaced worker must know. */
  readonly facts: () => Facts;
  /** Runs work when no reload is under way. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #links: WorkerLink[];
  readonly restarts: number[];
  readonly #pauseMs: number[];
  readonly #startedAt: number[];
  #closing = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { memory, env, log, onSignal } = options;
    const onNotice: OnNotice = (text, fields) => log.warn(text, fields);
    const onSpans = (spans: readonly SpanRecord[]): void => options.onSpans(0, spans);
    this.restarts = Array.from({ length: memory.workers }, () => 0);
    this.#pauseMs = this.restarts.map(() => SHORTEST_PAUSE_MS);
    this.#startedAt = this.restarts.map(() => env.clock.now());
    this.#links =
      memory.workers === 1
        ? [localLink(serve({ env, memory, worker: 0, onSignal, onNotice, onSpans }))]
        : this.restarts.map((_, worker) => this.#spawn(worker));
  }

  get size(): number {
    return this.#links.length;
  }

  #spawn(worker: number): ThreadLink {
    const { memory, onSignal, env, log } = this.#options;
    const onNotice: OnNotice = (text, fields) => log.warn(text, fields);
    this.#startedAt[worker] = env.clock.now();
    return new ThreadLink({
      memory,
      worker,
      onSignal,
      onNotice,
      onSpans: (spans) => this.#options.onSpans(worker, spans),
      onDeath: (error) => this.#died(worker, error),
    });
  }

  #died(worker: number, error: Error | undefined): void {
    if (this.#closing) return;
    const { memory, log, env } = this.#options;
    loadTableOf(memory, worker).returnLeases();
    countersOf(memory, worker).clearGauges(MAX_LISTENERS);
    countsOf(memory, worker).clear();
    endAllUses(pinsOf(memory, worker));
    this.restarts[worker]++;
    const lived = env.clock.now() - this.#startedAt[worker];
    const pause = lived > LONGEST_PAUSE_MS ? SHORTEST_PAUSE_MS : this.#pauseMs[worker];
    this.#pauseMs[worker] = Math.min(LONGEST_PAUSE_MS, pause * 2);
    log.error(`worker ${worker} died and is replaced`, { error: error?.stack ?? 'no error', pauseMs: pause });
    env.clock.after(pause, () => void this.#options.inTurn(() => this.#replace(worker)));
  }

  async #replace(worker: number): Promise<void> {
    const blueprint = this.#options.current();
    if (this.#closing || blueprint === undefined) return;
    const link = this.#spawn(worker);
    this.#links[worker] = link;
    // Before it serves; what is learnt from now on comes behind it.
    void link.learn(this.#options.facts());
    const prepared = await link.prepare(blueprint);
    if (prepared.ok) return link.commit();
    // Dead again, so that it is tried again after a longer pause.
    this.#options.log.error(`worker ${worker} cannot take up its work`, { error: prepared.error });
    await link.kill();
  }

  /** Tells all workers; resolves when all know. Whoever is told before a commit knows it when that takes effect. */
  async learn(facts: Facts): Promise<void> {
    await Promise.all(this.#links.map((link) => link.learn(facts)));
  }

  /** All prepare, or none does. */
  async prepare(blueprint: Blueprint): Promise<Result<void, string>> {
    const results = await Promise.all(this.#links.filter((link) => !link.dead).map((link) => link.prepare(blueprint)));
    const refused = results.find((result) => !result.ok);
    if (refused === undefined) return ok(undefined);
    await Promise.all(this.#links.map((link) => link.abort()));
    return refused;
  }

  async commit(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.commit()));
  }

  /** From here on nobody is replaced: nothing may begin to listen again. */
  async drain(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#links.map((link) => link.drain()));
  }

  async open(): Promise<Open> {
    return total(await Promise.all(this.#links.map((link) => link.open())));
  }

  async cutRequests(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.cutRequests()));
  }

  async cut(): Promise<Open> {
    return total(await Promise.all(this.#links.map((link) => link.cut())));
  }

  async reopenLogs(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.reopenLog()));
  }

  /** Takes answers out of the caches of all workers. How many. */
  async purge(what: Purge): Promise<number> {
    const counts = await Promise.all(this.#links.map((link) => link.purge(what)));
    return counts.reduce((all, count) => all + count, 0);
  }

  /** As the first worker sees it: what is in flight is the same for all, whose turn it is may differ. */
  explain(question: Question): Promise<Result<Explanation, string>> {
    return this.#links[0].explain(question);
  }

  /** In the order of the workers. */
  async sockets(): Promise<readonly NamedSocket[]> {
    return (await Promise.all(this.#links.map((link) => link.sockets()))).flat();
  }

  port(listener: string): Promise<number> {
    return this.#links[0].port(listener);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** Ends a worker thread as a crash would. */
  async kill(worker: number): Promise<void> {
    const link = this.#links[worker];
    if (link instanceof ThreadLink) await link.kill();
  }
}

function total(parts: readonly Open[]): Open {
  return {
    requests: parts.reduce((all, part) => all + part.requests, 0),
    streams: parts.reduce((all, part) => all + part.streams, 0),
  };
}
