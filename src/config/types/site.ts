// Owns the normalized form of sites: the places that DNS answers choose among.

export interface SiteConfig {
  readonly name: string;
  /** IPv4 and IPv6 addresses that clients are given, at least one. */
  readonly addresses: readonly string[];
  /** The site is up while this pool has somebody to serve; undefined: always up. */
  readonly pool: string | undefined;
  /** Degrees; undefined when not told. */
  readonly location: { readonly latitude: number; readonly longitude: number } | undefined;
  /** Requests in flight that the site's pool can carry; 0 when not told. */
  readonly capacity: number;
}
