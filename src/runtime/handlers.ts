// Owns turning the configuration of a listener into what it runs by, protocol by protocol: routes compiled, pools looked
// up, trusted networks indexed.

import { compilePattern } from '../config/regex.ts';
import type { HttpListenerConfig, KeySource, ListenerConfig } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import type { HttpHandler, HttpRoute } from '../http/context.ts';
import type { HeadView } from '../http/head-view.ts';
import { compileRoutes } from '../routing/compile.ts';
import { cookieOf, parameterOf } from '../routing/conditions.ts';
import type { ServedPool } from './snapshot.ts';

export type Handler = HttpHandler;
type Pools = ReadonlyMap<string, ServedPool>;

export function handlerBuilder(pools: Pools, trustedProxies: readonly string[]): (listener: ListenerConfig) => Handler {
  const trusted = CidrSet.of(trustedProxies);
  return (listener) => {
    switch (listener.protocol) {
      case 'http':
        return httpHandler(listener, pools, trusted);
      default:
        throw new Error(`there is no ${listener.protocol} data path yet`);
    }
  };
}

function httpHandler(listener: HttpListenerConfig, pools: Pools, trusted: CidrSet): HttpHandler {
  const routes = listener.routes.map((config) => {
    const served = pools.get(config.pool)!;
    const keyOf = served.keyed ? keyFunction(served.config.balance.key) : undefined;
    const target: HttpRoute = { name: config.name, pool: { ...served, keyOf }, timeouts: config.timeouts };
    return { config, target };
  });
  const router = compileRoutes(routes, compilePattern);
  return {
    config: listener,
    limits: listener.limits,
    match: (head) => router.match(head),
    isTrusted: (address) => trusted.has(address),
  };
}

function keyFunction(key: KeySource): (head: HeadView) => string {
  switch (key.from) {
    case 'source':
      return (head) => head.client;
    case 'path':
      return (head) => head.path;
    case 'header':
      return (head) => head.header(key.name) ?? '';
    case 'cookie':
      return (head) => cookieOf(head.header('cookie'), key.name) ?? '';
    case 'query':
      return (head) => parameterOf(head.query, key.name) ?? '';
    case 'sni':
      throw new Error('plain HTTP has no SNI; refused when the configuration was compiled');
  }
}
