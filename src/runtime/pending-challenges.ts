// Owns which challenges are pending, and that every worker knows them before anybody is told to ask.

import type { ChallengeBoard } from '../acme/issuer.ts';
import type { Challenge } from '../tls/challenges.ts';
import type { SharedAcme } from './facade.ts';

export class PendingChallenges implements ChallengeBoard {
  readonly #tell: (all: readonly Challenge[]) => Promise<void>;
  readonly #pending = new Set<Challenge>();
  /** Of other balancers. */
  #theirs: readonly Challenge[] = [];
  #shared: SharedAcme | undefined;

  /** `tell` resolves when all have heard. */
  constructor(tell: (all: readonly Challenge[]) => Promise<void>) {
    this.#tell = tell;
  }

  /** For a worker that knows nothing. */
  get all(): readonly Challenge[] {
    return [...this.#pending, ...this.#theirs];
  }

  publish(challenges: readonly Challenge[]): Promise<void> {
    for (const one of challenges) this.#pending.add(one);
    return this.#changed(challenges);
  }

  withdraw(challenges: readonly Challenge[]): Promise<void> {
    for (const one of challenges) this.#pending.delete(one);
    return this.#changed(challenges);
  }

  /** Balancers answer for each other. */
  shareWith(shared: SharedAcme): void {
    this.#shared = shared;
    shared.onChallenges((all) => {
      this.#theirs = all;
      void this.#tell(this.all);
    });
  }

  async #changed(challenges: readonly Challenge[]): Promise<void> {
    if (challenges.length === 0) return;
    await this.#tell(this.all);
    await this.#shared?.publishChallenges([...this.#pending]);
  }
}
