// Owns the contract of a balancing algorithm. A balancer knows nothing of health, affinity or retries: the view says
// what may be picked, the request says what is excluded. It is rebuilt, never edited, when the view changes.

import type { Endpoint } from '../core/endpoint.ts';
import type { Env } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { Schema } from '../core/schema.ts';

/** What may be picked right now, and why. Endpoints are in configuration order and all have weight > 0. */
export interface View {
  readonly version: number;
  readonly endpoints: readonly Endpoint[];
  readonly mode: 'normal' | 'fallback-tier' | 'panic' | 'empty';
}

export interface PickRequest {
  /** What the hash kinds hash (a client address, a header, ...); '' for kinds that need nothing. */
  readonly key: string;
  /** False lets a balancer skip calling `excludes` altogether. */
  readonly excluding: boolean;
  /** True for an endpoint that was tried already or is at its in-flight limit. */
  excludes(endpoint: Endpoint): boolean;
}

/**
 * Synchronous and allocation-free. `undefined` if and only if every endpoint of the view is excluded (or there is none).
 */
export interface Balancer {
  pick(request: PickRequest): Endpoint | undefined;
}

/** What a balancer may look at beside the view: the env (time, chance) and the shared load numbers. */
export interface BalancerEnv extends Env {
  readonly load: LoadTable;
}

/**
 * One algorithm: one file, and one line in `index.ts`. `name` is the file's name and the word used in configurations.
 * `previous` is the balancer that this one replaces (same kind), so that a cursor can be handed on.
 */
export interface BalancerKind<C = unknown> {
  readonly name: string;
  readonly needs: 'nothing' | 'key';
  readonly schema: Schema<C>;
  build(view: View, config: C, env: BalancerEnv, previous?: Balancer): Balancer;
}
