// Owns the list of steering kinds: one line each.

import type { PolicyConfig } from '../config/types.ts';
import { failover } from './failover.ts';
import { geo } from './geo.ts';
import type { MemberOf, SteeringKind } from './kind.ts';
import { latency } from './latency.ts';
import { load } from './load.ts';
import { proximity } from './proximity.ts';
import { roundRobin } from './round-robin.ts';
import type { Member } from './steering.ts';
import { weighted } from './weighted.ts';

type Kinds = { readonly [K in PolicyConfig['kind']]: SteeringKind<Extract<PolicyConfig, { readonly kind: K }>> };

export const STEERING: Kinds = {
  'round-robin': roundRobin,
  weighted,
  failover,
  geo,
  latency,
  proximity,
  load,
};

export function buildPolicy(name: string, config: PolicyConfig, memberOf: MemberOf): Member {
  return (STEERING[config.kind] as SteeringKind).build(name, config, memberOf);
}
