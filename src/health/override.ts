// Owns what operators said about endpoints, apart from what was observed: taking a word back must bring the observed
// verdict back untouched. Words are kept by id, so that they outlive an endpoint that leaves and returns.
//
//        ready ◀──────────▶ drain ◀──────────▶ maintenance ◀──────────▶ ready        (any word may follow any other)
//        ready: the checks decide.   drain: no new work, finish what runs.   maintenance: out, whatever the checks say.

import type { EndpointId } from '../core/endpoint.ts';

export type OverrideMode = 'ready' | 'drain' | 'maintenance';

export interface Override {
  readonly mode: OverrideMode;
  /** Wall-clock ms. */
  readonly at: number;
  /** Who and why, as the operator gave it. */
  readonly note: string;
}

const READY: Override = { mode: 'ready', at: 0, note: '' };
/** Words about endpoints that are long gone must not pile up under discovery; the oldest go first. */
const MAX_OVERRIDES = 10_000;

export class Overrides {
  readonly #byId = new Map<EndpointId, Override>();

  get(id: EndpointId): Override {
    return this.#byId.get(id) ?? READY;
  }

  set(id: EndpointId, override: Override): void {
    this.#byId.delete(id);
    if (override.mode === 'ready') return;
    this.#byId.set(id, override);
    if (this.#byId.size <= MAX_OVERRIDES) return;
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest);
      return;
    }
  }

  entries(): readonly (readonly [EndpointId, Override])[] {
    return [...this.#byId];
  }
}
