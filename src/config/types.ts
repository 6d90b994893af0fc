// Owns the normalized configuration: short forms expanded, defaults filled in, durations in ms, sizes in bytes.
// What `schema.ts` produces and everything else reads. Plain data, so that it can be sent to worker threads.

import type { Address } from '../core/address.ts';

export interface Config {
  readonly listeners: Readonly<Record<string, ListenerConfig>>;
  readonly pools: Readonly<Record<string, PoolConfig>>;
  readonly admin: AdminConfig | undefined;
  readonly workers: number | 'auto';
  /** This balancer's own zone, preferred when endpoints have zones; '' when unset. */
  readonly zone: string;
  /** CIDRs whose X-Forwarded-* and Forwarded fields are believed. */
  readonly trustedProxies: readonly string[];
  readonly accessLog: AccessLogConfig | undefined;
  readonly drain: DrainConfig;
}

export interface DrainConfig {
  /** How long running requests may take to finish. */
  readonly requestsMs: number;
  /** How long upgraded connections (WebSockets) may go on. */
  readonly streamsMs: number;
}

export interface AdminConfig {
  readonly bind: Address;
}

export interface AccessLogConfig {
  /** `stdout`, `stderr` or a path. */
  readonly to: string;
  readonly fields: readonly string[];
  /** Share of requests that are logged, 0-1; failed ones always are. */
  readonly sample: number;
}

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
  readonly routes: readonly RouteConfig[];
  readonly limits: HttpLimits;
  readonly timeouts: ClientTimeouts;
  readonly forwarded: ForwardedConfig;
}

export interface TcpListenerConfig extends AnyListenerConfig, DataPathConfig {
  readonly protocol: 'tcp';
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
  /** For the whole header, however slowly it comes. */
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
}

export interface ForwardedConfig {
  /** X-Forwarded-For, -Proto and -Host. */
  readonly xForwarded: boolean;
  /** RFC 7239. */
  readonly forwarded: boolean;
  /** Name of the request id field, lower case; '' for none. */
  readonly requestId: string;
}

/** Conditions are all to be true; absent ones do not matter. */
export interface RouteConfig {
  readonly name: string;
  /** Lower case; `*.example.com` matches every name below example.com. */
  readonly host: readonly string[];
  readonly path: PathPattern | undefined;
  readonly method: readonly string[];
  readonly header: Readonly<Record<string, TextMatch>>;
  readonly cookie: Readonly<Record<string, TextMatch>>;
  readonly query: Readonly<Record<string, TextMatch>>;
  /** CIDRs. */
  readonly client: readonly string[];
  readonly pool: string;
  readonly timeouts: RouteTimeouts;
}

export interface RouteTimeouts {
  /** From the request sent to the first byte of the answer. */
  readonly firstByteMs: number;
  /** Whole exchange; 0 means off. */
  readonly totalMs: number;
}

export type PathPattern =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  /** `*` is one segment's worth of characters, `**` any number of segments. */
  | { readonly kind: 'glob'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string };

export type TextMatch =
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string };

export interface PoolConfig {
  readonly name: string;
  readonly balance: BalanceConfig;
  readonly endpoints: readonly EndpointConfig[];
  readonly health: HealthConfig | undefined;
  readonly passive: PassiveConfig | undefined;
  readonly slowStart: SlowStartConfig | undefined;
  readonly panic: PanicConfig | undefined;
  readonly allDown: AllDownConfig;
  readonly zones: 'prefer-own' | 'ignore';
  readonly queue: QueueConfig;
  readonly retries: RetryConfig;
  readonly connection: UpstreamConnectionConfig;
  /** Sent to every endpoint at the start of a connection, or in front of a datagram; layer 4 only. */
  readonly proxyProtocol: ProxyProtocolOutConfig | undefined;
  /** Session persistence; undefined when every connection is picked anew. */
  readonly affinity: AffinityConfig | undefined;
}

export interface ProxyProtocolOutConfig {
  readonly version: 1 | 2;
  /** Pass on what TLVs the client's own header brought (version 2). */
  readonly tlvs: boolean;
}

export interface AffinityConfig {
  /** A client address keeps its endpoint ... */
  readonly by: 'source';
  /** ... until it has been away for so long. */
  readonly ttlMs: number;
}

export interface BalanceConfig {
  /** Name of a balancing kind. */
  readonly kind: string;
  /** Where the key of hash kinds comes from. */
  readonly key: KeySource;
  /** The kind's own options, already checked against its schema. */
  readonly options: Readonly<Record<string, unknown>>;
}

export type KeySource =
  | { readonly from: 'source' }
  | { readonly from: 'path' }
  | { readonly from: 'sni' }
  | { readonly from: 'header' | 'cookie' | 'query'; readonly name: string };

export interface EndpointConfig {
  readonly address: Address;
  /** 0 means configured but not picked. */
  readonly weight: number;
  /** 0 = first choice, higher = backup. */
  readonly tier: number;
  readonly zone: string;
  /** Requests (layer 4: connections) in flight at once, over all workers; 0 means no limit. */
  readonly maxInFlight: number;
  /** New requests (layer 4: connections) within any second, over all workers; 0 means no limit. */
  readonly maxRate: number;
}

export interface HealthConfig {
  readonly probe: ProbeConfig;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  /** 0.1 spreads each interval by ±10 %. */
  readonly jitter: number;
  /** Interval while a verdict is pending: some but not yet `rise` or `fall` results agree. */
  readonly pendingIntervalMs: number;
  /** Probe another port than the traffic's; 0 means the same. */
  readonly port: number;
  /** PROXY protocol version that the probed port expects a header of; 0 for none. */
  readonly proxyHeader: 0 | 1 | 2;
}

export type ProbeConfig =
  | HttpProbeConfig
  | TcpProbeConfig
  | UdpProbeConfig
  | TlsProbeConfig
  | RedisProbeConfig
  | MysqlProbeConfig
  | PostgresProbeConfig
  | SmtpProbeConfig;

/** What a probe sends. */
export interface ProbeBytes {
  readonly encoding: 'text' | 'hex';
  readonly value: string;
}

/** What a probe waits for; `hex` are bytes anywhere, `regex` sees bytes as Latin-1. */
export interface ProbeExpect {
  readonly kind: 'contains' | 'prefix' | 'exact' | 'regex' | 'hex';
  readonly value: string;
}

export interface TcpProbeConfig {
  readonly kind: 'tcp';
  readonly send: ProbeBytes | undefined;
  readonly expect: ProbeExpect | undefined;
}

export interface UdpProbeConfig {
  readonly kind: 'udp';
  readonly send: ProbeBytes | undefined;
  /** Undefined: only a refusal (ICMP) is a failure. */
  readonly expect: ProbeExpect | undefined;
}

export interface TlsProbeConfig {
  readonly kind: 'tls';
  /** '' means the endpoint's name, if it has one. */
  readonly sni: string;
  /** Offered; when there are any, the server has to take one. */
  readonly alpn: readonly string[];
  readonly verify: boolean;
  /** PEM file of those who may have signed; '' means those that Node knows. */
  readonly ca: string;
}

export interface RedisProbeConfig {
  readonly kind: 'redis';
  readonly username: string;
  /** '' sends no AUTH. */
  readonly password: string;
}

export interface MysqlProbeConfig {
  readonly kind: 'mysql';
  /** Logs in without a password; '' reads the server's greeting and leaves. */
  readonly user: string;
}

export interface PostgresProbeConfig {
  readonly kind: 'postgres';
  readonly user: string;
  /** '' means the one of the user's name. */
  readonly database: string;
}

export interface SmtpProbeConfig {
  readonly kind: 'smtp';
  /** What the probe calls itself. */
  readonly helo: string;
}

export interface HttpProbeConfig {
  readonly kind: 'http';
  readonly path: string;
  readonly method: string;
  /** Host field; '' means the endpoint's address. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Inclusive ranges. */
  readonly status: readonly (readonly [number, number])[];
  readonly body: TextMatch | undefined;
}

export interface PassiveConfig {
  readonly failures: number;
  readonly windowMs: number;
  /** First ejection; the n-th in a row lasts n times as long, up to `maxEjectMs`. */
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  /** Share of the pool that may be ejected at once, 0-1; the last endpoint never is. */
  readonly maxEjected: number;
  /** Answers that count as failures besides connection errors: inclusive status ranges. */
  readonly status: readonly (readonly [number, number])[];
}

export interface SlowStartConfig {
  readonly windowMs: number;
  /** weight × max(10 %, t^(1/aggression)), t = share of the window that has passed. */
  readonly aggression: number;
}

export interface PanicConfig {
  /** Below this share of usable endpoints the pool ignores health and uses all of them, 0-1. */
  readonly below: number;
}

export interface AllDownConfig {
  readonly status: number;
  readonly retryAfterSeconds: number;
}

export interface QueueConfig {
  /** Requests that may wait for an endpoint below its limit, per worker; 0 means refuse at once. */
  readonly size: number;
  readonly timeoutMs: number;
}

export interface RetryConfig {
  /** Further attempts after the first. */
  readonly attempts: number;
  readonly backoffMs: number;
  /** Retries may be this share of the requests ... */
  readonly budget: number;
  /** ... but this many a second are always allowed. */
  readonly budgetMin: number;
}

export interface UpstreamConnectionConfig {
  readonly connectTimeoutMs: number;
  /** Between two reads of a response body. */
  readonly bodyIdleMs: number;
  readonly idleMs: number;
  readonly maxAgeMs: number;
  /** Idle connections kept per endpoint and worker. */
  readonly maxIdle: number;
  /** Requests sent on one connection before its first answer; 1 means no pipelining. */
  readonly pipelining: number;
}
