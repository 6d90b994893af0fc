// Owns the identity of an endpoint. Immutable: the numbers that change live in the load table under `slot`.

import type { Address } from './address.ts';

/** `pool/host:port`, unique on a node, as the CLI and the metrics write it. */
export type EndpointId = string;

export interface Endpoint {
  readonly id: EndpointId;
  readonly address: Address;
  /** Relative share, > 0 in a view; a view under slow start carries copies whose weight is scaled, so it may be fractional. */
  readonly weight: number;
  /** 0 is the first choice; higher tiers are backups. */
  readonly tier: number;
  /** Free text such as `eu-west-1a`; '' when unset. */
  readonly zone: string;
  /** Index of this endpoint's mutable numbers in the load table. */
  readonly slot: number;
}
