// Owns what the control plane finds out beside configurations, and that workers are told: addresses of ALIAS targets elsewhere,
// how far clients are, which challenges of certificate authorities are pending, what responders say of our certificates, and
// which weights splits have by now.

import type { Counters } from '../core/counters.ts';
import type { Clock, Random } from '../core/env.ts';
import type { Log } from '../observe/log.ts';
import { askResponder } from '../tls/ocsp/ask.ts';
import type { Staple } from '../tls/staples.ts';
import { AliasKeeper } from './alias-keeper.ts';
import type { Facts } from './facts.ts';
import type { Fleet } from './fleet.ts';
import { LatencyKeeper } from './latency-keeper.ts';
import { OcspKeeper } from './ocsp-keeper.ts';
import { PendingChallenges } from './pending-challenges.ts';
import { SplitKeeper } from './split-keeper.ts';

export interface FactKeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly folder: string;
  /** Made later. */
  readonly fleet: () => Pick<Fleet, 'learn' | 'port'>;
  readonly counters: readonly Counters[];
}

export class FactKeeper {
  readonly aliases: AliasKeeper;
  readonly latency: LatencyKeeper;
  readonly challenges: PendingChallenges;
  readonly ocsp: OcspKeeper;
  readonly splits: SplitKeeper;

  constructor({ clock, random, log, folder, fleet, counters }: FactKeeperOptions) {
    this.aliases = new AliasKeeper({ clock, log, onFound: (names) => void fleet().learn({ names }) });
    this.challenges = new PendingChallenges((challenges) => fleet().learn({ challenges }));
    const onStaples = (staples: readonly Staple[]): void => void fleet().learn({ staples });
    this.ocsp = new OcspKeeper({ clock, random, log, ask: askResponder, onStaples });
    this.splits = new SplitKeeper({ clock, log, counters, onWeights: (weights) => void fleet().learn({ weights }) });
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
    const { aliases, latency, challenges, ocsp, splits } = this;
    const said = { challenges: challenges.all, staples: ocsp.all, weights: splits.all };
    return { names: aliases.known, latency: latency.known, ...said };
  }

  close(): void {
    this.aliases.close();
    this.latency.close();
    this.ocsp.close();
    this.splits.close();
  }
}
