// Owns the normalized form of listeners, protocol by protocol.

import type { Address } from '../../core/address.ts';
import type { FilterEntry } from './filters.ts';
import type { RouteConfig } from './route.ts';
import type { HstsConfig, Http2Config, HttpsRedirectConfig, TlsConfig } from './tls.ts';

export type ListenerConfig = HttpListenerConfig | TcpListenerConfig | UdpListenerConfig;
export type Protocol = ListenerConfig['protocol'];

interface AnyListenerConfig {
  readonly name: string;
  readonly bind: Address;
  /** Undefined: no client may speak it. */
  readonly proxyProtocol: ProxyProtocolInConfig | undefined;
}

export interface HttpListenerConfig extends AnyListenerConfig {
  readonly protocol: 'http';
  /** Undefined: in the clear. Written as `protocol: https`. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: HTTP/1 only. Over TLS clients ask for it (ALPN), in the clear they know beforehand (RFC 9113 §3.3). */
  readonly http2: Http2Config | undefined;
  readonly hsts: HstsConfig | undefined;
  /** Undefined: requests are served here. */
  readonly redirect: HttpsRedirectConfig | undefined;
  /** Before a route is chosen. */
  readonly filters: readonly FilterEntry[];
  readonly routes: readonly RouteConfig[];
  readonly limits: HttpLimits;
  readonly timeouts: ClientTimeouts;
  readonly forwarded: ForwardedConfig;
}

export interface TcpListenerConfig extends AnyListenerConfig, DataPathConfig {
  readonly protocol: 'tcp';
  /** Undefined: bytes are passed as they come. Defined: TLS ends here, and what is inside is passed. */
  readonly tls: TlsConfig | undefined;
  /** In order of precedence: see `routing/tcp.ts`. */
  readonly routes: readonly TcpRouteConfig[];
  readonly limits: ConnectionLimits;
  readonly timeouts: TcpTimeouts;
}

export interface UdpListenerConfig extends AnyListenerConfig, DataPathConfig {
  readonly protocol: 'udp';
  readonly pool: string;
  readonly flow: FlowConfig;
}

/** Which path the packets of a layer 4 listener take. */
export interface DataPathConfig {
  /** `auto` is `nat` where the kernel can do it, and `proxy` elsewhere. */
  readonly mode: 'proxy' | 'nat' | 'auto';
  /** NAT only. `auto`: backends see the balancer's address; `off`: they see the client's and must route back through us. */
  readonly snat: 'auto' | 'off';
}

/** Whose PROXY protocol headers (v1 and v2) are believed. They must send one; all other peers are clients themselves. */
export interface ProxyProtocolInConfig {
  /** CIDRs. */
  readonly from: readonly string[];
  /** For the whole header, however slowly it comes; 0 for UDP, where it comes with the datagram. */
  readonly timeoutMs: number;
}

/** Counted over all workers; 0 means no limit. */
export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** New connections a second, over a sliding second. */
  readonly connectionRate: number;
  readonly connectionRatePerClient: number;
}

export interface TcpTimeouts {
  /** Without a byte either way. */
  readonly idleMs: number;
  /** 0 means no limit. */
  readonly lifetimeMs: number;
  /** For the whole ClientHello, where routes ask for SNI or ALPN. */
  readonly helloMs: number;
}

export interface TcpRouteConfig {
  readonly name: string;
  /** Lower case; `*.example.com` matches every name below example.com. */
  readonly sni: readonly string[];
  /** One of these is offered by the client. */
  readonly alpn: readonly string[];
  /** CIDRs. */
  readonly client: readonly string[];
  readonly pool: string;
}

export interface FlowConfig {
  /** Whose datagrams belong together: those of one address and port, or all of one address (answers go to the last port). */
  readonly key: 'address-and-port' | 'address';
  readonly idleMs: number;
  /** Answers to each datagram of the client; with the last the flow ends (DNS: 1). 0 means that only silence ends it. */
  readonly responses: number;
  /** Flows at once, per worker. */
  readonly max: number;
}

export interface HttpLimits extends ConnectionLimits {
  /** Bytes of start line and fields together. */
  readonly headBytes: number;
  readonly fields: number;
  readonly targetBytes: number;
  /** 0 means no limit. */
  readonly bodyBytes: number;
  /** Requests on one connection before it is closed; 0 means no limit. */
  readonly requestsPerConnection: number;
}

export interface ClientTimeouts {
  readonly headMs: number;
  readonly bodyIdleMs: number;
  readonly keepAliveMs: number;
  /** A client that does not take the response for so long is cut off. */
  readonly sendIdleMs: number;
  /** Upgraded connections without a byte either way. */
  readonly tunnelIdleMs: number;
  /** Upgraded connections as a whole; 0 means no limit. */
  readonly tunnelLifetimeMs: number;
}

export interface ForwardedConfig {
  /** X-Forwarded-For, -Proto and -Host. */
  readonly xForwarded: boolean;
  /** RFC 7239. */
  readonly forwarded: boolean;
  /** Name of the request id field, lower case; '' for none. */
  readonly requestId: string;
}
