// Owns where things are: sites as they are configured, and client networks that were measured, by the database of places.

import type { Config } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import { serves } from '../health/entry.ts';
import type { HealthTable } from '../health/table.ts';
import type { GeoFacts } from '../steering/steering.ts';
import type { LatencyReport, WorldReport } from './facade.ts';
import { siteId } from './health-sets.ts';

export function worldOf(
  config: Config,
  health: HealthTable,
  latency: LatencyReport,
  find: (address: string) => GeoFacts | undefined,
): WorldReport {
  return {
    sites: Object.values(config.sites).map(({ name, addresses, pool = '', location }) => {
      return { name, addresses, pool, location, state: stateOf(config, health, name, pool) };
    }),
    networks: latency.entries.map((entry) => {
      const facts = find(entry.network.split('/', 1)[0]);
      const { latitude = Number.NaN, longitude = Number.NaN, country = '' } = facts ?? {};
      return { ...entry, country, location: Number.isNaN(latitude) ? undefined : { latitude, longitude } };
    }),
  };
}

function stateOf({ pools }: Config, health: HealthTable, site: string, pool: string): string {
  const { mode } = health.overrideOf(siteId(site));
  if (mode !== 'ready') return mode === 'drain' ? 'draining' : 'maintenance';
  if (pools[pool] === undefined) return 'up';
  const isUp = pools[pool].endpoints.some(({ address, weight }) => {
    const word = health.word(`${pool}/${formatAddress(address)}`);
    return weight > 0 && word !== undefined && serves(word);
  });
  return isUp ? 'up' : 'down';
}
