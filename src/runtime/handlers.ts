// Owns turning the configuration of a listener into what it runs by, protocol by protocol: routes compiled, pools looked
// up, trusted networks indexed.

import type {
  FilterEntry,
  HttpListenerConfig,
  ListenerConfig,
  ProxyProtocolInConfig,
  TcpListenerConfig,
  UdpListenerConfig,
} from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import type { DnsHandler } from '../dns/context.ts';
import type { HttpHandler } from '../http/context.ts';
import type { FilterChain } from '../http/filter-chain.ts';
import { hstsText } from '../http/hsts.ts';
import type { ProxyTrust } from '../net/proxy-gate.ts';
import { compileTcpRoutes } from '../routing/tcp.ts';
import type { TcpHandler, TcpPool } from '../tcp/context.ts';
import { ServerContexts } from '../tls/contexts.ts';
import type { TlsTerms } from '../tls/secure.ts';
import type { KnownStaples } from '../tls/staples.ts';
import type { UdpHandler } from '../udp/context.ts';
import { httpRouting, type RoutingParts } from './http-routes.ts';
import type { ServedPool } from './snapshot.ts';
import type { TlsBlueprint } from './tls-keeper.ts';
import { routeKey } from './variant-slots.ts';

export type Handler = HttpHandler | TcpHandler | UdpHandler | DnsHandler;
/** `place` names where the filters stand; undefined for none. */
export type ChainBuilder = (
  listener: string,
  place: string,
  filters: readonly FilterEntry[],
) => FilterChain | undefined;
type Pools = ReadonlyMap<string, ServedPool>;

interface WorkerTls extends TlsBlueprint {
  readonly staples: KnownStaples;
  /** What ran before under a listener's name. */
  readonly before: (listener: string) => Handler | undefined;
}

export function handlerBuilder(
  pools: Pools,
  trustedProxies: readonly string[],
  tls: WorkerTls,
  chainOf: ChainBuilder,
  routing: RoutingParts,
): (listener: ListenerConfig) => Handler {
  const trusted = CidrSet.of(trustedProxies);
  return (listener) => {
    switch (listener.protocol) {
      case 'http':
        return httpHandler(listener, pools, trusted, tls, chainOf, routing);
      case 'tcp':
        return tcpHandler(listener, pools, tls, routing.variantSlots);
      case 'udp':
        return udpHandler(listener, pools);
    }
  };
}

function httpHandler(
  listener: HttpListenerConfig,
  pools: Pools,
  trusted: CidrSet,
  tls: WorkerTls,
  chainOf: ChainBuilder,
  routing: RoutingParts,
): HttpHandler {
  return {
    config: listener,
    limits: listener.limits,
    ...httpRouting(listener, pools, routing, chainOf),
    filters: chainOf(listener.name, listener.name, listener.filters),
    isTrusted: (address) => trusted.has(address),
    tls: tlsTerms(listener, tls, listener.http2 === undefined ? HTTP_1 : HTTP_2),
    hsts: hstsText(listener.hsts),
    proxies: proxyTrust(listener.proxyProtocol),
  };
}

function tcpHandler(
  listener: TcpListenerConfig,
  pools: Pools,
  tls: WorkerTls,
  slots: Readonly<Record<string, number>>,
): TcpHandler {
  const routes = listener.routes.map((config) => ({
    config,
    target: {
      name: config.name,
      slot: slots[routeKey(listener.name, config.name)] ?? -1,
      pool: tcpPool(pools.get(config.pool)!),
    },
  }));
  const router = compileTcpRoutes(routes);
  const needsHello = router.needsHello || routes.some(({ target }) => target.pool.key === 'sni');
  const { connectionsPerClient, connectionRatePerClient } = listener.limits;
  const needsClient =
    connectionsPerClient + connectionRatePerClient > 0 ||
    routes.some(
      ({ config, target: { pool } }) =>
        config.client.length > 0 || pool.key === 'source' || pool.affinity !== undefined,
    );
  return {
    config: listener,
    router,
    needsHello,
    needsClient,
    tls: tlsTerms(listener, tls, []),
    proxies: proxyTrust(listener.proxyProtocol),
  };
}

/** That layer 4 has the key was checked when the configuration was compiled. */
function tcpPool({ keyed, ...served }: ServedPool): TcpPool {
  const { from } = served.config.balance.key;
  return { ...served, affinity: served.pins, key: keyed ? (from === 'sni' ? 'sni' : 'source') : undefined };
}

function udpHandler(listener: UdpListenerConfig, pools: Pools): UdpHandler {
  const { proxyProtocol } = listener;
  const proxies = proxyProtocol === undefined ? undefined : CidrSet.of(proxyProtocol.from);
  const served = pools.get(listener.pool)!;
  return { config: listener, pool: { ...served, affinity: served.pins }, proxies };
}

const HTTP_1 = ['http/1.1'];
const HTTP_2 = ['h2', 'http/1.1'];

function tlsTerms(
  { name, tls: config }: HttpListenerConfig | TcpListenerConfig,
  { materials, ticketKey, staples, before }: WorkerTls,
  alpn: readonly string[],
): TlsTerms | undefined {
  if (config === undefined) return undefined;
  const { handshakeMs, handshakeRate, clients } = config;
  return {
    contexts: new ServerContexts(config, materials[name], ticketKey, contextsOf(before(name))),
    staples,
    alpn,
    handshakeMs,
    handshakeRate,
    clients,
  };
}

function contextsOf(handler: Handler | undefined): ServerContexts | undefined {
  return handler !== undefined && 'tls' in handler ? handler.tls?.contexts : undefined;
}

function proxyTrust(config: ProxyProtocolInConfig | undefined): ProxyTrust | undefined {
  if (config === undefined) return undefined;
  const from = CidrSet.of(config.from);
  return { believes: (address) => from.has(address), timeoutMs: config.timeoutMs };
}
