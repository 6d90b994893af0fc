// Owns the way from configured routes to a router. Runs once per snapshot; the router is immutable and shared by requests.

import type { RouteConfig } from '../config/types.ts';
import { HostTable } from './hosts.ts';
import { PathTable } from './paths.ts';
import { type Candidate, candidateOf } from './rank.ts';
import type { RegexCompiler, Router } from './route.ts';

export type { RegexCompiler, RequestHead, Router } from './route.ts';

/**
 * `regex` makes a tester of a pattern that the configuration has checked already. `target` is what a match returns; it must
 * not be undefined. A route with several hosts is as specific for a request as the host that the request names.
 */
export function compileRoutes<R>(
  routes: readonly { readonly config: RouteConfig; readonly target: R }[],
  regex: RegexCompiler,
): Router<R> {
  const byHost = new Map<string, Candidate<R>[]>();
  for (const [order, { config, target }] of routes.entries()) {
    const candidate = candidateOf(config, target, order, regex);
    for (const host of config.host.length === 0 ? ['*'] : new Set(config.host)) {
      const list = byHost.get(host);
      if (list === undefined) byHost.set(host, [candidate]);
      else list.push(candidate);
    }
  }
  return new HostTable(new Map(Array.from(byHost, ([host, candidates]) => [host, new PathTable(candidates)])));
}
