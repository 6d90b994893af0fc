// Owns the normalized form of steering policies. Members are names of sites, pools or other policies.

export type PolicyConfig =
  | RoundRobinPolicy
  | WeightedPolicy
  | FailoverPolicy
  | GeoPolicy
  | LatencyPolicy
  | ProximityPolicy
  | LoadPolicy;

export interface RoundRobinPolicy {
  readonly kind: 'round-robin';
  readonly members: readonly string[];
}

export interface WeightedPolicy {
  readonly kind: 'weighted';
  /** In the order of the file. */
  readonly weights: readonly (readonly [member: string, weight: number])[];
}

export interface FailoverPolicy {
  readonly kind: 'failover';
  readonly order: readonly string[];
}

/** Written `DE`, `US-CA`, `continent:EU`, `AS64500`, `10.0.0.0/8`. */
export type Area =
  | { readonly kind: 'network'; readonly cidr: string }
  | { readonly kind: 'asn'; readonly asn: number }
  | { readonly kind: 'subdivision'; readonly country: string; readonly code: string }
  | { readonly kind: 'country'; readonly code: string }
  | { readonly kind: 'continent'; readonly code: string };

export interface GeoPolicy {
  readonly kind: 'geo';
  readonly default: string | undefined;
  readonly areas: readonly (readonly [member: string, areas: readonly Area[]])[];
}

export interface LatencyPolicy {
  readonly kind: 'latency';
  /** Sites. */
  readonly members: readonly string[];
  readonly default: string | undefined;
}

export interface ProximityPolicy {
  readonly kind: 'proximity';
  /** Sites, each with its bias: -99 to 99, positive draws clients from farther away. */
  readonly biases: readonly (readonly [site: string, bias: number])[];
  readonly default: string | undefined;
}

export interface LoadPolicy {
  readonly kind: 'load';
  /** Sites, the preferred one first. */
  readonly order: readonly string[];
  /** Share of its capacity at which a site begins to give clients to the next ... */
  readonly high: number;
  /** ... and at which it has stopped. */
  readonly low: number;
}
