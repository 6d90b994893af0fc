// The public library: what a TypeScript configuration and an embedding program import from `evenkeel`.

import type { AnyBalancerKind } from './balancing/index.ts';
import type { DocumentInput } from './config/document.ts';
import type { FilterKind } from './http/filter.ts';
import type { Predicate } from './routing/route.ts';

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
export type { Predicate, PredicateRequest } from './routing/route.ts';

type PoolInput = NonNullable<DocumentInput['pools']>[string];
/** A pool may name an algorithm of one's own, which no schema can know. */
type OwnBalance = (string & {}) | { readonly kind: string & {}; readonly [option: string]: unknown };

/** `when` of a route may be the function itself. */
type WithPredicates<T> = T extends readonly (infer Item)[]
  ? readonly WithPredicates<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: K extends 'when' ? T[K] | Predicate : WithPredicates<T[K]> }
    : T;

/** The configuration as a person writes it, in TypeScript: the same keys as in YAML, plus code of one's own. */
export type ConfigDocument = Omit<DocumentInput, 'pools' | 'listeners'> & {
  readonly listeners?: WithPredicates<DocumentInput['listeners']>;
  readonly pools: {
    readonly [name: string]: Omit<PoolInput, 'balance'> & { readonly balance?: PoolInput['balance'] | OwnBalance };
  };
  /** Algorithms that pools may name in `balance`; see docs/reference/algorithms.md. */
  readonly balancers?: readonly AnyBalancerKind[];
  /** Filters that lists of filters may `use`; see docs/reference/filters.md. */
  // biome-ignore lint/suspicious/noExplicitAny: each has its own type of options
  readonly filters?: readonly FilterKind<any>[];
  /** What routes may name in `when`; see docs/reference/routing.md. */
  readonly predicates?: Readonly<Record<string, Predicate>>;
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
