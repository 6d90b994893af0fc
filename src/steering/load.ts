// Owns the policy that answers with the preferred site until it nears its capacity, and then gives a growing share of the
// answers to the next. It begins at `high` and ends at `low`, so that a site between both does not flap.
//
//   taking all ──load ≥ high──▶ shedding (share grows with the load above low) ──load ≤ low──▶ taking all

import type { LoadPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';
import type { Site } from './site.ts';
import type { SteeredAnswer, SteeringQuery } from './steering.ts';

export const load: SteeringKind<LoadPolicy> = {
  name: 'load',
  build(name, config, memberOf) {
    const sites = config.order.map((site) => memberOf(site) as Site);
    const shedding = new Set<Site>();
    const sheds = (site: Site, { random }: SteeringQuery): boolean => {
      const share = site.load;
      if (share >= config.high) shedding.add(site);
      else if (share <= config.low) shedding.delete(site);
      return shedding.has(site) && random.unit() < (share - config.low) / Math.max(1e-9, 1 - config.low);
    };
    return {
      name,
      resolve(query) {
        let refused: SteeredAnswer | undefined;
        for (const site of sites) {
          const answer = site.resolve(query);
          if (answer === undefined) continue;
          if (!sheds(site, query)) {
            query.explain?.(`${name}: load uses ${site.name} at ${Math.round(site.load * 100)} % of its capacity`);
            return answer;
          }
          refused ??= answer;
        }
        // All of them are full: the preferred one it is.
        return refused;
      },
    };
  },
};
