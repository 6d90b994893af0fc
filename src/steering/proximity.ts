// Owns the policy that answers with the nearest site that is up, by distance on the globe and bias; without a place for the
// client, with the default.

import type { ProximityPolicy } from '../config/types.ts';
import { biased, distanceKm } from './distance.ts';
import type { SteeringKind } from './kind.ts';
import type { Site } from './site.ts';
import type { SteeredAnswer, SteeringQuery } from './steering.ts';

export interface BiasedSite {
  readonly site: Site;
  readonly bias: number;
}

export const proximity: SteeringKind<ProximityPolicy> = {
  name: 'proximity',
  build(name, config, memberOf) {
    const sites = config.biases.map(([site, bias]) => ({ site: memberOf(site) as Site, bias }));
    const fallback = config.default === undefined ? undefined : memberOf(config.default);
    return {
      name,
      resolve(query) {
        const answer = nearest(name, sites, query);
        if (answer !== undefined) return answer;
        const given = fallback?.resolve(query);
        if (given !== undefined) query.explain?.(`${name}: proximity uses its default, ${fallback?.name}`);
        return given;
      },
    };
  },
};

/** The nearest site that is up; undefined when the client's place is not known or none is up. */
export function nearest(name: string, sites: readonly BiasedSite[], query: SteeringQuery): SteeredAnswer | undefined {
  const facts = query.geo();
  const ranked = sites
    .map(({ site, bias }) => ({
      site,
      km: site.location === undefined ? Number.NaN : biased(distanceKm(facts, site.location), bias),
    }))
    .filter(({ km }) => !Number.isNaN(km))
    .sort((a, b) => a.km - b.km);
  for (const { site, km } of ranked) {
    const answer = site.resolve(query);
    if (answer === undefined) continue;
    query.explain?.(`${name}: ${site.name} is nearest to ${query.client.address} (${Math.round(km)} km)`);
    return { ...answer, scope: Math.max(answer.scope, facts.prefix) };
  }
  return undefined;
}
