// Owns the contract of discovery: a source is looked at again and again, and each look brings the whole set or says why not.
// It never speaks of traffic, and nobody who serves waits for it.

import type { DiscoverConfig, EndpointConfig } from '../config/types.ts';
import type { Env } from '../core/env.ts';
import type { Result } from '../core/result.ts';

/** More do not fit into a balancer anyway. */
export const MOST_ENDPOINTS = 16_384;

export interface Look {
  /** The whole set; undefined when it is what it was at the last look. */
  readonly endpoints: readonly EndpointConfig[] | undefined;
  /** What was left out and why, for an operator; '' for nothing. */
  readonly note?: string;
  /** When to look again; 0 for at once, by who waits for news within the look. */
  readonly againMs: number;
}

/** One source. Looks never overlap, and end soon after `signal` says that nobody wants them any more. */
export interface Source {
  look(signal: AbortSignal): Promise<Result<Look, string>>;
  close?(): void;
}

export interface SourceTools {
  readonly env: Env;
  /** Where relative paths begin. */
  readonly folder: string;
  /** Something has happened: the pause between two looks ends. */
  readonly wake: () => void;
}

export interface DiscoveryKind<C extends DiscoverConfig = DiscoverConfig> {
  readonly name: C['kind'];
  build(config: C, tools: SourceTools): Source;
}

export interface FoundSet {
  readonly endpoints: readonly EndpointConfig[];
  readonly note: string;
  /** False: a good look that found nothing new. */
  readonly isNew: boolean;
}

/** Each call has a whole set, or why there is none: who watches keeps the last good one then. */
export type OnSet = (set: Result<FoundSet, string>) => void;
