// Owns the bounded history of health changes: when, from what to what, why, and on what evidence.
// A plain ring; the oldest entries are forgotten first.

import type { EndpointId } from '../core/endpoint.ts';
import type { BreakerPhase } from './breaker.ts';
import type { StateWord } from './entry.ts';

export type ChangeCause = 'probe' | 'passive' | 'cluster' | 'breaker' | 'operator' | 'config';
/** Of an endpoint, or of a pool's breaker. */
export type ChangeWord = StateWord | BreakerPhase | 'absent';

export interface HealthChange {
  /** Wall-clock ms. */
  readonly at: number;
  /** Of the endpoint; the pool's name where its breaker changed. */
  readonly id: EndpointId;
  readonly pool: string;
  /** absent: not configured. `from` equals `to` where the timeline records why nothing changed. */
  readonly from: ChangeWord;
  readonly to: ChangeWord;
  readonly cause: ChangeCause;
  readonly evidence: string;
}

export class Timeline {
  readonly #ring: HealthChange[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(change: HealthChange): void {
    this.#ring[this.#next] = change;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** Oldest first. */
  list(id?: EndpointId): readonly HealthChange[] {
    const full = this.#ring.length === this.#size;
    const all = full ? [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)] : [...this.#ring];
    return id === undefined ? all : all.filter((change) => change.id === id);
  }
}
