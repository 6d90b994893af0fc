// Owns the policy that answers with the site that was measured to be fastest for the client's network; where nobody measured,
// with the nearest one; where its place is not known either, with the default.

import type { LatencyPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';
import { byDefault, nearest } from './proximity.ts';
import { widened } from './scope.ts';
import type { Site } from './site.ts';
import type { SteeredAnswer, SteeringQuery } from './steering.ts';

export const latency: SteeringKind<LatencyPolicy> = {
  name: 'latency',
  build(name, config, memberOf) {
    const sites = config.members.map((site) => ({ site: memberOf(site) as Site, bias: 0 }));
    const fallback = config.default === undefined ? undefined : memberOf(config.default);
    return {
      name,
      resolve(query) {
        const answer =
          fastest(name, sites, query) ?? nearest(name, sites, query) ?? byDefault(`${name}: latency`, fallback, query);
        // That nobody measured was a decision about the client's network as well.
        return answer && widened(answer, query.latency.scope(query.client));
      },
      scope: (query) => Math.max(query.latency.scope(query.client), query.geo().prefix, fallback?.scope?.(query) ?? 0),
    };
  },
};

/** Sites that nobody measured are no candidates here: what is not known is not fast. */
function fastest(name: string, sites: readonly { site: Site }[], query: SteeringQuery): SteeredAnswer | undefined {
  const measured = sites.flatMap(({ site }) => {
    const found = query.latency.find(query.client, site.name, query.now);
    return found === undefined ? [] : [{ site, ...found }];
  });
  measured.sort((a, b) => a.ms - b.ms);
  for (const { site, ms, prefix } of measured) {
    const answer = site.resolve(query);
    if (answer === undefined) continue;
    query.explain?.(
      `${name}: ${site.name} was measured fastest for ${query.client.address}/${prefix} (${ms.toFixed(1)} ms)`,
    );
    return widened(answer, prefix);
  }
  return undefined;
}
