// Owns the normalized form of active and passive checks.

import type { TextMatch } from './route.ts';
import type { UpstreamTlsConfig } from './tls.ts';

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
  | GrpcProbeConfig
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

/** How checks by HTTP reach endpoints: as the pool's traffic does. */
export interface ProbeTransport {
  /** Undefined: in the clear. */
  readonly tls: UpstreamTlsConfig | undefined;
  readonly h2: boolean;
}

export interface GrpcProbeConfig {
  readonly kind: 'grpc';
  /** '' asks for the server as a whole. */
  readonly service: string;
  readonly transport: ProbeTransport;
}

export interface HttpProbeConfig {
  readonly kind: 'http';
  readonly transport: ProbeTransport;
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
