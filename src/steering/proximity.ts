// Owns the policy that answers with the nearest site that is up, by distance on the globe and bias; without a place for the
// client, with the default.

import type { ProximityPolicy } from '../config/types.ts';
import { biased, distanceKm } from './distance.ts';
import type { SteeringKind } from './kind.ts';
import { widened } from './scope.ts';
import type { Site } from './site.ts';
import type { Member, SteeredAnswer, SteeringQuery } from './steering.ts';

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
        return nearest(name, sites, query) ?? byDefault(`${name}: proximity`, fallback, query);
      },
      scope: (query) => Math.max(query.geo().prefix, fallback?.scope?.(query) ?? 0),
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
    return widened(answer, facts.prefix);
  }
  return undefined;
}

/** For clients of whom the place is not known, and when none of the sites is up: both are known of the client's network. */
export function byDefault(what: string, fallback: Member | undefined, query: SteeringQuery): SteeredAnswer | undefined {
  const answer = fallback?.resolve(query);
  if (answer === undefined) return undefined;
  query.explain?.(`${what} uses its default, ${fallback?.name}`);
  return widened(answer, query.geo().prefix);
}
