// Owns what of a configuration has slots and is known to the health view: every pool by its policies, and the sites, which have none of their
// own but can be taken out by an operator like an endpoint.

import type { Config, EndpointConfig, PoolConfig, SiteConfig } from '../config/types.ts';
import { ok, type Result } from '../core/result.ts';
import type { PoolHealth } from '../health/entry.ts';
import type { SlotRegistry } from '../pool/registry.ts';
import type { Blueprint, BlueprintPool } from './snapshot.ts';

/** No pool can have this name. */
export const SITES = '@sites';

/** What an operator and the timeline call a site. */
export function siteId(name: string): string {
  return `${SITES}/${name}`;
}

/** Sites in the form of endpoints, so that they get slots as those do. */
function siteEndpoints(sites: Readonly<Record<string, SiteConfig>>): readonly EndpointConfig[] {
  return Object.keys(sites).map((name) => ({
    address: { host: name, port: 0 },
    weight: 1,
    tier: 0,
    zone: '',
    maxInFlight: 0,
    maxRate: 0,
  }));
}

/** Slots for everything of a configuration that has any. The error is for a person. */
export function assignSlots(
  registry: SlotRegistry,
  config: Config,
): Result<Pick<Blueprint, 'pools' | 'sites'>, string> {
  const pools: BlueprintPool[] = [];
  for (const { name, endpoints } of Object.values(config.pools)) {
    const slots = registry.assign(name, endpoints);
    if (!slots.ok) return slots;
    pools.push({ name, ...slots.value });
  }
  const sites = registry.assign(SITES, siteEndpoints(config.sites), ({ address }) => address.host);
  return sites.ok ? ok({ pools, sites: { name: SITES, ...sites.value } }) : sites;
}

/** Everything with slots. */
export function slottedSets({ pools, sites }: Blueprint): readonly BlueprintPool[] {
  return [...pools, sites];
}

type Policies = Pick<PoolConfig, 'health' | 'passive' | 'slowStart' | 'breaker' | 'adaptive'>;
const NO_POLICIES: Policies = {
  health: undefined,
  passive: undefined,
  slowStart: undefined,
  breaker: undefined,
  adaptive: undefined,
};

export function healthSets(blueprint: Blueprint, policies: Config['pools']): readonly PoolHealth[] {
  return slottedSets(blueprint).map(({ name, slot, endpoints }) => {
    const { health, passive, slowStart, breaker, adaptive } = name === SITES ? NO_POLICIES : policies[name];
    return { name, slot, health, passive, slowStart, breaker, adaptive, endpoints };
  });
}
