// Owns what balancers tell each other of how far clients are: each writes down what it measured for its own site, and takes over what
// those of other sites did. Measurements age by themselves, so nothing has to be taken back.

import type { Clock, Timer } from '../core/env.ts';
import type { LatencyReport, Sharing } from '../runtime/facade.ts';
import type { Board } from './board.ts';
import type { Member } from './members.ts';

export interface SharedLatencyOptions {
  readonly board: Board;
  readonly clock: Clock;
  readonly sharing: Sharing;
  readonly name: string;
  readonly report: () => LatencyReport;
}

const EVERY_MS = 30_000;
/** The freshest are shared; more than so many are no help to anybody. */
const MOST_ENTRIES = 50_000;

export class SharedLatency {
  readonly #options: SharedLatencyOptions;
  readonly #read = new Map<string, number>();
  #rev = 0;
  #timer: Timer | undefined;

  constructor(options: SharedLatencyOptions) {
    this.#options = options;
    this.#wait();
  }

  get rev(): number {
    return this.#rev;
  }

  members(all: readonly Member[], isNew: boolean): void {
    if (isNew && this.#rev > 0) void this.#write();
    for (const { name, self, revs } of all) {
      const rev = revs.latency ?? 0;
      if (self || rev === 0 || this.#read.get(name) === rev) continue;
      this.#read.set(name, rev);
      void this.#learn(name);
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(EVERY_MS, () => {
      void this.#write();
      this.#wait();
    });
  }

  async #write(): Promise<void> {
    const { board, name, report } = this.#options;
    const { site, entries } = report();
    if (site === '' || entries.length === 0) return;
    const freshest = [...entries].sort((a, b) => a.ageMs - b.ageMs).slice(0, MOST_ENTRIES);
    if (await board.write('latency', name, { site, entries: freshest }))
      this.#rev = Math.floor(this.#options.clock.epoch());
  }

  async #learn(name: string): Promise<void> {
    const { board, sharing, report } = this.#options;
    const theirs = await board.read('latency', name);
    if (theirs === undefined || typeof theirs.site !== 'string' || theirs.site === report().site) return;
    sharing.learnLatency(theirs as unknown as LatencyReport);
  }
}
