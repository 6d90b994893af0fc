// Owns what steering policies need of the databases: whether one is needed at all, and areas that the configured ones
// cannot tell.

import type { Path } from '../issues.ts';
import type { GeoConfig } from '../types/geo.ts';
import type { Area, PolicyConfig } from '../types/steering.ts';
import type { Config } from '../types.ts';
import type { Findings } from './findings.ts';

/** Some route or table asks where a client is; what a predicate asks, nobody knows. */
export function routesAskPlaces({ listeners, maps }: Pick<Config, 'listeners' | 'maps'>): boolean {
  if (Object.values(maps).some(({ of }) => of.from === 'country' || of.from === 'continent')) return true;
  return Object.values(listeners).some(
    (listener) =>
      listener.protocol === 'http' &&
      listener.routes.some(({ country, continent, when }) => country.length > 0 || continent.length > 0 || when !== ''),
  );
}

/** Some policy asks where a client is. */
export function needsGeo(policies: Iterable<PolicyConfig>): boolean {
  for (const policy of policies) {
    if (policy.kind === 'proximity' || policy.kind === 'latency') return true;
    if (policy.kind === 'geo' && policy.areas.some(([, areas]) => areas.some(({ kind }) => kind !== 'network')))
      return true;
  }
  return false;
}

/** Files may know more than their names say, so only the embedded database is held to what it is: countries. */
export function checkGeo(policy: PolicyConfig, path: Path, geo: GeoConfig, findings: Findings): void {
  if (policy.kind !== 'geo' || geo.database !== 'embedded') return;
  for (const [member, areas] of policy.areas) {
    for (const area of areas) {
      const missing = missingFor(area, geo);
      if (missing !== undefined) findings.add([...path, member], ...missing);
    }
  }
}

function missingFor(area: Area, { asn }: GeoConfig): [message: string, hint: string] | undefined {
  if (area.kind === 'subdivision')
    return [
      `has ${area.country}-${area.code}, and the embedded database knows countries only`,
      'geo: { database: PATH } of a city database',
    ];
  if (area.kind === 'asn' && asn === '')
    return [`has AS${area.asn}, and no database tells autonomous systems`, 'geo: { asn: PATH } of such a database'];
  return undefined;
}
