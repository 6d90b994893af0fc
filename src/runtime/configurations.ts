// Owns which configuration is to be in effect, as it was written: the file, what was proposed in its place while the balancer runs,
// and the versions before. Every change goes the same way: read, compiled, compared, applied as a whole or not at all. Whoever
// changes it says which one he saw, so that nobody overwrites what he does not know.

import { createHash } from 'node:crypto';
import { chown, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { balancerByName } from '../balancing/index.ts';
import { effective } from '../config/effective.ts';
import type { ConfigIssue } from '../config/issues.ts';
import { type Loaded, loadConfig, loadText } from '../config/load.ts';
import { plan } from '../config/plan.ts';
import type { Config } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type {
  ConfigurationState,
  Configurations,
  ConfigurationVersion,
  Planned,
  Proposal,
  ProposalRefusal,
  ReloadResult,
} from './facade.ts';

export interface ConfigurationsParts {
  readonly clock: Clock;
  readonly file: string;
  readonly loaded: Loaded;
  /** '' where it is not known. */
  readonly text: string;
  readonly apply: (config: Config, kindsFile: string) => Promise<ReloadResult>;
  /** Counts one that did not get as far as being applied. */
  readonly refuse: (reason: string) => void;
}

interface Version extends ConfigurationVersion {
  readonly loaded: Loaded;
  readonly text: string;
}

const KEPT = 20;
const PROGRAMS = new Set(['.ts', '.mts', '.js', '.mjs']);

/** Code that came with the file must be loaded again by every worker. */
export const kindsFileOf = (loaded: Loaded): string => (loaded.hasCode ? loaded.file : '');

export function etagOf(config: Config): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16);
}

export class FileConfigurations implements Configurations {
  readonly #parts: ConfigurationsParts;
  /** The newest is the last. */
  readonly #versions: Version[] = [];
  #next = 1;
  #isSaved = true;
  /** One after the other, so that what somebody saw is still so when he changes it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ConfigurationsParts) {
    this.#parts = parts;
    this.#keep(parts.loaded, parts.text, 'the start');
  }

  get #current(): Version {
    return this.#versions.at(-1)!;
  }

  current(): ConfigurationState {
    const { loaded, etag, version, at, note } = this.#current;
    const document = effective(loaded.config, (kind) => balancerByName(kind, loaded.kinds)?.needs === 'key');
    const isProgram = PROGRAMS.has(extname(loaded.file));
    return { version, etag, at, note, file: loaded.file, isProgram, saved: this.#isSaved, document };
  }

  /** With its secrets: for those who may change it. */
  text(): string {
    return this.#current.text;
  }

  versions(): readonly ConfigurationVersion[] {
    return this.#versions.map(({ version, etag, at, note }) => ({ version, etag, at, note })).reverse();
  }

  /** What a text would change. */
  plan(text: string): Result<Planned, ConfigIssue[]> {
    const loaded = this.#read(text);
    if (!loaded.ok) return loaded;
    const changes = plan(this.#current.loaded.config, loaded.value.config);
    return ok({ etag: this.#current.etag, plan: changes });
  }

  propose(text: string, { ifMatch, save, note }: Proposal): Promise<Result<Planned, ProposalRefusal>> {
    return this.#inTurn(async () => {
      if (ifMatch !== this.#current.etag) return err({ kind: 'conflict', etag: this.#current.etag });
      const loaded = this.#read(text);
      if (!loaded.ok) return err({ kind: 'issues', issues: loaded.error });
      const applied = await this.#parts.apply(loaded.value.config, kindsFileOf(loaded.value));
      if (!applied.ok) return err({ kind: 'issues', issues: loaded.value.place(applied.error) });
      this.#keep(loaded.value, text, note);
      this.#isSaved = false;
      const problem = save ? await this.#save(text) : undefined;
      if (problem !== undefined) return err({ kind: 'unsaved', problem, etag: this.#current.etag });
      return ok({ etag: this.#current.etag, plan: applied.value.plan });
    });
  }

  /** Goes back to one that was in effect before; in memory alone unless it is saved. */
  rollback(version: number, { ifMatch, save, note }: Proposal): Promise<Result<Planned, ProposalRefusal>> {
    const wanted = this.#versions.find((one) => one.version === version);
    if (wanted === undefined) {
      const issue = { path: [], message: `there is no version ${version}; the last ${KEPT} are kept` };
      return Promise.resolve(err({ kind: 'issues', issues: [issue] }));
    }
    return this.propose(wanted.text, { ifMatch, save, note: `back to version ${version}: ${note}` });
  }

  /** What the file says now. */
  reload(why: string): Promise<ReloadResult> {
    return this.#inTurn(async () => {
      const { file, refuse, apply } = this.#parts;
      const text = await readFile(file, 'utf8').catch(() => '');
      const loaded = await loadConfig(file);
      if (!loaded.ok) {
        refuse(loaded.error[0].message);
        return loaded;
      }
      const applied = await apply(loaded.value.config, kindsFileOf(loaded.value));
      if (!applied.ok) return applied;
      if (etagOf(loaded.value.config) !== this.#current.etag || loaded.value.hasCode)
        this.#keep(loaded.value, text, why);
      this.#isSaved = true;
      return applied;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #read(text: string): Result<Loaded, ConfigIssue[]> {
    const { file } = this.#current.loaded;
    if (PROGRAMS.has(extname(file))) {
      return err([
        {
          path: [],
          message: `is a program (${file}), which cannot be replaced by a document`,
          hint: 'change the file; it is reloaded',
        },
      ]);
    }
    return loadText(text, file);
  }

  #keep(loaded: Loaded, text: string, note: string): void {
    const at = this.#parts.clock.epoch();
    this.#versions.push({ version: this.#next++, etag: etagOf(loaded.config), at, note, loaded, text });
    if (this.#versions.length > KEPT) this.#versions.shift();
  }

  /** Beside the old file first, so that there is always a whole one. Links are kept: what they point to is replaced. */
  async #save(text: string): Promise<string | undefined> {
    try {
      const file = await realpath(this.#parts.file);
      if (extname(file) === '.json' && !isJson(text)) return 'the file is JSON, and this is not';
      const { mode, uid, gid } = await stat(file);
      const beside = `${file}.new`;
      await writeFile(beside, text, { mode });
      await chownIfNeeded(beside, uid, gid);
      await rename(beside, file);
      this.#isSaved = true;
      return undefined;
    } catch (error) {
      return `the file cannot be written: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`;
    }
  }
}

async function chownIfNeeded(file: string, uid: number, gid: number): Promise<void> {
  const { uid: own, gid: group } = await stat(file);
  if (own === uid && group === gid) return;
  await chown(file, uid, gid);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
