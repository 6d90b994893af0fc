// Owns the step from a parsed policy to the normalized one, and the check that policies lead somewhere: every member exists,
// kinds that measure get sites, and no policy leads back to itself.

import type { z } from 'zod';
import { parseCidr } from '../../core/cidr.ts';
import { type Path, suggest } from '../issues.ts';
import type { policy } from '../schema/steering.ts';
import type { Area, Config, DnsConfig, GeoConfig, PolicyConfig, SiteConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { checkGeo } from './geo.ts';

type Parsed = z.output<typeof policy>;

/** What members may be named. */
export interface MemberNames {
  readonly sites: readonly string[];
  readonly pools: readonly string[];
  readonly policies: readonly string[];
}

export function compilePolicy(
  parsed: Parsed,
  path: Path,
  names: MemberNames,
  geo: GeoConfig,
  findings: Findings,
): PolicyConfig {
  const compiled = normalized(parsed, path, findings);
  checkMembers(compiled, path, names, findings);
  checkGeo(compiled, path, geo, findings);
  return compiled;
}

function normalized(parsed: Parsed, path: Path, findings: Findings): PolicyConfig {
  switch (parsed.kind) {
    case 'weighted': {
      const { kind, ...weights } = parsed;
      return { kind, weights: Object.entries(weights as Record<string, number>) };
    }
    case 'geo': {
      const { kind, default: fallback, ...members } = parsed;
      const written = Object.entries(members as Record<string, (string | number)[]>);
      const areas = written.map(
        ([member, list]) =>
          [member, list.flatMap((text, i) => area(String(text), [...path, member, i], findings))] as const,
      );
      checkTwice(areas, path, findings);
      return { kind, default: fallback, areas };
    }
    case 'proximity': {
      const { kind, default: fallback, ...biases } = parsed;
      return { kind, default: fallback, biases: Object.entries(biases as Record<string, number>) };
    }
    case 'load':
      if (parsed.low > parsed.high) findings.add([...path, 'low'], 'must not be above "high"');
      return parsed;
    case 'latency':
      return { ...parsed, default: parsed.default };
    default:
      return parsed;
  }
}

const CONTINENTS = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'];
const AREA_HINT = 'write DE, US-CA, continent:EU, AS64500 or 10.0.0.0/8';

function area(text: string, path: Path, findings: Findings): Area[] {
  const upper = text.toUpperCase();
  const continent = /^CONTINENT:([A-Z]{2})$/.exec(upper)?.[1];
  if (continent !== undefined) {
    if (!CONTINENTS.includes(continent))
      findings.add(path, `has "${text}", which is no continent`, `known: ${CONTINENTS.join(', ')}`);
    return [{ kind: 'continent', code: continent }];
  }
  const asn = /^AS(\d{1,10})$/.exec(upper)?.[1];
  if (asn !== undefined) return [{ kind: 'asn', asn: Number(asn) }];
  if (/^[A-Z]{2}$/.test(upper)) return [{ kind: 'country', code: upper }];
  const [, country, code] = /^([A-Z]{2})-([A-Z0-9]{1,3})$/.exec(upper) ?? [];
  if (country !== undefined) return [{ kind: 'subdivision', country, code }];
  if (/[.:/]/.test(text)) {
    const parsed = parseCidr(text);
    if (!parsed.ok) findings.add(path, `has "${text}": ${parsed.error}`, AREA_HINT);
    return [{ kind: 'network', cidr: text }];
  }
  findings.add(path, `has "${text}", which is no area`, AREA_HINT);
  return [];
}

function checkTwice(areas: readonly (readonly [string, readonly Area[]])[], path: Path, findings: Findings): void {
  const taken = new Map<string, string>();
  for (const [member, list] of areas) {
    for (const one of list) {
      const key = JSON.stringify(one);
      const other = taken.get(key);
      if (other !== undefined) findings.add([...path, member], `has an area that "${other}" has already`);
      taken.set(key, member);
    }
  }
}

/** Every name that a policy mentions, with its place. */
export function membersOf(config: PolicyConfig): readonly (readonly [name: string, key: Path])[] {
  const listed = (names: readonly string[], key: string) => names.map((name, i) => [name, [key, i]] as const);
  const fallback = 'default' in config && config.default !== undefined ? [[config.default, ['default']] as const] : [];
  switch (config.kind) {
    case 'round-robin':
      return listed(config.members, 'members');
    case 'latency':
      return [...listed(config.members, 'members'), ...fallback];
    case 'failover':
    case 'load':
      return listed(config.order, 'order');
    case 'weighted':
      return config.weights.map(([name]) => [name, [name]]);
    case 'proximity':
      return [...config.biases.map(([name]) => [name, [name]] as const), ...fallback];
    case 'geo':
      return [...config.areas.map(([name]) => [name, [name]] as const), ...fallback];
  }
}

const NEEDS_SITES = new Set<PolicyConfig['kind']>(['latency', 'proximity', 'load']);

function checkMembers(config: PolicyConfig, path: Path, names: MemberNames, findings: Findings): void {
  const members = membersOf(config);
  if (members.length === 0) findings.add(path, 'has no members: name sites, pools or policies');
  const all = [...names.sites, ...names.pools, ...names.policies];
  for (const [name, key] of members) {
    if (!all.includes(name)) {
      findings.add([...path, ...key], `names "${name}", which is no site, pool or policy`, suggest(name, all));
    } else if (NEEDS_SITES.has(config.kind) && key[0] !== 'default' && !names.sites.includes(name)) {
      findings.add([...path, ...key], `names "${name}", which is no site: ${config.kind} measures places`);
    }
  }
}

/** The DNS part with its policies normalized. */
export function steered(
  dns: DnsConfig | undefined,
  names: MemberNames,
  geo: GeoConfig,
  findings: Findings,
): DnsConfig | undefined {
  if (dns === undefined) return undefined;
  const zones = Object.entries(dns.zones).map(([zone, config]) => {
    const records = config.records.map((record) => {
      const at = ['dns', 'zones', zone, 'records', record.name];
      const chosen = (steer: unknown, key: string) =>
        steer === undefined ? undefined : compilePolicy(steer as Parsed, [...at, key], names, geo, findings);
      return { ...record, steer: chosen(record.steer, 'steer'), fallback: chosen(record.fallback, 'fallback') };
    });
    return [zone, { ...config, records }] as const;
  });
  return { ...dns, zones: Object.fromEntries(zones) };
}

/** The named ones, and those that stand where they are used. */
export function allPolicies({ policies, dns }: Pick<Config, 'policies' | 'dns'>): readonly PolicyConfig[] {
  const records = Object.values(dns?.zones ?? {}).flatMap((zone) => zone.records);
  const written = records.flatMap(({ steer, fallback }) => [steer, fallback]).filter((one) => one !== undefined);
  return [...Object.values(policies), ...(written as PolicyConfig[])];
}

/** Somebody asks how far clients are, in time. */
export function needsLatency(config: Pick<Config, 'policies' | 'dns'>): boolean {
  return allPolicies(config).some(({ kind }) => kind === 'latency');
}

/** Names that stand for two things, and policies that lead back to themselves. */
export function checkNames(
  policies: Readonly<Record<string, PolicyConfig>>,
  sites: Readonly<Record<string, SiteConfig>>,
  names: MemberNames,
  findings: Findings,
): void {
  for (const [name, { pool }] of Object.entries(sites)) {
    // A site may be called as its pool is: it stands for both.
    if (names.pools.includes(name) && pool !== name)
      findings.add(['sites', name], 'is the name of another pool as well', 'steering could not tell them apart');
  }
  for (const name of names.policies) {
    if (names.sites.includes(name) || names.pools.includes(name)) {
      findings.add(['policies', name], 'is the name of a site or a pool as well', 'steering could not tell them apart');
    }
  }
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    membersOf(policies[from]).some(([name]) => {
      if (name === goal) return true;
      if (policies[name] === undefined || seen.has(name)) return false;
      return reaches(name, goal, seen.add(name));
    });
  for (const name of Object.keys(policies)) {
    if (reaches(name, name, new Set())) findings.add(['policies', name], 'leads back to itself');
  }
}
