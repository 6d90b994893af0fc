// Owns the normalized form of the DNS part: the server, its zones, their records. Plain data; record data stays text here.

import type { Address } from '../../core/address.ts';

/** Order of the records of an answer. */
export type RotateMode = 'fixed' | 'rotate' | 'shuffle';

export interface DnsConfig {
  readonly bind: readonly Address[];
  readonly rotate: RotateMode;
  /** Told to who asks (RFC 5001); '' for nothing. */
  readonly nsid: string;
  readonly cookies: DnsCookiesConfig | undefined;
  readonly rateLimit: DnsRateLimitConfig | undefined;
  /** Most bytes of an answer over UDP. */
  readonly ednsSize: number;
  /** Client subnets that resolvers tell are believed. */
  readonly ecs: boolean;
  readonly tcp: DnsTcpConfig;
  /** Asked for targets of ALIAS outside the zones; empty: the system's. */
  readonly resolvers: readonly Address[];
  readonly zones: Readonly<Record<string, DnsZoneConfig>>;
}

export interface DnsCookiesConfig {
  /** Hexadecimal, 32 digits each; the first makes cookies, all check them. Empty: drawn at start. */
  readonly secrets: readonly string[];
}

export interface DnsRateLimitConfig {
  /** A second, of one kind, to one client network (/24, /56). */
  readonly responses: number;
  /** Every so-many-th answer above the limit is sent truncated instead of dropped; 0 for none. */
  readonly slip: number;
  /** CIDRs. */
  readonly exempt: readonly string[];
}

export interface DnsTcpConfig {
  readonly idleMs: number;
  /** Connections of one listener in one worker. */
  readonly connections: number;
}

export interface DnsZoneConfig {
  /** Lower case, without the dot at the end; `.` for the root. */
  readonly name: string;
  /** RFC 1035 zone file, as the configuration has its path; '' without. */
  readonly file: string;
  /** Of records that do not say. */
  readonly ttl: number;
  readonly soa: DnsSoaConfig;
  readonly ns: readonly string[];
  readonly transfer: DnsTransferConfig;
  /** Undefined: answers are not signed. */
  readonly dnssec: DnssecConfig | undefined;
  readonly records: readonly DnsRecordConfig[];
}

export interface DnssecConfig {
  /** PEM file of an ECDSA P-256 key, as the configuration has its path. */
  readonly key: string;
}

export interface DnsSoaConfig {
  readonly mname: string;
  readonly rname: string;
  /** 0: chosen when the zone's content changes. */
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
  readonly ttl: number;
}

export interface DnsTransferConfig {
  /** CIDRs that may have the whole zone. */
  readonly allow: readonly string[];
  readonly notify: readonly Address[];
}

/** All of one name. */
export interface DnsRecordConfig {
  /** As written: `@`, `www`, `*.dev`, or absolute with a dot at its end. */
  readonly name: string;
  readonly ttl: number;
  readonly rotate: RotateMode;
  /** Most records of an answer; 0 for all. */
  readonly answers: number;
  readonly sets: readonly DnsSetConfig[];
  /** The name of a site, pool or policy, or a policy; undefined without. */
  readonly steer: unknown;
  readonly allDown: 'open' | 'closed' | 'fallback';
  readonly fallback: unknown;
  /** Another name whose addresses this one has; '' without. */
  readonly alias: string;
}

export interface DnsSetConfig {
  /** `A`, `MX`, `TYPE65280`. */
  readonly type: string;
  readonly values: readonly { readonly value: string; readonly weight: number }[];
}
