// Owns the bounded history of health changes: when, from what to what, why, and on what evidence.
// A plain ring; the oldest entries are forgotten first.

import type { EndpointId } from '../core/endpoint.ts';
import type { StateWord } from './entry.ts';

export type ChangeCause = 'probe' | 'passive' | 'operator' | 'config';

export interface HealthChange {
  /** Wall-clock ms. */
  readonly at: number;
  readonly id: EndpointId;
  readonly pool: string;
  /** absent: not configured. `from` equals `to` where the timeline records why nothing changed. */
  readonly from: StateWord | 'absent';
  readonly to: StateWord | 'absent';
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
