// Owns what the DNS data path of one worker shares, the form of a handler, and what a query log may tell. No logic but putting
// a handler together.

import type { DnsConfig } from '../config/types/dns.ts';
import { unmapIPv4 } from '../core/address.ts';
import type { Counters } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { Tracer } from '../core/tracer.ts';
import type { OpenSocket } from '../net/datagrams.ts';
import type { NetLoop } from '../net/loop.ts';
import { Cookies } from './engine/cookies.ts';
import { RateLimit } from './engine/rate-limit.ts';
import type { AnswerSettings, AnswerTools } from './engine/settings.ts';
import type { ZoneSet } from './zone/zone.ts';

/** The whole DNS part under one configuration; all its listeners have the same, and a reload swaps it whole. */
export interface DnsHandler extends AnswerSettings {
  readonly config: DnsConfig;
}

export interface DnsRecord {
  readonly protocol: 'dns';
  readonly transport: 'udp' | 'tcp';
  readonly client: string;
  readonly name: string;
  readonly type: string;
  /** NOERROR, NXDOMAIN, ... ; '' when nothing was answered. */
  readonly rcode: string;
  /** '', or why nothing (or nothing of its own) was answered. */
  readonly suppressed: string;
  /** Records of the answer section. */
  readonly answers: number;
  readonly truncated: boolean;
  readonly durationMs: number;
  /** Subnet that the resolver told; '' without. */
  readonly ecs: string;
  /** The member that chose the addresses; '' for plain records. */
  readonly decidedBy: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface DnsContext {
  readonly env: Env;
  readonly loop: NetLoop;
  readonly counters: Counters;
  readonly openSocket: OpenSocket;
  readonly tools: AnswerTools;
  /** Called once a query; undefined when nobody listens, which costs nothing. */
  log: ((record: DnsRecord) => void) | undefined;
  /** Undefined: nothing is traced, which costs nothing. */
  tracer: Tracer | undefined;
}

/**
 * `cookieSecrets`: of 16 bytes each, the same in every worker, as a client's next query may come to another one. `seed` places the
 * rows of the rate limit's table.
 */
export function dnsHandler(
  config: DnsConfig,
  zones: ZoneSet,
  cookieSecrets: readonly Uint8Array[],
  seed: number,
): DnsHandler {
  return {
    config,
    zones,
    cookies: config.cookies === undefined || cookieSecrets.length === 0 ? undefined : new Cookies(cookieSecrets),
    rateLimit: config.rateLimit === undefined ? undefined : new RateLimit(config.rateLimit, seed),
  };
}

/** Without the interface of a link-local address. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  return unmapIPv4(zone < 0 ? address : address.slice(0, zone));
}
