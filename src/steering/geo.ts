// Owns the policy that answers by where the client is: networks before autonomous systems before subdivisions before
// countries before continents, then the default. A member that is down leaves the decision to the next larger area.

import type { GeoPolicy } from '../config/types.ts';
import { areaText } from './area.ts';
import type { MemberOf, SteeringKind } from './kind.ts';
import { scopeOf, widened } from './scope.ts';
import type { GeoFacts, Member, SteeringQuery } from './steering.ts';
import { Subnets } from './subnets.ts';

export const geo: SteeringKind<GeoPolicy> = {
  name: 'geo',
  build(name, config, memberOf) {
    const networks = networksOf(config, memberOf);
    const places = placesOf(config, memberOf);
    const fallback = config.default === undefined ? undefined : memberOf(config.default);
    const members = config.areas.map(([member]) => memberOf(member));
    if (fallback !== undefined) members.push(fallback);
    return {
      name,
      resolve(query) {
        const near = networks.find(query.client.address);
        let scope = near.prefix;
        const tries: (readonly [why: string, member: Member])[] = near.values.map((member) => ['network', member]);
        if (places.size > 0) {
          const facts = query.geo();
          scope = Math.max(scope, facts.prefix);
          for (const key of keysOf(facts)) {
            const member = places.get(key);
            if (member !== undefined) tries.push([key, member]);
          }
        }
        if (fallback !== undefined) tries.push(['default', fallback]);
        return firstUp(name, tries, scope, query);
      },
      scope(query) {
        const own = Math.max(networks.find(query.client.address).prefix, places.size > 0 ? query.geo().prefix : 0);
        return Math.max(own, scopeOf(members, query));
      },
    };
  },
};

function firstUp(
  name: string,
  tries: readonly (readonly [string, Member])[],
  scope: number,
  query: SteeringQuery,
): ReturnType<Member['resolve']> {
  for (const [i, [why, member]] of tries.entries()) {
    const answer = member.resolve(query);
    if (answer === undefined) continue;
    query.explain?.(`${name}: geo uses ${member.name} for ${query.client.address} (${why})`);
    const before = scopeOf(
      tries.slice(0, i).map(([, member]) => member),
      query,
    );
    return widened(answer, Math.max(scope, before));
  }
  return undefined;
}

function networksOf(config: GeoPolicy, memberOf: MemberOf): Subnets<Member> {
  const entries: [string, Member][] = [];
  for (const [member, areas] of config.areas) {
    for (const area of areas) if (area.kind === 'network') entries.push([area.cidr, memberOf(member)]);
  }
  return new Subnets(entries);
}

function placesOf(config: GeoPolicy, memberOf: MemberOf): Map<string, Member> {
  const places = new Map<string, Member>();
  for (const [member, areas] of config.areas) {
    for (const area of areas) if (area.kind !== 'network') places.set(areaText(area), memberOf(member));
  }
  return places;
}

/** From the smallest area to the largest. */
function keysOf({ asn, country, subdivision, continent }: GeoFacts): string[] {
  return [`AS${asn}`, `${country}-${subdivision}`, country, `continent:${continent}`];
}
