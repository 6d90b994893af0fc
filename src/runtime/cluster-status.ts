// Owns the shape of what is told of balancers that share what they find out, and of asking them to.

import type { ConfigIssue } from '../config/issues.ts';
import type { Result } from '../core/result.ts';

/** `differs`: something else is in effect, such as a file that changed since; `none`: nothing was published. */
export type PublishedState = 'none' | 'pending' | 'applied' | 'refused' | 'differs';

export interface ConfigAnswer {
  /** Of the newest published configuration that was seen; 0 for none. */
  readonly version: number;
  readonly state: PublishedState;
  /** Why it was refused. */
  readonly issues: readonly string[];
}

export interface ClusterNode {
  readonly name: string;
  readonly self: boolean;
  /** Of the program. */
  readonly version: string;
  readonly host: string;
  /** Wall-clock ms. */
  readonly startedAt: number;
  /** Of the configuration that is in effect there. */
  readonly etag: string;
  readonly config: ConfigAnswer;
}

export interface PublishedConfig extends ConfigAnswer {
  /** Wall-clock ms, by the clock of the Redis. */
  readonly at: number;
  readonly author: string;
  readonly note: string;
}

export interface ClusterStatus {
  readonly node: string;
  /** Without its password. */
  readonly redis: string;
  /** `alone`: the Redis does not answer, and this balancer goes on with what it has. */
  readonly state: 'joining' | 'joined' | 'alone';
  /** Wall-clock ms. */
  readonly since: number;
  /** By name. */
  readonly nodes: readonly ClusterNode[];
  /** Targets; undefined where health is not shared. */
  readonly health:
    | { readonly probed: number; readonly agreed: number; readonly local: number; readonly waiting: number }
    | undefined;
  readonly config: PublishedConfig;
  readonly leases: readonly { readonly name: string; readonly held: boolean; readonly token: number }[];
  /** What is not shared though it could be, and why. */
  readonly notes: readonly string[];
}

export type PublishRefusal =
  | { readonly kind: 'issues'; readonly issues: readonly ConfigIssue[] }
  /** Somebody was faster. */
  | { readonly kind: 'conflict'; readonly version: number }
  /** Not shared, or the Redis does not answer. */
  | { readonly kind: 'unable'; readonly reason: string };

export interface Publication {
  /** Of the one that the author saw; 0 for none. */
  readonly expected: number;
  readonly author: string;
  readonly note: string;
}

export interface ClusterControl {
  status(): ClusterStatus;
  /** The version it got. Nodes that refuse it keep what they have. */
  publish(text: string, publication: Publication): Promise<Result<number, PublishRefusal>>;
}
