// Owns when one certificate is asked for: the first time at once, again well before it expires, and after failures ever more
// seldom. It asks nobody itself.
//
//   temporary ──asked, came──▶ good ──a third of its life is left──▶ due ──asked, came──▶ good
//       └─failed─▶ asked again later, and later still ◀─failed─┘      └──not in time──▶ expired, asked again

import type { IssueFailure } from '../acme/issuer.ts';
import { answersFor, fileNameOf, type Stored } from '../acme/stored.ts';
import type { ChallengeType, ObtainedConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';

export type AcmeState = 'temporary' | 'good' | 'due' | 'expired';

/** Nothing was asked of the authority but to hear us. */
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 600_000;
/** Authorities allow few orders that fail. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** Of the lifetime, counted from its end; a little more by chance, so that not all that began together come together. */
const RENEWED_AT = 1 / 3;
const SPREAD = 0.05;

export class AcmeCertificate {
  readonly config: ObtainedConfig;
  readonly file: string;
  readonly #random: Random;
  stored: Stored = { issuer: '', names: [], notBefore: 0, notAfter: 0 };
  /** Wall-clock ms. */
  dueAt = 0;
  busy = false;
  /** In a row. */
  failures = 0;
  lastFailure = '';
  /** The one that worked last comes first. */
  preferred: ChallengeType | undefined;

  constructor(config: ObtainedConfig, random: Random) {
    this.config = config;
    this.file = fileNameOf(config);
    this.#random = random;
  }

  isFor({ acme, keyType }: ObtainedConfig): boolean {
    return keyType === this.config.keyType && acme.join() === this.config.acme.join();
  }

  /** It is what was found there before. */
  has(stored: Stored): boolean {
    return JSON.stringify(stored) === JSON.stringify(this.stored);
  }

  /** What there is now. */
  found(stored: Stored, directory: string, now: number): void {
    this.stored = stored;
    this.dueAt = answersFor(stored, this.config, directory) ? Math.max(now, this.#renewalOf(stored)) : now;
  }

  #renewalOf({ notBefore, notAfter }: Stored): number {
    return notAfter - (notAfter - notBefore) * (RENEWED_AT + SPREAD * this.#random.unit());
  }

  issued(stored: Stored, directory: string, now: number): void {
    this.failures = 0;
    this.lastFailure = '';
    this.found(stored, directory, now);
    // One that is to be replaced at once, whatever the reason, must not become a loop.
    this.dueAt = Math.max(this.dueAt, now + FIRST_RETRY_MS);
  }

  failed({ step, reason, retryAfterMs }: IssueFailure, now: number): number {
    const [first, longest] =
      step === 'account' ? [FIRST_RETRY_MS, LONGEST_RETRY_MS] : [FIRST_PAUSE_MS, LONGEST_PAUSE_MS];
    const pause = Math.min(longest, first * 2 ** this.failures) * (0.75 + 0.5 * this.#random.unit());
    this.failures++;
    this.lastFailure = reason;
    const waitMs = Math.max(pause, retryAfterMs);
    this.dueAt = now + waitMs;
    return waitMs;
  }

  stateAt(now: number, directory: string): AcmeState {
    const { issuer, notAfter } = this.stored;
    if (issuer === '') return 'temporary';
    if (notAfter <= now) return 'expired';
    return answersFor(this.stored, this.config, directory) && now < this.dueAt && this.failures === 0 ? 'good' : 'due';
  }
}
