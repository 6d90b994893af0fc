// Owns which challenges are pending, and that every worker knows them before anybody is told to ask.

import type { ChallengeBoard } from '../acme/issuer.ts';
import type { Challenge } from '../tls/challenges.ts';

export class PendingChallenges implements ChallengeBoard {
  readonly #tell: (all: readonly Challenge[]) => Promise<void>;
  readonly #pending = new Set<Challenge>();

  /** `tell` resolves when all have heard. */
  constructor(tell: (all: readonly Challenge[]) => Promise<void>) {
    this.#tell = tell;
  }

  /** For a worker that knows nothing. */
  get all(): readonly Challenge[] {
    return [...this.#pending];
  }

  publish(challenges: readonly Challenge[]): Promise<void> {
    for (const one of challenges) this.#pending.add(one);
    return challenges.length === 0 ? Promise.resolve() : this.#tell(this.all);
  }

  withdraw(challenges: readonly Challenge[]): Promise<void> {
    for (const one of challenges) this.#pending.delete(one);
    return challenges.length === 0 ? Promise.resolve() : this.#tell(this.all);
  }
}
