// Owns which row of the counters a route has, and a variant of a split: the same one across reloads, given back when it is gone.

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

/** How the row of a route is called. */
export const routeKey = (listener: string, route: string): string => `route ${listener}/${route}`;

function routeKeys({ listeners }: Pick<Config, 'listeners'>): readonly string[] {
  return Object.values(listeners).flatMap((listener) =>
    listener.protocol === 'udp' ? [] : listener.routes.map(({ name }) => routeKey(listener.name, name)),
  );
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
      const slot = this.#take(key);
      if (slot === undefined) return err(`the variant "${key}" does not fit: ${MAX_VARIANTS} are the limit`);
      slots[key] = slot;
    }
    // Routes are only looked at; those that do not fit are not counted.
    for (const key of routeKeys(config)) slots[key] = this.#take(key) ?? -1;
    return ok(slots);
  }

  #take(key: string): number | undefined {
    const known = this.#taken.get(key);
    if (known !== undefined) return known;
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    this.#clear(slot);
    this.#taken.set(key, slot);
    return slot;
  }

  /** Everything that is not in this configuration is given back. */
  retain(config: Config | undefined): void {
    const kept = new Set(config === undefined ? [] : [...variantKeys(config), ...routeKeys(config)]);
    for (const [key, slot] of this.#taken) {
      if (kept.has(key)) continue;
      this.#taken.delete(key);
      // Last in line, so that requests that still run do not count for somebody else.
      this.#free.unshift(slot);
    }
  }
}
