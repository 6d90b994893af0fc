// Owns the normalized form of named tables: from something of a request to a value.

import type { TextMatch } from './route.ts';

export type AgentClass = 'mobile' | 'desktop' | 'bot';

/** What of a request is looked up. */
export type RequestSource =
  | { readonly from: PlainSource }
  | { readonly from: 'header' | 'cookie' | 'query'; readonly name: string };

export type PlainSource =
  | 'method'
  | 'host'
  | 'path'
  | 'client'
  | 'country'
  | 'continent'
  | 'userAgent'
  | 'sni'
  | 'tlsVersion'
  | 'alpn'
  | 'identity';

export interface TableConfig {
  readonly name: string;
  readonly of: RequestSource;
  /** Exact before the longest prefix before the first regular expression. */
  readonly values: readonly TableEntry[];
  /** CIDRs, the longest that holds the address first. Empty unless `of` is an address. */
  readonly networks: readonly (readonly [cidr: string, value: string])[];
  /** What it says of everything else; undefined: nothing. */
  readonly default: string | undefined;
}

export interface TableEntry {
  readonly match: TextMatch;
  readonly value: string;
}
