// Owns which row of the counters a variant of a split has: the same one across reloads, given back when its split is gone.

import type { Config, RouteConfig, SplitConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { splitName } from '../routing/split.ts';
import { MAX_VARIANTS } from './shared-memory.ts';

export interface NamedSplit {
  /** `listener/route` */
  readonly name: string;
  readonly config: SplitConfig;
}

/** All splits of a configuration. */
export function splitsOf(config: Pick<Config, 'listeners'>): readonly NamedSplit[] {
  return Object.values(config.listeners).flatMap((listener) =>
    listener.protocol === 'http'
      ? listener.routes
          .filter((route): route is RouteConfig & { split: SplitConfig } => route.split !== undefined)
          .map(({ name, split }) => ({ name: splitName(listener.name, name), config: split }))
      : [],
  );
}

export function variantKeys(config: Pick<Config, 'listeners'>): readonly string[] {
  return splitsOf(config).flatMap(({ name, config: { variants } }) => variants.map((one) => `${name}/${one.name}`));
}

export class VariantSlots {
  readonly #clear: (slot: number) => void;
  readonly #taken = new Map<string, number>();
  readonly #free = Array.from({ length: MAX_VARIANTS }, (_, i) => MAX_VARIANTS - 1 - i);

  /** `clear` forgets what was counted in a row. */
  constructor(clear: (slot: number) => void) {
    this.#clear = clear;
  }

  /** For a configuration that may come into effect. The error is for a person. */
  assign(config: Config): Result<Readonly<Record<string, number>>, string> {
    const slots: Record<string, number> = {};
    for (const key of variantKeys(config)) {
      let slot = this.#taken.get(key);
      if (slot === undefined) {
        slot = this.#free.pop();
        if (slot === undefined) return err(`the variant "${key}" does not fit: ${MAX_VARIANTS} are the limit`);
        this.#clear(slot);
        this.#taken.set(key, slot);
      }
      slots[key] = slot;
    }
    return ok(slots);
  }

  /** Everything that is not in this configuration is given back. */
  retain(config: Config | undefined): void {
    const kept = new Set(config === undefined ? [] : variantKeys(config));
    for (const [key, slot] of this.#taken) {
      if (kept.has(key)) continue;
      this.#taken.delete(key);
      // Last in line, so that requests that still run do not count for somebody else.
      this.#free.unshift(slot);
    }
  }
}
