// Owns the share of the newest traffic by endpoint: what a viewer wants to see move, where totals since the start would not.

import type { EndpointReport } from '../../runtime/facade.ts';

const LOOK_MS = 1000;

export class ShareMeter {
  readonly #before = new Map<string, number>();
  #shares: ReadonlyMap<string, number> = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** Shares by endpoint id, 0-1, measured anew at most once a second. */
  look(endpoints: readonly EndpointReport[], elapsedMs: number): ReadonlyMap<string, number> {
    if (elapsedMs - this.#lookedAt < LOOK_MS) return this.#shares;
    this.#lookedAt = elapsedMs;
    const deltas = endpoints.map(({ id, requests }) => [id, requests - (this.#before.get(id) ?? 0)] as const);
    const total = deltas.reduce((all, [, delta]) => all + delta, 0);
    for (const { id, requests } of endpoints) this.#before.set(id, requests);
    this.#shares = new Map(deltas.map(([id, delta]) => [id, total === 0 ? 0 : delta / total]));
    return this.#shares;
  }
}
