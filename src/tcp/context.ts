// Owns what the TCP data path of one worker shares, and the compiled form of one listener's configuration. No logic.

import type { PinTable } from '../affinity/pin-table.ts';
import type { PoolConfig, TcpListenerConfig } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { Tracer } from '../core/tracer.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { NetLoop } from '../net/loop.ts';
import type { ProxyTrust } from '../net/proxy-gate.ts';
import type { SpliceEnd } from '../net/splice.ts';
import type { Pool } from '../pool/pool.ts';
import type { TcpRouter } from '../routing/tcp.ts';
import type { KnownChallenges } from '../tls/challenges.ts';
import type { ClientTerms } from '../tls/client.ts';
import type { TlsTerms } from '../tls/secure.ts';

/** A pool as connections use it. */
export interface TcpPool {
  readonly name: string;
  readonly slot: number;
  readonly config: PoolConfig;
  readonly pool: Pool;
  /** What the hash kinds hash; undefined when the pool's kind needs no key. */
  readonly key: 'source' | 'sni' | undefined;
  /** How connections to its endpoints are encrypted; undefined: not at all. */
  readonly tls: ClientTerms | undefined;
  readonly affinity: PinTable | undefined;
}

export interface TcpRoute {
  readonly name: string;
  /** Row of the counters; -1 for none. */
  readonly slot: number;
  readonly pool: TcpPool;
}

/** One listener under one configuration; a reload swaps it whole. A connection keeps the one it began with. */
export interface TcpHandler {
  readonly config: TcpListenerConfig;
  readonly router: TcpRouter<TcpRoute>;
  /** A route or a pool asks what only a ClientHello tells. */
  readonly needsHello: boolean;
  /** A route, a pool or a limit asks who the client is. */
  readonly needsClient: boolean;
  /** Defined: TLS ends here. */
  readonly tls: TlsTerms | undefined;
  /** Undefined: nobody may speak the PROXY protocol. */
  readonly proxies: ProxyTrust | undefined;
}

/** What the access log may tell of a finished connection. */
export interface ConnectionRecord {
  readonly protocol: 'tcp';
  readonly listener: string;
  readonly route: string;
  readonly pool: string;
  readonly endpoint: string;
  readonly client: string;
  readonly sni: string;
  readonly error: string;
  readonly attempts: number;
  readonly durationMs: number;
  /** From accepted to the first byte of the server; 0 when there was none. */
  readonly firstByteMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Who or what ended it first; '' when it never got as far as a server. */
  readonly closedBy: SpliceEnd | '';
}

export interface TcpContext {
  readonly env: Env;
  readonly loop: NetLoop;
  readonly counters: Counters;
  /** Connections by listener and client, over all workers. */
  readonly counts: KeyedCounts;
  /** What certificate authorities may ask. */
  readonly challenges: KnownChallenges;
  /** Called once a connection; undefined when nobody listens, which costs nothing. */
  log: ((record: ConnectionRecord) => void) | undefined;
  /** Undefined: nothing is traced, which costs nothing. */
  tracer: Tracer | undefined;
}
