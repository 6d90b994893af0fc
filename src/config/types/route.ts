// Owns the normalized form of HTTP routes and their conditions.

import type { FilterEntry } from './filters.ts';

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
  readonly clientCertificate: CertificateMatch | undefined;
  readonly filters: readonly FilterEntry[];
  /** '' where filters answer every request. */
  readonly pool: string;
  readonly timeouts: RouteTimeouts;
}

/** Of a client whose certificate this listener verified. */
export interface CertificateMatch {
  /** RFC 4514, as in the field X-Client-Cert-Subject. Present and absent: whether there is a certificate at all. */
  readonly subject: TextMatch | undefined;
  /** SHA-256, lower-case hex: one of these. */
  readonly fingerprint: readonly string[];
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
