// Owns the addresses of names outside the zones that ALIAS records lead to: looked up before the first answer, again when their
// TTL ends, and kept when nobody can say. Workers are told; no query ever waits for a lookup. Main thread only.
//
//   unknown ──found──▶ fresh ──TTL ends──▶ asked ──found──▶ fresh
//     │ └─failed─▶ asked after 1 s, 2 s … 60 s   └─failed─▶ late, asked after 1 s, 2 s … 60 s ──found──▶ fresh
//     ▼                                                       └──a day──▶ unknown
//   answered with SERVFAIL

import type { Address } from '../core/address.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { ResolvedName } from '../dns/engine/resolved-names.ts';
import type { Log } from '../observe/log.ts';
import { type LookUp, lookUpBy } from './name-lookup.ts';

export interface AliasKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Workers should have these. */
  readonly onFound: (names: readonly ResolvedName[]) => void;
  readonly lookUpBy?: (servers: readonly Address[]) => LookUp;
}

export interface AliasCounts {
  readonly found: number;
  readonly failed: number;
  /** Targets (a name and a family) by how they stand. */
  readonly fresh: number;
  readonly late: number;
  readonly unknown: number;
}

interface Target {
  readonly name: string;
  readonly family: 4 | 6;
  known: ResolvedName | undefined;
  /** In a row. */
  failures: number;
  timer: Timer | undefined;
  /** Nobody wants it any more. */
  gone: boolean;
  /** Somebody waits until it was tried. */
  onTried: (() => void) | undefined;
}

interface Wanted {
  readonly names: ReadonlySet<string>;
  /** Empty: the system's. */
  readonly servers: readonly Address[];
}

/** TTLs below and above are taken for these. */
const SHORTEST_MS = 5000;
const LONGEST_MS = 3_600_000;
/** RFC 8767 §6 has one to three days. */
const KEPT_MS = 86_400_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const MOST_AT_ONCE = 64;
/** The first lookups may hold a start or a reload up for so long. */
const FIRST_LOOKUPS_MS = 3000;

export class AliasKeeper {
  readonly #options: AliasKeeperOptions;
  readonly #targets = new Map<string, Target>();
  readonly #queue: Target[] = [];
  #running = 0;
  #current: Wanted = { names: new Set(), servers: [] };
  /** Of a configuration that is not in effect yet. */
  #next: Wanted | undefined;
  #lookUp: LookUp;
  #found = 0;
  #failed = 0;

  constructor(options: AliasKeeperOptions) {
    this.#options = options;
    this.#lookUp = this.#by(this.#current);
  }

  get counts(): AliasCounts {
    const stand = { fresh: 0, late: 0, unknown: 0 };
    const now = this.#options.clock.now();
    for (const { known, failures } of this.#targets.values()) {
      if (known === undefined || now >= known.keptUntil) stand.unknown++;
      else if (failures > 0) stand.late++;
      else stand.fresh++;
    }
    return { found: this.#found, failed: this.#failed, ...stand };
  }

  /** Everything that was found, for a worker that knows nothing. */
  get known(): readonly ResolvedName[] {
    return [...this.#targets.values()].flatMap(({ known }) => (known === undefined ? [] : [known]));
  }

  /** Looks up what is new. Ends when all of it was tried, or after a few seconds: the rest comes when it comes. */
  async prepare(wanted: Wanted): Promise<void> {
    this.abort();
    this.#next = wanted;
    this.#lookUp = this.#by(wanted);
    const added: Target[] = [];
    for (const name of wanted.names) {
      for (const family of [4, 6] as const) {
        const key = `${family}${name}`;
        if (this.#targets.has(key)) continue;
        const target = {
          name,
          family,
          known: undefined,
          failures: 0,
          timer: undefined,
          gone: false,
          onTried: undefined,
        };
        this.#targets.set(key, target);
        added.push(target);
      }
    }
    if (added.length > 0) await this.#tried(added);
  }

  commit(): void {
    if (this.#next === undefined) return;
    this.#current = this.#next;
    this.#next = undefined;
    this.#retain(this.#current.names);
  }

  abort(): void {
    if (this.#next === undefined) return;
    this.#next = undefined;
    this.#lookUp = this.#by(this.#current);
    this.#retain(this.#current.names);
  }

  close(): void {
    this.#next = undefined;
    this.#retain(new Set());
  }

  #by({ servers }: Wanted): LookUp {
    return (this.#options.lookUpBy ?? lookUpBy)(servers);
  }

  #retain(names: ReadonlySet<string>): void {
    for (const [key, target] of this.#targets) {
      if (names.has(target.name)) continue;
      target.gone = true;
      target.timer?.cancel();
      this.#targets.delete(key);
    }
  }

  #tried(targets: readonly Target[]): Promise<void> {
    return new Promise((resolve) => {
      let left = targets.length;
      const timer = this.#options.clock.after(FIRST_LOOKUPS_MS, resolve);
      for (const target of targets) {
        target.onTried = () => {
          if (--left > 0) return;
          timer.cancel();
          resolve();
        };
        this.#ask(target);
      }
    });
  }

  #ask(target: Target): void {
    if (this.#running >= MOST_AT_ONCE) {
      this.#queue.push(target);
      return;
    }
    this.#running++;
    void this.#lookUp(target.name, target.family).then((result) => {
      this.#running--;
      if (!target.gone) this.#learn(target, result);
      target.onTried?.();
      target.onTried = undefined;
      const next = this.#queue.shift();
      if (next !== undefined) this.#ask(next);
    });
  }

  #learn(target: Target, result: Awaited<ReturnType<LookUp>>): void {
    const { clock, onFound } = this.#options;
    let pauseMs: number;
    if (result.ok) {
      this.#found++;
      const { addresses, ttlSeconds } = result.value;
      pauseMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ttlSeconds * 1000));
      const freshUntil = clock.now() + pauseMs;
      const { name, family } = target;
      target.known = { name, family, addresses, freshUntil, keptUntil: freshUntil + KEPT_MS };
      onFound([target.known]);
    } else {
      this.#failed++;
      pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** target.failures);
    }
    this.#tell(target, result.ok ? '' : result.error);
    target.failures = result.ok ? 0 : target.failures + 1;
    target.timer = clock.after(pauseMs, () => this.#ask(target));
  }

  /** The first that fails, and the last that does not any more: a resolver that is gone is one message, not one a name. */
  #tell(target: Target, problem: string): void {
    const { log } = this.#options;
    const { name, failures } = target;
    if ((problem === '') === (failures === 0)) return;
    for (const one of this.#targets.values()) if (one !== target && one.failures > 0) return;
    if (problem === '') log.info('all targets of ALIAS can be looked up again');
    else
      log.warn(
        `${name}, the target of an ALIAS, cannot be looked up; answers keep what was found last, if anything was`,
        { problem },
      );
  }
}
