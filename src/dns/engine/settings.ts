// Owns what an answer is made from beside the packet: the configuration that a reload swaps, and the tools that stay. No logic.

import type { DnsConfig } from '../../config/types/dns.ts';
import type { Random } from '../../core/env.ts';
import type { GeoFacts, LatencyMap, SteeredClient } from '../../steering/steering.ts';
import type { ZoneSet } from '../zone/zone.ts';
import type { Cookies } from './cookies.ts';
import type { RateLimit } from './rate-limit.ts';

export interface AnswerSettings {
  readonly config: DnsConfig;
  readonly zones: ZoneSet;
  /** Undefined when cookies are off. */
  readonly cookies: Cookies | undefined;
  readonly rateLimit: RateLimit | undefined;
}

export interface ResolvedNames {
  /** Addresses of a name outside our zones, by the control plane's last good lookup; undefined when there never was one. */
  find(name: string, family: 4 | 6): { readonly addresses: readonly string[]; readonly ttlSeconds: number } | undefined;
}

export interface AnswerTools {
  readonly random: Random;
  /** Monotonic ms. */
  now(): number;
  /** Wall-clock seconds, for cookies. */
  epochSeconds(): number;
  readonly latency: LatencyMap;
  geo(client: SteeredClient): GeoFacts;
  /** Targets of ALIAS outside our zones. */
  readonly external: ResolvedNames | undefined;
}

export interface DnsClient {
  /** Without a zone (`%eth0`), and IPv4-mapped as IPv4. */
  address: string;
  transport: 'udp' | 'tcp';
}
