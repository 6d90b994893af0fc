// Owns the table in the kernel while the balancer runs: made and changed in single transactions, in order, kept in step
// with what may be picked, read once a second. It decides nothing: services and picks come from outside.
//
//   closed ──prepare: checked, table ours──▶ ready ──commit──▶ serving ──touch: changed entries──▶ serving
//                                                              │  └── nft died, or refused: made anew, later and later
//                                                              └──drain: nothing new gets in──close──▶ closed

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { checkKernel } from './capability.ts';
import { type Count, Counts } from './counts.ts';
import { Keeper } from './keeper.ts';
import { runNft } from './nft.ts';
import { compileRuleset, type Ruleset, withoutEntries } from './ruleset.ts';
import { changeScript, createScript } from './script.ts';
import type { NatService, Pickable } from './service.ts';
import { NftSession } from './session.ts';

export const TABLE = 'evenkeel';

export interface KernelPathOptions {
  readonly clock: Clock;
  readonly pickable: Pickable;
  /** Once a second while something is served; only what moved. */
  readonly onCounts: (counts: readonly Count[]) => void;
  readonly onProblem: (what: string, reason: string) => void;
}

/** Verdicts that come together go to the kernel together. */
const COALESCE_MS = 2;
const POLL_MS = 1000;
const POLL_DRAINING_MS = 250;
/** Connections without a packet for so long are taken for gone when we stop. */
const QUIET_MS = 1000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** A predecessor that was killed takes its table with it, but not within the same instant. */
const TAKEOVER_MS = 3000;

export class KernelPath {
  readonly updates = { applied: 0, failed: 0 };
  readonly #options: KernelPathOptions;
  readonly #counts = new Counts();
  #services: readonly NatService[] = [];
  #prepared: readonly NatService[] | undefined;
  #tools: { readonly nft: string; readonly folder: string } | undefined;
  #session: NftSession | undefined;
  #keeper: Keeper | undefined;
  /** Of former times: they go by themselves, or with us. */
  #released: Keeper[] = [];
  #keepers = 0;
  /** What the kernel has; undefined when that is not known. */
  #applied: Ruleset | undefined;
  #draining = false;
  #movedAt = 0;
  #pauseMs = SHORTEST_PAUSE_MS;
  #touched: Timer | undefined;
  #polling: Timer | undefined;
  /** Changes happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KernelPathOptions) {
    this.#options = options;
  }

  /** Proves that the services can be served, and takes the table. What is served goes on as it is. */
  async prepare(services: readonly NatService[]): Promise<Result<void, string>> {
    if (services.length > 0) {
      const whole = new Map(services.flatMap(({ routes }) => routes.map(({ pool }) => [pool.name, pool.endpoints])));
      const checked = await checkKernel(services, (pool) => (whole.get(pool) ?? []).filter(({ weight }) => weight > 0));
      if (!checked.ok) return checked;
      const taken = await this.#inTurn(() => this.#open(checked.value));
      if (!taken.ok) {
        await this.abort();
        return taken;
      }
    }
    this.#prepared = services;
    return ok(undefined);
  }

  async abort(): Promise<void> {
    this.#prepared = undefined;
    if (this.#services.length === 0) await this.#inTurn(() => this.#shut());
  }

  /** What cannot be applied now is tried again until it can. */
  async commit(): Promise<void> {
    if (this.#prepared === undefined) return;
    const services = this.#prepared;
    this.#prepared = undefined;
    if (services.length === 0 && this.#services.length === 0) return;
    await this.#inTurn(async () => {
      // Counters of what goes away are read for the last time.
      await this.#poll();
      this.#services = services;
      if (services.length === 0) await this.#shut(true);
      else await this.#sync();
    });
    if (services.length > 0) this.#pollLater();
  }

  /** What may be picked has changed. */
  touch(): void {
    if (this.#services.length === 0 || this.#touched !== undefined) return;
    this.#later(COALESCE_MS);
  }

  /** Nothing new gets in; established connections go on. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#movedAt = this.#options.clock.now();
    if (this.#services.length === 0) return;
    this.#pollLater();
    await this.#inTurn(() => this.#sync());
  }

  /** Packets of established connections were seen lately. */
  get busy(): boolean {
    return this.#services.length > 0 && this.#options.clock.now() - this.#movedAt < QUIET_MS;
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#poll();
      this.#services = [];
      await this.#shut();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #open(nft: string): Promise<Result<void, string>> {
    try {
      return await this.#take(nft);
    } catch (error) {
      return err(reasonOf(error));
    }
  }

  /** A process that owns the table, and an empty table to own. */
  async #take(nft: string): Promise<Result<void, string>> {
    if (this.#session !== undefined) return ok(undefined);
    const { clock, onProblem } = this.#options;
    const folder = this.#tools?.folder ?? (await mkdtemp(join(tmpdir(), 'evenkeel-nat-')));
    this.#tools = { nft, folder };
    const session = new NftSession({ nft, folder, clock, onDeath: (reason) => this.#died(session, reason) });
    this.#session = session;
    this.#keep();
    const empty = compileRuleset([], () => []);
    const until = clock.now() + TAKEOVER_MS;
    for (;;) {
      const taken = await session.run(createScript(empty, this.#table()));
      if (taken.ok) {
        this.#applied = empty;
        this.#counts.reset();
        return taken;
      }
      const foreign = /not permitted/i.test(taken.error);
      if (!foreign || clock.now() > until) {
        if (!foreign) onProblem('the table could not be made', taken.error);
        return err(foreign ? `the table inet ${TABLE} belongs to another process that is running` : taken.error);
      }
      await new Promise<void>((resolve) => clock.after(SHORTEST_PAUSE_MS, resolve));
    }
  }

  #keep(): void {
    if (this.#tools === undefined || this.#keeper?.gone === false) return;
    // A former one may still linger under its own name.
    this.#keeper = new Keeper({ ...this.#tools, table: `${TABLE}-keeper-${process.pid}-${++this.#keepers}` });
  }

  /** `linger`: what is established is translated for a while longer. */
  async #shut(linger = false): Promise<void> {
    this.#touched?.cancel();
    this.#polling?.cancel();
    this.#touched = this.#polling = undefined;
    const session = this.#session;
    this.#session = undefined;
    this.#applied = undefined;
    await session?.close();
    const keeper = this.#keeper;
    this.#keeper = undefined;
    const folder = this.#tools?.folder;
    this.#tools = undefined;
    if (linger && keeper !== undefined) {
      keeper.release();
      this.#released = [...this.#released.filter(({ gone }) => !gone), keeper];
      return;
    }
    const leaving = keeper === undefined ? this.#released : [keeper, ...this.#released];
    this.#released = [];
    for (const one of leaving) one.close();
    const folders = new Set([folder, ...leaving.map((one) => one.folder)]);
    for (const one of folders) if (one !== undefined) await this.#remove(one);
  }

  async #remove(folder: string): Promise<void> {
    try {
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      this.#options.onProblem(`${folder} could not be removed`, reasonOf(error));
    }
  }

  #table(): { table: string; comment: string } {
    return { table: TABLE, comment: `Evenkeel, process ${process.pid}` };
  }

  #died(session: NftSession, reason: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#applied = undefined;
    if (this.#services.length === 0) return;
    this.#options.onProblem('the nft process that holds the table died; a new one makes it again', reason);
    this.#later(0);
  }

  #later(delayMs: number): void {
    this.#touched?.cancel();
    this.#touched = this.#options.clock.after(delayMs, () => {
      this.#touched = undefined;
      // It tells of its problems itself.
      void this.#inTurn(() => this.#sync());
    });
  }

  /** Brings the kernel to what is wanted now. */
  async #sync(): Promise<void> {
    if (this.#services.length === 0 || this.#tools === undefined) return;
    const opened = await this.#open(this.#tools.nft);
    const result = opened.ok ? await this.#change().catch((error) => err(reasonOf(error))) : opened;
    if (result.ok) {
      this.#pauseMs = SHORTEST_PAUSE_MS;
      return;
    }
    this.updates.failed++;
    this.#applied = undefined;
    this.#options.onProblem('an update of the kernel failed and is tried again', result.error);
    this.#later(this.#pauseMs);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  async #change(): Promise<Result<void, string>> {
    const whole = compileRuleset(this.#services, this.#options.pickable, this.#applied);
    const next = this.#draining ? withoutEntries(whole) : whole;
    const before = this.#applied;
    const script = before === undefined ? createScript(next, this.#table()) : changeScript(before, next, TABLE);
    if (script === '') return ok(undefined);
    const result = await this.#session!.run(script);
    if (!result.ok) return result;
    if (before === undefined) this.#counts.reset();
    this.#applied = next;
    this.updates.applied++;
    return ok(undefined);
  }

  #pollLater(): void {
    this.#polling?.cancel();
    this.#polling = this.#options.clock.after(this.#draining ? POLL_DRAINING_MS : POLL_MS, () => {
      void this.#poll().then(() => {
        if (this.#services.length > 0) this.#pollLater();
      });
    });
  }

  async #poll(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      this.#options.onProblem('the counters could not be read', reasonOf(error));
    }
  }

  async #read(): Promise<void> {
    const applied = this.#applied;
    if (applied === undefined || this.#tools === undefined || this.#services.length === 0) return;
    this.#keep();
    const listed = await runNft(this.#tools.nft, ['-j', 'list', 'counters', 'table', 'inet', TABLE]);
    if (!listed.ok) return this.#options.onProblem('the counters could not be read', listed.error);
    if (this.#applied === undefined) return;
    const counts = this.#counts.take(listed.value, applied.counters);
    if (counts.length > 0) this.#movedAt = this.#options.clock.now();
    this.#options.onCounts(counts);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
