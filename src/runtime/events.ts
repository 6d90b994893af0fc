// Owns telling everybody who listens what happened. A listener that throws is a bug of its own and stops nobody else.

import type { BalancerEvent } from './facade.ts';

export class Events {
  readonly #listeners = new Set<(event: BalancerEvent) => void>();

  /** Returns the unsubscriber. */
  subscribe(listener: (event: BalancerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: BalancerEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        this.#listeners.delete(listener);
      }
    }
  }
}
