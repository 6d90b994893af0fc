// Owns the way from what discovery found to what is in effect: sets become part of what is desired, once for many changes, and are
// taken back when they cannot be brought into effect, so that no reload ever fails because of them.

import type { ConfigIssue } from '../config/issues.ts';
import { sentenceOf } from '../config/issues.ts';
import type { EndpointConfig } from '../config/types.ts';
import type { Log } from '../observe/log.ts';
import type { Desired } from './desired.ts';
import type { DiscoveryKeeper, FoundSets } from './discovery-keeper.ts';

export interface FoundParts {
  readonly desired: Desired;
  readonly log: Log;
  readonly keeper: () => Pick<DiscoveryKeeper, 'refused'>;
  /** Brings what is desired into effect when its turn comes; `begin` is called first. */
  readonly renew: (begin: () => void, undo: () => void) => Promise<readonly ConfigIssue[] | undefined>;
}

export class FoundEndpoints {
  readonly #parts: FoundParts;
  /** Sets before those that are not in effect yet. */
  #before = new Map<string, readonly EndpointConfig[]>();
  #isQueued = false;
  #problem = '';

  constructor(parts: FoundParts) {
    this.#parts = parts;
  }

  take(sets: FoundSets): void {
    const { desired } = this.#parts;
    for (const [pool, set] of sets) {
      if (!this.#before.has(pool)) this.#before.set(pool, desired.endpointsOf('discovery', pool));
      desired.setEndpoints('discovery', pool, set);
    }
    if (this.#isQueued) return;
    this.#isQueued = true;
    void this.#renew();
  }

  async #renew(): Promise<void> {
    const { desired, keeper, log, renew } = this.#parts;
    let before = this.#before;
    const refused = await renew(
      () => {
        this.#isQueued = false;
        before = this.#before;
        this.#before = new Map();
      },
      () => {
        for (const [pool, set] of before) desired.setEndpoints('discovery', pool, set);
      },
    );
    const problem = refused === undefined ? '' : sentenceOf(refused[0]);
    if (refused !== undefined) keeper().refused(before.keys());
    if (problem !== '' && problem !== this.#problem)
      log.error(`what was discovered cannot be taken into use: ${problem}`, { pools: [...before.keys()].join(', ') });
    else if (problem === '' && this.#problem !== '') log.info('what was discovered is in use again');
    this.#problem = problem;
  }
}
