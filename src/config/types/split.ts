// Owns the normalized form of splits: a route's requests shared out among variants, and rollouts from one to another.

import type { TextMatch } from './route.ts';

export interface SplitConfig {
  readonly by: SplitKey;
  /** In the order of the file. At least one has a weight. */
  readonly variants: readonly VariantConfig[];
  readonly rollout: RolloutConfig | undefined;
}

/** What of a request keeps its variant. Who lacks the header is told apart by address. */
export type SplitKey =
  | { readonly from: 'client' }
  | { readonly from: 'header'; readonly name: string }
  /** Who has none is given one. */
  | { readonly from: 'cookie'; readonly name: string; readonly maxAgeSeconds: number };

export interface VariantConfig {
  readonly name: string;
  readonly pool: string;
  readonly weight: number;
  /** A request that one of these holds for gets this variant, whatever the weights say. */
  readonly force: ForceConfig;
}

export interface ForceConfig {
  readonly header: Readonly<Record<string, TextMatch>>;
  readonly cookie: Readonly<Record<string, TextMatch>>;
  readonly query: Readonly<Record<string, TextMatch>>;
}

export interface RolloutConfig {
  /** The variant that grows. */
  readonly to: string;
  /** Its shares, one after the other, 0-1. */
  readonly steps: readonly number[];
  /** How long each step lasts at least. */
  readonly everyMs: number;
  readonly halt: HaltConfig;
}

/** What ends a rollout; 0 means that it does not. */
export interface HaltConfig {
  /** So much larger than the others' may the share of failed answers be, 0-1. */
  readonly errors: number;
  /** The share of failed answers that is too much whatever the others do, 0-1. */
  readonly maxErrors: number;
  /** So many times the others' 95th percentile may the response time's be. */
  readonly latency: number;
  /** Of the new variant, within a step, before it is judged. */
  readonly minRequests: number;
}
