// Owns what the control plane finds out beside configurations, and that workers are told: addresses of ALIAS targets elsewhere,
// how far clients are, and which challenges of certificate authorities are pending.

import type { Clock } from '../core/env.ts';
import type { Log } from '../observe/log.ts';
import { AliasKeeper } from './alias-keeper.ts';
import type { Facts } from './facts.ts';
import type { Fleet } from './fleet.ts';
import { LatencyKeeper } from './latency-keeper.ts';
import { PendingChallenges } from './pending-challenges.ts';

export interface FactKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: string;
  /** Made later. */
  readonly fleet: () => Pick<Fleet, 'learn' | 'port'>;
}

export class FactKeeper {
  readonly aliases: AliasKeeper;
  readonly latency: LatencyKeeper;
  readonly challenges: PendingChallenges;

  constructor({ clock, log, folder, fleet }: FactKeeperOptions) {
    this.aliases = new AliasKeeper({ clock, log, onFound: (names) => void fleet().learn({ names }) });
    this.challenges = new PendingChallenges((challenges) => fleet().learn({ challenges }));
    this.latency = new LatencyKeeper({
      clock,
      log,
      folder,
      portOf: (listener) => fleet().port(listener),
      onLearnt: (latency) => void fleet().learn({ latency }),
    });
  }

  /** For a worker that knows nothing. */
  get all(): Facts {
    return { names: this.aliases.known, latency: this.latency.known, challenges: this.challenges.all };
  }

  close(): void {
    this.aliases.close();
    this.latency.close();
  }
}
