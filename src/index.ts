// The public library: what a TypeScript configuration and an embedding program import from `evenkeel`.

import type { AnyBalancerKind } from './balancing/index.ts';
import type { DocumentInput } from './config/document.ts';
import type { FilterKind } from './http/filter.ts';

export type { Balancer, BalancerEnv, BalancerKind, PickRequest, View } from './balancing/balancer.ts';
export { BALANCERS } from './balancing/index.ts';
export { compile as compileConfig } from './config/compile.ts';
export { type ConfigIssue, formatIssue } from './config/issues.ts';
export type { Config } from './config/types.ts';
export type { Endpoint } from './core/endpoint.ts';
export type { Schema } from './core/schema.ts';
export type {
  BodyStage,
  BodyWatch,
  Filter,
  FilterKind,
  FilterRequest,
  FilterResponse,
  FilterResult,
  FilterTools,
  Verdict,
} from './http/filter.ts';
export type { LocalReply } from './http/reply.ts';
export { wholeBody } from './http/whole-body.ts';

type PoolInput = NonNullable<DocumentInput['pools']>[string];
/** A pool may name an algorithm of one's own, which no schema can know. */
type OwnBalance = (string & {}) | { readonly kind: string & {}; readonly [option: string]: unknown };

/** The configuration as a person writes it, in TypeScript: the same keys as in YAML, plus balancing kinds of one's own. */
export type ConfigDocument = Omit<DocumentInput, 'pools'> & {
  readonly pools: {
    readonly [name: string]: Omit<PoolInput, 'balance'> & { readonly balance?: PoolInput['balance'] | OwnBalance };
  };
  /** Algorithms that pools may name in `balance`; see docs/reference/algorithms.md. */
  readonly balancers?: readonly AnyBalancerKind[];
  /** Filters that lists of filters may `use`; see docs/reference/filters.md. */
  // biome-ignore lint/suspicious/noExplicitAny: each has its own type of options
  readonly filters?: readonly FilterKind<any>[];
};

/**
 * Gives a TypeScript configuration its types and autocompletion; returns it unchanged.
 *
 * @example
 * export default defineConfig({
 *   listeners: { web: { bind: '0.0.0.0:8080', pool: 'web' } },
 *   pools: { web: { endpoints: ['10.0.0.1:8080', '10.0.0.2:8080'] } },
 * });
 */
export function defineConfig(document: ConfigDocument): ConfigDocument {
  return document;
}
