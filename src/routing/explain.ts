// Owns telling which routes a request takes and does not take, and which of their conditions did not hold. Slow and thorough: every
// route is asked everything. The choice itself is compile.ts, whose parts are asked here, so that both cannot disagree.

import type { RouteConfig } from '../config/types.ts';
import { compileRoutes } from './compile.ts';
import { conditionsOf } from './conditions.ts';
import { Languages } from './language.ts';
import type { RequestHead, RoutingFacts } from './route.ts';

export interface RouteReport {
  readonly route: string;
  /** `host`, `path`, `method`, `header x-user`, ...; none: it matches. */
  readonly fails: readonly string[];
}

/** Nothing but a host. */
const FREE = {
  path: undefined,
  method: [],
  header: {},
  cookie: {},
  query: {},
  client: [],
  country: [],
  continent: [],
  userAgent: [],
  language: [],
  tls: undefined,
  clientCertificate: undefined,
  identity: undefined,
  map: {},
  when: '',
} satisfies Partial<RouteConfig>;

/** In the order of the configuration. */
export function explainRoutes(
  routes: readonly RouteConfig[],
  facts: RoutingFacts,
  head: RequestHead,
): readonly RouteReport[] {
  const languages = new Languages(routes.flatMap(({ language }) => language));
  const takes = (config: RouteConfig): boolean => compileRoutes([{ config, target: true }], facts).match(head) === true;
  return routes.map((route) => {
    const fails: string[] = [];
    if (!takes({ ...route, ...FREE })) fails.push('host');
    if (route.path !== undefined && !takes({ ...route, ...FREE, host: [], path: route.path })) fails.push('path');
    for (const { what, holds } of conditionsOf(route, facts, languages)) if (!holds(head)) fails.push(what);
    return { route: route.name, fails };
  });
}
