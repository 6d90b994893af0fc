// Owns the normalized form of HTTP routes and their conditions.

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
  readonly pool: string;
  readonly timeouts: RouteTimeouts;
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
