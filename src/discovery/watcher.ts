// Owns the rhythm in which any source is looked at: again when it says so, sooner when something stirs, with growing and uneven
// pauses when it fails. A look that throws is a failure like any other, so that one source never takes the others along.
//
//   looking ──ok──▶ waiting ──its pause, or a stir──▶ looking        looking ──failed──▶ waiting 1 s, 2 s … 30 s ──▶ looking

import type { DiscoverConfig } from '../config/types.ts';
import type { Env, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type FoundSet, type Look, MOST_ENDPOINTS, type OnSet, type Source, type SourceTools } from './discovery.ts';
import { kindOf } from './index.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** Between two looks that stirs ask for. */
const STIR_MS = 50;

export class Watcher {
  readonly #env: Env;
  readonly #source: Source;
  readonly #onSet: OnSet;
  readonly #abort = new AbortController();
  #failures = 0;
  #timer: Timer | undefined;
  /** Looking now. */
  #busy = false;
  #stirred = false;
  #known: Omit<FoundSet, 'isNew'> = { endpoints: [], note: '' };

  constructor(build: (tools: SourceTools) => Source, env: Env, folder: string, onSet: OnSet) {
    this.#env = env;
    this.#onSet = onSet;
    this.#source = build({ env, folder, wake: () => this.#wake() });
    void this.#look();
  }

  close(): void {
    this.#timer?.cancel();
    this.#abort.abort();
    this.#source.close?.();
  }

  get #closed(): boolean {
    return this.#abort.signal.aborted;
  }

  #wake(): void {
    if (this.#closed) return;
    if (this.#busy) this.#stirred = true;
    else if (!this.#stirred) {
      this.#stirred = true;
      this.#wait(STIR_MS);
    }
  }

  #wait(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#env.clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#busy = true;
    this.#stirred = false;
    let found: Result<Look, string>;
    try {
      found = await this.#source.look(this.#abort.signal);
    } catch (error) {
      found = err(`is not understood: ${String(error)}`);
    }
    this.#busy = false;
    if (this.#closed) return;
    const pauseMs = this.#learn(found);
    this.#wait(this.#stirred ? STIR_MS : pauseMs);
  }

  /** How long to wait. */
  #learn(found: Result<Look, string>): number {
    const { random } = this.#env;
    const count = found.ok ? (found.value.endpoints?.length ?? 0) : 0;
    const good = count > MOST_ENDPOINTS ? err(`has ${count} endpoints; ${MOST_ENDPOINTS} are the limit`) : found;
    if (!good.ok) {
      this.#onSet(good);
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
      return pause * (0.5 + random.unit() / 2);
    }
    const { endpoints, note, againMs } = good.value;
    // "As before" after a failure is news as well.
    const isNew = endpoints !== undefined || this.#failures > 0;
    this.#known = endpoints === undefined ? this.#known : { endpoints, note: note ?? '' };
    this.#onSet(ok({ ...this.#known, isNew }));
    this.#failures = 0;
    return againMs;
  }
}

export function watch(config: DiscoverConfig, env: Env, folder: string, onSet: OnSet): Watcher {
  return new Watcher((tools) => kindOf(config.kind).build(config, tools), env, folder, onSet);
}
