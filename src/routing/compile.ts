// Owns the way from configured routes to a router. Runs once per snapshot; the router is immutable and shared by requests.

import type { RouteConfig } from '../config/types.ts';
import { hasCapture, hostTable } from './captures.ts';
import { HostTable } from './hosts.ts';
import { Languages } from './language.ts';
import { PathTable } from './paths.ts';
import { type Candidate, candidateOf, withHost } from './rank.ts';
import type { RegexCompiler, Router, RoutingFacts } from './route.ts';

export type { RegexCompiler, RequestHead, Router, RoutingFacts } from './route.ts';

/** Facts of a configuration whose routes ask for nothing but the request. */
export function plainFacts(regex: RegexCompiler): RoutingFacts {
  return {
    regex,
    place: () => ({ country: '', continent: '' }),
    table: () => undefined,
    predicates: new Map(),
    onThrow: () => undefined,
  };
}

/**
 * `target` is what a match returns; it must not be undefined. A route with several hosts is as specific for a request as the
 * host that the request names.
 */
export function compileRoutes<R>(
  routes: readonly { readonly config: RouteConfig; readonly target: R }[],
  facts: RoutingFacts,
): Router<R> {
  const languages = new Languages(routes.flatMap(({ config }) => config.language));
  const byHost = new Map<string, Candidate<R>[]>();
  for (const [order, { config, target }] of routes.entries()) {
    const candidate = candidateOf(config, target, order, facts, languages);
    for (const host of config.host.length === 0 ? ['*'] : new Set(config.host)) {
      const captures = hasCapture(host);
      const table = captures ? hostTable(host) : host;
      const one = captures ? withHost(candidate, host, facts.regex) : candidate;
      const list = byHost.get(table);
      if (list === undefined) byHost.set(table, [one]);
      else list.push(one);
    }
  }
  return new HostTable(new Map(Array.from(byHost, ([host, candidates]) => [host, new PathTable(candidates)])));
}
