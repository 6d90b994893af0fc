// Owns one counted use of an endpoint. It is settled exactly once; what the outcome teaches is the pool's business.
//
//   open ──answered()──▶ answered ──settle()──▶ settled
//     └──────────────settle()────────────────────▲
//   Any further call changes nothing; the pool counts it, because it is a bug of the caller.

import type { Endpoint } from '../core/endpoint.ts';
import type { Outcome } from '../core/outcome.ts';

/** What a lease reports to; the pool implements it. */
export interface Lessor {
  learn(lease: Lease, outcome: Outcome): void;
  /** `teaches` is false when `answered` said the same already. */
  settled(lease: Lease, outcome: Outcome, teaches: boolean): void;
  misused(): void;
}

export class Lease {
  readonly endpoint: Endpoint;
  /** The one request that an endpoint in trial may take. */
  readonly trial: boolean;
  /** It passed a half-open breaker, and has not proved anything yet. */
  tries = false;
  readonly #lessor: Lessor;
  #stage: 0 | 1 | 2 = 0;

  constructor(endpoint: Endpoint, trial: boolean, lessor: Lessor) {
    this.endpoint = endpoint;
    this.trial = trial;
    this.#lessor = lessor;
  }

  get refused(): false {
    return false;
  }

  get settled(): boolean {
    return this.#stage === 2;
  }

  /**
   * Optional: the first byte came, but the exchange goes on for long (a stream, a WebSocket). Teaches at once, so that a
   * trial does not take as long as the stream; a later `ok` teaches nothing more, a later failure still does.
   */
  answered(status: number, firstByteMs: number): void {
    if (this.#stage !== 0) return;
    this.#stage = 1;
    this.#lessor.learn(this, { kind: 'ok', status, firstByteMs });
  }

  settle(outcome: Outcome): void {
    const stage = this.#stage;
    if (stage === 2) return this.#lessor.misused();
    this.#stage = 2;
    this.#lessor.settled(this, outcome, stage === 0 || outcome.kind === 'failed');
  }
}
