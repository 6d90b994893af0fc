// Owns explaining what would become of a connection to a TCP listener in this worker.

import type { TcpRouteConfig } from '../../config/types.ts';
import type { Clock, Random } from '../../core/env.ts';
import { readIp } from '../../core/ip.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { type ConnectionFacts, compileTcpRoutes } from '../../routing/tcp.ts';
import type { TcpHandler } from '../../tcp/context.ts';
import type { AffinityReport, RouteReport, TcpExplanation, TcpQuestion } from './explanation.ts';

export function explainTcp(
  { listener, from, sni, alpn }: TcpQuestion,
  handler: TcpHandler,
  clock: Clock,
  random: Random,
): Result<TcpExplanation, string> {
  if (readIp(from, new Uint8Array(16)) === 0) return err(`"${from}" is no IP address`);
  const facts = { sni: sni.toLowerCase(), alpn, client: from };
  const route = handler.router.match(facts);
  const misses = handler.config.routes
    .filter(({ name }) => name !== route?.name)
    .map((one) => reportOf(one, facts))
    .sort((a, b) => a.fails.length - b.fails.length);
  const client = { address: from, decidedBy: handler.proxies?.believes(from) ? PROXIED : 'the connection' };
  const common = { protocol: 'tcp' as const, listener, client, misses };
  if (route === undefined) {
    const nothing = { affinity: undefined, pool: undefined, pick: '', retry: undefined };
    return ok({ ...common, ...nothing, route: '', refusal: 'closed: no route' });
  }
  const { pool } = route;
  const pinned = pool.affinity?.find(from, clock.now()) ?? -1;
  const key = pool.key === undefined ? '' : pool.key === 'sni' ? facts.sni : from;
  const pool_ = pool.pool.foresee({ key, tried: [], pinned }, random, 2);
  const { attempts } = pool.config.retries;
  return ok({
    ...common,
    route: route.name,
    affinity: pool.affinity && affinityOf(pinned, pool.pool.endpoints),
    pool: pool_,
    pick: pool_.picks[0] ?? '',
    refusal: pool_.refusal,
    retry: {
      attempts,
      when: 'a connection that could not be made',
      next: attempts === 0 ? '' : (pool_.picks[1] ?? ''),
    },
  });
}

const PROXIED = 'the connection; a PROXY header of this peer would be believed and say otherwise';

function reportOf(route: TcpRouteConfig, facts: ConnectionFacts): RouteReport {
  const takes = (config: TcpRouteConfig): boolean => compileTcpRoutes([{ config, target: true }]).match(facts) === true;
  const fails: string[] = [];
  if (!takes({ ...route, alpn: [], client: [] })) fails.push('sni');
  if (!takes({ ...route, sni: [], client: [] })) fails.push('alpn');
  if (!takes({ ...route, sni: [], alpn: [] })) fails.push('client');
  return { route: route.name, fails };
}

function affinityOf(
  pinned: number,
  endpoints: readonly { readonly slot: number; readonly id: string }[],
): AffinityReport {
  const endpoint = endpoints.find(({ slot }) => slot === pinned)?.id ?? '';
  return { by: 'source', result: endpoint === '' ? 'a new session' : 'the session is known', endpoint };
}
