// Owns the normalized form of HTTP routes and their conditions.

import type { FilterEntry } from './filters.ts';
import type { HedgeConfig, RetryPolicy } from './resilience.ts';
import type { SplitConfig } from './split.ts';
import type { AgentClass } from './table.ts';

/** Conditions are all to be true; absent ones do not matter. */
export interface RouteConfig {
  readonly name: string;
  /** Lower case; `*.example.com` matches every name below example.com, `{tenant}.example.com` one label, which it captures. */
  readonly host: readonly string[];
  readonly path: PathPattern | undefined;
  readonly method: readonly string[];
  readonly header: Readonly<Record<string, TextMatch>>;
  readonly cookie: Readonly<Record<string, TextMatch>>;
  readonly query: Readonly<Record<string, TextMatch>>;
  /** CIDRs. */
  readonly client: readonly string[];
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: readonly string[];
  /** `EU`, `NA`, ... */
  readonly continent: readonly string[];
  readonly userAgent: readonly AgentClass[];
  /** Language tags in lower case, compared with what the client prefers among all that the listener's routes name. */
  readonly language: readonly string[];
  readonly tls: TlsMatch | undefined;
  readonly clientCertificate: CertificateMatch | undefined;
  /** Who the client proved to be by a filter of the listener. */
  readonly identity: TextMatch | undefined;
  /** By name of a table: what it must say of the request. */
  readonly map: Readonly<Record<string, TextMatch>>;
  /** Name of a predicate that the configuration's program brings along; '' for none. */
  readonly when: string;
  readonly filters: readonly FilterEntry[];
  /** Where it goes; '' where a table or a split says, or filters answer every request. */
  readonly pool: string;
  /** The table whose value is the pool; '' for none. */
  readonly poolMap: string;
  readonly split: SplitConfig | undefined;
  readonly timeouts: RouteTimeouts;
  /** Undefined: as the pool says. */
  readonly retries: RetryPolicy | undefined;
  readonly hedge: HedgeConfig | undefined;
}

/** Of a client whose certificate this listener verified. */
export interface CertificateMatch {
  /** RFC 4514, as in the field X-Client-Cert-Subject. Present and absent: whether there is a certificate at all. */
  readonly subject: TextMatch | undefined;
  /** SHA-256, lower-case hex: one of these. */
  readonly fingerprint: readonly string[];
}

/** Of the TLS connection that ends at this listener. Empty lists do not matter. */
export interface TlsMatch {
  /** Lower case; `*.example.com` matches every name below. */
  readonly sni: readonly string[];
  /** `1.2`, `1.3`. */
  readonly version: readonly string[];
  readonly alpn: readonly string[];
}

export interface RouteTimeouts {
  /** From the request sent to the first byte of the answer. */
  readonly firstByteMs: number;
  /** One attempt, from the choice of an endpoint to its first byte; 0 means off. */
  readonly attemptMs: number;
  /** Whole exchange; 0 means off. */
  readonly totalMs: number;
}

export type PathPattern =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  /** `*` is one segment's worth of characters, `**` any number of segments. */
  | { readonly kind: 'glob'; readonly value: string }
  /** A glob in which `{name}` captures what stands for it within a segment, at least one character. */
  | { readonly kind: 'template'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string };

export type TextMatch =
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string };
