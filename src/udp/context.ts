// Owns what the UDP data path of one worker shares, and the compiled form of one listener's configuration. No logic.

import type { PoolConfig, UdpListenerConfig } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { LoadTable } from '../core/load-table.ts';
import type { OpenSocket } from '../net/datagrams.ts';
import type { NetLoop } from '../net/loop.ts';
import type { Pool } from '../pool/pool.ts';

/** A pool as flows use it. */
export interface UdpPool {
  readonly name: string;
  readonly slot: number;
  readonly config: PoolConfig;
  readonly pool: Pool;
  /** The pool's kind hashes the client's address. */
  readonly keyed: boolean;
  /** Which endpoint a client had last; undefined when every flow is placed anew. */
  readonly affinity?: FlowAffinity | undefined;
}

export interface FlowAffinity {
  /** Slot of the client's endpoint; -1 when it has none. */
  find(client: string, now: number): number;
  begin(client: string, endpointId: string, now: number): void;
  end(client: string, endpointId: string, now: number): void;
}

/** One listener under one configuration; a reload swaps it whole. */
export interface UdpHandler {
  readonly config: UdpListenerConfig;
  readonly pool: UdpPool;
  /** Peers that must send a PROXY header in front of every datagram; undefined when nobody may. */
  readonly proxies: { has(address: string): boolean } | undefined;
}

/** What the access log may tell of a finished flow. */
export interface FlowRecord {
  readonly protocol: 'udp';
  readonly listener: string;
  readonly pool: string;
  readonly endpoint: string;
  readonly client: string;
  readonly error: string;
  /** Endpoints the flow was on. */
  readonly attempts: number;
  readonly durationMs: number;
  /** From the first datagram to the first answer of the endpoint that answered last; 0 without any. */
  readonly firstByteMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly datagramsIn: number;
  readonly datagramsOut: number;
  readonly closedBy: FlowEnding;
}

/**
 * `endpoint`: it failed, and no other was to be had. `refused`: by the pool, or for want of a socket. `drain`: cut off when
 * the listener went away.
 */
export type FlowEnding = 'responses' | 'idle' | 'evicted' | 'endpoint' | 'refused' | 'drain';

export interface UdpContext {
  readonly env: Env & { readonly load: LoadTable };
  readonly loop: NetLoop;
  readonly counters: Counters;
  readonly openSocket: OpenSocket;
  /** Called once a flow; undefined when nobody listens, which costs nothing. */
  log: ((record: FlowRecord) => void) | undefined;
}
