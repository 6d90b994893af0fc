// Owns the contract of who starts and stops instances. Some start each instance themselves and so know where it is; others are told a
// number, and discovery finds what comes of it.

import type { Address } from '../core/address.ts';
import type { Result } from '../core/result.ts';

export interface Instance {
  /** What the provider calls it. */
  readonly id: string;
  readonly address: Address;
}

/** Starts instances one by one. */
export interface InstanceProvider {
  readonly picks: true;
  /** Those that run, or are being started. */
  instances(): readonly Instance[];
  /** Looks at what there is, where that can change by itself. */
  refresh?(): Promise<Result<void, string>>;
  /** Why none should be started just now; '' when one may. */
  waits(): string;
  start(): Promise<Result<Instance, string>>;
  /** Everything ends now. */
  kill?(): void;
  /** It serves nobody any more. */
  stop(id: string): Promise<void>;
  /** The balancer ends: so does everything that was started here. */
  close(): Promise<void>;
}

/** Is told how many there should be. */
export interface SizeProvider {
  readonly picks: false;
  resize(from: number, to: number): Promise<Result<void, string>>;
  close(): Promise<void>;
}

export type Provider = InstanceProvider | SizeProvider;
