// Owns the contract of steering: from who asks to the addresses of an answer. Members nest: a site or a pool is one, and so is
// a policy that chooses among members. Pure: where a client is, how far, and what is up comes in through the query.

import type { Random } from '../core/env.ts';

/** For whom an answer is made. */
export interface SteeredClient {
  /** Text of an IP address: the subnet that the resolver told (ECS), or the resolver's own. */
  readonly address: string;
  /** Leading bits of it that are known: 0-32 or 0-128. */
  readonly prefix: number;
  readonly from: 'ecs' | 'resolver';
}

/** Where a network is. Texts are '' and numbers are NaN (ASN: 0) when the database does not say. */
export interface GeoFacts {
  /** Route 53's codes: AF AN AS EU NA OC SA. */
  readonly continent: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** ISO 3166-2 without the country: `CA` of `US-CA`. */
  readonly subdivision: string;
  readonly asn: number;
  readonly latitude: number;
  readonly longitude: number;
  /** Leading bits of the client's address that decide all this: the entry's network in the database. */
  readonly prefix: number;
}

/** Smoothed times to a site as seen from a client's network, in ms; undefined when nobody measured lately. */
export interface LatencyMap {
  find(client: SteeredClient, site: string, now: number): { readonly ms: number; readonly prefix: number } | undefined;
  /** Leading bits of the client's address that decide what `find` says, also that it says nothing. */
  scope(client: SteeredClient): number;
}

export interface SteeringQuery {
  readonly client: SteeredClient;
  /** Addresses of this family are wanted. */
  readonly family: 4 | 6;
  readonly random: Random;
  /** Monotonic ms. */
  readonly now: number;
  readonly latency: LatencyMap;
  /** Everything is taken to be up but what an operator took out: `allDown: open`, once nothing is. */
  readonly ignoreHealth: boolean;
  /** Looked up when first asked for. */
  geo(): GeoFacts;
  /** Where a decision says why, for `evenkeel dig`; undefined when nobody wants to know. */
  readonly explain: ((line: string) => void) | undefined;
}

export interface SteeredAnswer {
  /** Empty: the member is well but has no address of this family. */
  readonly addresses: readonly string[];
  /** Not longer than this; Infinity when the member does not mind. */
  readonly ttlSeconds: number;
  /** Leading bits of the client's address that the choice depended on (RFC 7871 scope); 0 for none. */
  readonly scope: number;
}

/** Something that can be answered with: a site, a pool, a policy over others. */
export interface Member {
  readonly name: string;
  /** Undefined: nothing of it is up. */
  resolve(query: SteeringQuery): SteeredAnswer | undefined;
  /** Leading bits of the client's address that decide what `resolve` says, also that nothing is up. Absent: none. */
  scope?(query: SteeringQuery): number;
}
