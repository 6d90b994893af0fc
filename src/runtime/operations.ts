// Owns what operators change while the balancer runs: modes and weights of endpoints, endpoints that come and go, sites, splits.
// Every word can be taken back, outlives reloads, and is written to the state file if there is one. Main thread only; the same
// rules hold as for files.

import { readEndpoint } from '../config/compile/endpoint.ts';
import { type ConfigIssue, suggest } from '../config/issues.ts';
import type { Config, PoolConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { StateWord } from '../health/entry.ts';
import type { OverrideMode } from '../health/override.ts';
import type { HealthTable } from '../health/table.ts';
import type { Desired, EndpointEdit } from './desired.ts';
import { Drains } from './drains.ts';
import type { Changed, DrainProgress, Operations, Running, RuntimeChange, RuntimeChanges } from './facade.ts';
import { SITES } from './health-sets.ts';
import type { OperatorState, OperatorWords } from './operator-state.ts';
import { SiteDrains } from './site-drain.ts';
import type { SplitKeeper } from './split-keeper.ts';

export interface OperationsParts {
  readonly clock: Clock;
  readonly desired: Desired;
  readonly health: HealthTable;
  readonly splits: SplitKeeper;
  /** In effect now. */
  readonly config: () => Config;
  /** As written. */
  readonly base: () => Config;
  readonly state: () => OperatorState;
  /** In its turn: `begin`, then what is desired comes into effect; `undo` when something stands in the way. */
  readonly renew: (begin: () => void, undo: () => void) => Promise<ConfigIssue[] | undefined>;
  readonly running: (id: EndpointId) => Running | undefined;
  readonly onChange: () => void;
  readonly onProblem: (text: string) => void;
}

export const refused = (message: string, hint?: string): { ok: false; error: ConfigIssue[] } =>
  err([hint === undefined ? { path: [], message } : { path: [], message, hint }]);

export class RuntimeOperations implements Operations {
  readonly #parts: OperationsParts;
  readonly #sites: SiteDrains;
  readonly #drains: Drains;
  readonly #splits = new Map<string, OperatorWords['splits'][number]>();
  #unwritten: string | undefined;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    const { clock, health, running } = parts;
    const say = (id: EndpointId, mode: OverrideMode, note: string): Result<StateWord, string> => {
      const said = health.override(id, mode, note);
      if (said.ok) void this.#changed();
      return said;
    };
    this.#sites = new SiteDrains(clock, say);
    this.#drains = new Drains({ clock, running, say, mode: (id) => health.overrideOf(id).mode });
  }

  async setMode(id: EndpointId, mode: OverrideMode, note: string): Promise<Changed> {
    const said = this.#parts.health.override(id, mode, note);
    return said.ok ? this.#changed() : this.#unknown(id);
  }

  async setWeight(id: EndpointId, weight: number, note: string): Promise<Changed> {
    const pool = this.#poolOf(id);
    if (pool === undefined) return this.#unknown(id);
    const address = id.slice(pool.name.length + 1);
    // The rules of files hold.
    const read = readEndpoint({ address, weight }, pool);
    if (!read.ok) return read;
    const before = this.#parts.desired.editOf(id);
    return this.#edit({ ...this.#word(id, pool.name, note), added: before?.added, weight });
  }

  /** `written` as in a file: `host:port`, or an object. */
  async addEndpoint(pool: string, written: unknown, note: string): Promise<Changed> {
    const { desired, config } = this.#parts;
    const into = config().pools[pool];
    if (into === undefined) return this.#noPool(pool);
    const read = readEndpoint(written, into);
    if (!read.ok) return read;
    const id = `${pool}/${formatAddress(read.value.address)}`;
    const isThere = into.endpoints.some(({ address }) => `${pool}/${formatAddress(address)}` === id);
    if (isThere) return refused(`is ${formatAddress(read.value.address)}, which the pool has already`);
    // One that was taken away comes back as it was written.
    const base = this.#parts.base().pools[pool]?.endpoints.some(({ address }) => id.endsWith(formatAddress(address)));
    if (base === true && desired.editOf(id)?.removed === true) return this.takeBack(id, note);
    return this.#edit({ ...this.#word(id, pool, note), added: read.value });
  }

  async removeEndpoint(id: EndpointId, note: string): Promise<Changed> {
    const { desired } = this.#parts;
    const pool = this.#poolOf(id);
    if (pool === undefined) return this.#unknown(id);
    if (desired.editOf(id)?.added !== undefined) return this.takeBack(id, note);
    return this.#edit({ ...this.#word(id, pool.name, note), removed: true });
  }

  /** Whatever was said about an endpoint. */
  async takeBack(id: EndpointId, note: string): Promise<Changed> {
    const { desired, health } = this.#parts;
    const edit = desired.editOf(id);
    const hasMode = health.overrideOf(id).mode !== 'ready';
    if (edit === undefined && !hasMode) return refused(`nothing was said about "${id}"`);
    if (hasMode) health.forgetOverride(id, note);
    if (edit === undefined) return this.#changed();
    return this.#renewed(
      () => void desired.takeBack(id),
      () => void desired.edit(edit),
    );
  }

  async setSplit(name: string, weights: Readonly<Record<string, number>>, note: string): Promise<Changed> {
    const done = this.#parts.splits.set(name, weights, note);
    if (!done.ok) return refused(done.error);
    this.#splits.set(name, { name, weights: { ...weights }, at: this.#parts.clock.epoch(), note });
    return this.#changed();
  }

  async resetSplit(name: string, note: string): Promise<Changed> {
    const done = this.#parts.splits.reset(name, note);
    if (!done.ok) return refused(done.error);
    this.#splits.delete(name);
    return this.#changed();
  }

  drainSite(name: string, note: string): Result<number, string> {
    const begun = this.#sites.begin(this.#parts.config(), name, note);
    if (begun.ok) void this.#changed();
    return begun;
  }

  readySite(name: string, note: string): Result<void, string> {
    const ended = this.#sites.end(this.#parts.config(), name, note);
    if (ended.ok) void this.#changed();
    return ended;
  }

  drain(id: EndpointId, deadlineMs: number, note: string): Result<DrainProgress, string> {
    return this.#drains.begin(id, deadlineMs, note);
  }

  running(id: EndpointId): Running | undefined {
    return this.#parts.running(id);
  }

  drainProgress(id: EndpointId): DrainProgress | undefined {
    return this.#drains.progress(id);
  }

  drains(): readonly DrainProgress[] {
    return this.#drains.all();
  }

  changes(): RuntimeChanges {
    const { file } = this.#parts.state();
    const { endpoints, modes, splits } = this.#words();
    const list: RuntimeChange[] = [
      ...endpoints.map((edit) => ({ what: edit.id, change: changeOf(edit), at: edit.at, note: edit.note })),
      ...modes.map(({ id, mode, at, note }) => ({ what: id, change: mode, at, note })),
      ...splits.map(({ name, weights, at, note }) => ({
        what: `split ${name}`,
        change: Object.entries(weights)
          .map(([variant, weight]) => `${variant} ${weight}`)
          .join(', '),
        at,
        note,
      })),
    ];
    const saved = file !== '' && this.#unwritten === undefined;
    return { file, saved: saved || list.length === 0, problem: this.#unwritten ?? '', changes: list };
  }

  /** Everything that was said, as it is kept. */
  get words(): OperatorWords {
    return this.#words();
  }

  /** What was said before the last stop. Before the first configuration comes into effect. */
  restore({ endpoints, modes, splits }: OperatorWords): void {
    const { desired, health } = this.#parts;
    for (const edit of endpoints) desired.edit(edit);
    for (const { id, ...override } of modes) health.remember(id, override);
    for (const split of splits) this.#splits.set(split.name, split);
  }

  /** The rest of it, which needs a configuration. */
  resume(): void {
    for (const { name, weights, note } of this.#splits.values()) {
      const done = this.#parts.splits.set(name, weights, note);
      if (!done.ok) this.#parts.onProblem(`weights that were set before do not fit any more: ${done.error}`);
    }
    for (const [id, { mode, note }] of this.#parts.health.overrides()) {
      if (mode === 'drain' && id.startsWith(`${SITES}/`)) this.drainSite(id.slice(SITES.length + 1), note);
    }
  }

  stop(): void {
    this.#sites.stop();
    this.#drains.stop();
  }

  #word(id: EndpointId, pool: string, note: string): EndpointEdit {
    return { id, pool, removed: false, at: this.#parts.clock.epoch(), note };
  }

  async #edit(edit: EndpointEdit): Promise<Changed> {
    const { desired } = this.#parts;
    let before: EndpointEdit | undefined;
    let full = '';
    // Not before its turn: another word about the same endpoint may be on its way, and be undone.
    const done = await this.#renewed(
      () => {
        before = desired.editOf(edit.id);
        const taken = desired.edit(edit);
        if (!taken.ok) full = taken.error;
      },
      () => void (before === undefined ? desired.takeBack(edit.id) : desired.edit(before)),
    );
    return full === '' ? done : refused(full);
  }

  async #renewed(begin: () => void, undo: () => void): Promise<Changed> {
    const issues = await this.#parts.renew(begin, undo);
    return issues === undefined ? this.#changed() : err(issues);
  }

  #poolOf(id: EndpointId): PoolConfig | undefined {
    return Object.values(this.#parts.config().pools).find(
      ({ name, endpoints }) =>
        id.startsWith(`${name}/`) && endpoints.some(({ address }) => id === `${name}/${formatAddress(address)}`),
    );
  }

  #unknown(id: EndpointId): { ok: false; error: ConfigIssue[] } {
    const known = Object.values(this.#parts.config().pools).flatMap(({ name, endpoints }) =>
      endpoints.map(({ address }) => `${name}/${formatAddress(address)}`),
    );
    return refused(`there is no endpoint "${id}"`, suggest(id, known));
  }

  #noPool(name: string): { ok: false; error: ConfigIssue[] } {
    return refused(`there is no pool "${name}"`, suggest(name, Object.keys(this.#parts.config().pools)));
  }

  #words(): OperatorWords {
    const { desired, health } = this.#parts;
    return {
      endpoints: [...desired.edits()],
      modes: health.overrides().map(([id, override]) => ({ id, ...override })),
      splits: [...this.#splits.values()],
    };
  }

  async #changed(): Promise<Changed> {
    const state = this.#parts.state();
    this.#parts.onChange();
    const problem = await state.write(this.#words());
    if (problem !== undefined && problem !== this.#unwritten) this.#parts.onProblem(problem);
    this.#unwritten = problem;
    return ok({ saved: state.file !== '' && problem === undefined });
  }
}

function changeOf({ weight, added, removed }: EndpointEdit): string {
  if (removed) return 'removed';
  const words = [...(added === undefined ? [] : ['added']), ...(weight === undefined ? [] : [`weight ${weight}`])];
  return words.join(', ');
}
