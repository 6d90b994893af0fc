// Owns what names in steering stand for: sites, pools and policies of one snapshot, each made once. What they lead to was
// checked when the configuration was compiled.

import type { PolicyConfig } from '../config/types.ts';
import type { LoadTable } from '../core/load-table.ts';
import { buildPolicy } from '../steering/index.ts';
import type { MemberOf } from '../steering/kind.ts';
import { PoolMember } from '../steering/pool-member.ts';
import { Site } from '../steering/site.ts';
import type { Member } from '../steering/steering.ts';
import type { Blueprint, ServedPool } from './snapshot.ts';

export interface Members {
  readonly memberOf: MemberOf;
  /** A policy that stands where it is used; `name` is for explanations. */
  policy(name: string, config: PolicyConfig): Member;
}

export function membersOf(
  { config, sites }: Blueprint,
  pools: ReadonlyMap<string, ServedPool>,
  load: LoadTable,
): Members {
  const known = new Map<string, Member>();
  const poolMembers = new Map<string, PoolMember>();
  const poolMember = (name: string): PoolMember => {
    const member = poolMembers.get(name) ?? new PoolMember(pools.get(name)!.pool, load);
    poolMembers.set(name, member);
    return member;
  };
  const make = (name: string): Member => {
    const site = config.sites[name];
    if (site !== undefined) {
      const { slot } = sites.endpoints.find(({ address }) => address.host === name)!;
      const pool = site.pool === undefined ? undefined : poolMember(site.pool);
      return new Site({ ...site, pool, slot, load });
    }
    const policy = config.policies[name];
    return policy === undefined ? poolMember(name) : buildPolicy(name, policy, memberOf);
  };
  const memberOf = (name: string): Member => {
    const member = known.get(name) ?? make(name);
    known.set(name, member);
    return member;
  };
  return { memberOf, policy: (name, policy) => buildPolicy(name, policy, memberOf) };
}
