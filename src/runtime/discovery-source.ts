// Owns one source of one pool while it is watched: the last good set, how the source stands, and telling an operator once when it
// fails and once when it is back.

import type { DiscoverConfig, EndpointConfig } from '../config/types.ts';
import type { Env } from '../core/env.ts';
import type { Result } from '../core/result.ts';
import type { FoundSet } from '../discovery/discovery.ts';
import { watch } from '../discovery/watcher.ts';
import { whereOf } from '../discovery/where.ts';
import type { Log } from '../observe/log.ts';
import type { DiscoveryReport } from './facade.ts';

export interface SourceParts {
  readonly env: Env;
  readonly log: Log;
  /** Where relative paths in configurations begin. */
  readonly folder: string;
  readonly watch?: typeof watch;
  /** It said something. */
  readonly onTold: () => void;
}

export class DiscoverySource {
  readonly pool: string;
  readonly config: DiscoverConfig;
  readonly where: string;
  readonly #parts: SourceParts;
  readonly #watcher: { close(): void };
  /** The last good set; undefined before there was one. */
  #endpoints: readonly EndpointConfig[] | undefined;
  #problem = '';
  #note = '';
  #updates = 0;
  #errors = 0;
  /** Wall-clock ms of the last good look; 0 before it. */
  #goodAt = 0;
  #told = false;

  /** `inherited`: what was found by whoever looked there before, until there is something newer. */
  constructor(
    pool: string,
    config: DiscoverConfig,
    parts: SourceParts,
    inherited: readonly EndpointConfig[] | undefined,
  ) {
    this.pool = pool;
    this.config = config;
    this.where = whereOf(config);
    this.#parts = parts;
    this.#endpoints = inherited;
    const { env, folder } = parts;
    this.#watcher = (parts.watch ?? watch)(config, env, folder, (set) => this.#learn(set));
  }

  get endpoints(): readonly EndpointConfig[] | undefined {
    return this.#endpoints;
  }

  /** It has brought a set or an error. */
  get hasTold(): boolean {
    return this.#told;
  }

  close(): void {
    this.#watcher.close();
  }

  report(): DiscoveryReport {
    const state = this.#problem !== '' ? 'stale' : this.#told ? 'ok' : 'waiting';
    return {
      pool: this.pool,
      kind: this.config.kind,
      where: this.where,
      state,
      endpoints: this.#endpoints?.length ?? 0,
      lastError: this.#problem === '' ? undefined : this.#problem,
      note: this.#note,
      lastSuccess: this.#goodAt,
      updates: this.#updates,
      errors: this.#errors,
    };
  }

  #learn(set: Result<FoundSet, string>): void {
    const { env, log, onTold } = this.#parts;
    const what = `pool ${this.pool}: ${this.config.kind} ${this.where}`;
    this.#told = true;
    if (set.ok) {
      this.#endpoints = set.value.endpoints;
      this.#goodAt = env.clock.epoch();
      if (!set.value.isNew) return;
      this.#updates++;
      if (this.#problem !== '') log.info(`${what} answers again`, { endpoints: set.value.endpoints.length });
      this.#problem = '';
      if (set.value.note !== '' && set.value.note !== this.#note) log.warn(`${what} left out: ${set.value.note}`);
      this.#note = set.value.note;
    } else {
      this.#errors++;
      if (this.#problem === '') {
        const count = this.#endpoints?.length ?? 0;
        const kept = count === 0 ? 'nothing was found before' : `the ${count} endpoints of before are kept`;
        log.warn(`${what} cannot be used; ${kept}`, { problem: set.error });
      }
      this.#problem = set.error;
    }
    onTold();
  }
}
