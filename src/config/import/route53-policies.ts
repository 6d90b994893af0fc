// Owns what the routing of a name's record sets becomes: weights, order, places, regions as a policy of ours. Pure.

import type { Account } from './report.ts';
import { type Members, placeOfRegion } from './route53-members.ts';
import type { AwsRecord } from './route53-records.ts';

type Json = Readonly<Record<string, unknown>>;
export type Policy = Readonly<Record<string, unknown>>;

export interface RoutedRecord {
  readonly record: AwsRecord;
  readonly account: Account;
}

type Place = readonly [latitude: number, longitude: number];

interface Routing {
  /** The field of Route 53 that makes it this routing. */
  readonly field: string;
  build(sets: readonly Member[], members: Members): Policy;
}

interface Member extends RoutedRecord {
  readonly member: string;
}

const isGroup = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const ROUTINGS: readonly Routing[] = [
  { field: 'Weight', build: weighted },
  { field: 'Failover', build: failover },
  { field: 'GeoLocation', build: geo },
  { field: 'Region', build: latency },
  { field: 'GeoProximityLocation', build: proximity },
  { field: 'MultiValueAnswer', build: multivalue },
];

export function isRouted({ raw }: AwsRecord): boolean {
  return raw.CidrRoutingConfig !== undefined || ROUTINGS.some(({ field }) => given(raw, field));
}

function given(raw: Json, field: string): boolean {
  return raw[field] !== undefined && raw[field] !== false && raw[field] !== null;
}

/** The policy of all sets of one name, or undefined when none of them can be kept; accounts say why. */
export function policyOf(sets: readonly RoutedRecord[], members: Members): Policy | undefined {
  const routing = ROUTINGS.find(({ field }) => sets.some(({ record }) => given(record.raw, field)));
  const kept: Member[] = [];
  const kinds = new Map<string, string>();
  for (const { record, account } of sets) {
    const fields = ROUTINGS.filter(({ field }) => given(record.raw, field)).map(({ field }) => field);
    if (record.raw.CidrRoutingConfig !== undefined)
      account.refuse('the networks of its CIDR collection are not in the file: write them as areas of a geo policy');
    else if (fields.length === 0) account.refuse(`it has no ${routing?.field ?? 'routing'}, as its siblings do`);
    else if (fields.length > 1) account.refuse(`it has ${fields.join(' and ')} at once`);
    else if (fields[0] !== routing!.field)
      account.refuse(`it is routed by ${fields[0]}, and its siblings by ${routing!.field}`);
    else if (kinds.get(`${record.type} ${record.set}`) !== undefined)
      account.refuse('another record set of this name has the same SetIdentifier');
    else {
      kinds.set(`${record.type} ${record.set}`, record.name);
      const member = members.of(record, account);
      if (member !== undefined) kept.push({ record, account, member });
    }
  }
  if (kept.length === 0) return undefined;
  const policy = routing!.build(kept, members);
  return kept.some(({ account }) => !account.refused) ? policy : undefined;
}

/** IPv4 and IPv6 of one set are one site, so what they say must agree; the first holds. */
function each(sets: readonly Member[], said: (one: Member) => unknown, use: (one: Member) => void): void {
  const first = new Map<string, string>();
  for (const one of sets) {
    const key = `${one.record.set} ${one.member}`;
    const value = JSON.stringify(said(one)) ?? '';
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, value);
      use(one);
    } else if (earlier !== value)
      one.account.approximate(`A and AAAA are steered as one here: ${earlier} of the other type holds, not ${value}`);
  }
}

function weighted(sets: readonly Member[]): Policy {
  const weights: Record<string, number> = {};
  each(
    sets,
    ({ record }) => record.raw.Weight,
    ({ member, record, account }) => {
      const weight = Number(record.raw.Weight);
      if (!(weight >= 0)) return account.refuse(`its weight ${JSON.stringify(record.raw.Weight)} is no number`);
      weights[member] = (weights[member] ?? 0) + weight;
    },
  );
  return { kind: 'weighted', ...weights };
}

function failover(sets: readonly Member[]): Policy {
  const found = new Map<string, string>();
  each(
    sets,
    ({ record }) => record.raw.Failover,
    ({ member, record, account }) => {
      const role = String(record.raw.Failover).toUpperCase();
      if (role !== 'PRIMARY' && role !== 'SECONDARY')
        account.refuse(`Failover is "${role}"; known: PRIMARY, SECONDARY`);
      else if (found.has(role)) account.refuse(`there is another ${role}`);
      else found.set(role, member);
    },
  );
  return { kind: 'failover', order: ['PRIMARY', 'SECONDARY'].flatMap((role) => found.get(role) ?? []) };
}

function geo(sets: readonly Member[]): Policy {
  let fallback: string | undefined;
  const areas: Record<string, string[]> = {};
  const taken = new Map<string, string>();
  each(
    sets,
    ({ record }) => record.raw.GeoLocation,
    ({ member, record, account }) => {
      const { ContinentCode, CountryCode, SubdivisionCode } = record.raw.GeoLocation as Record<string, unknown>;
      const country = typeof CountryCode === 'string' ? CountryCode.toUpperCase() : '';
      const area =
        country === '*'
          ? '*'
          : country !== '' && typeof SubdivisionCode === 'string'
            ? `${country}-${SubdivisionCode.toUpperCase()}`
            : country !== ''
              ? country
              : typeof ContinentCode === 'string'
                ? `continent:${ContinentCode.toUpperCase()}`
                : '';
      if (!/^(?:\*|continent:(?:AF|AN|AS|EU|NA|OC|SA)|[A-Z]{2}(?:-[A-Z0-9]{1,3})?)$/.test(area))
        return account.refuse(`its place ${JSON.stringify(record.raw.GeoLocation)} is not known`);
      const other = taken.get(area);
      if (other !== undefined) return account.refuse(`the record set "${other}" has the same place`);
      taken.set(area, record.set);
      if (area.includes('-')) account.approximate('subdivisions need a city database: geo: { database: PATH }');
      if (area === '*') fallback = member;
      else areas[member] = [...(areas[member] ?? []), area];
    },
  );
  return { kind: 'geo', ...(fallback === undefined ? {} : { default: fallback }), ...areas };
}

function latency(sets: readonly Member[], members: Members): Policy {
  const list: string[] = [];
  each(
    sets,
    ({ record }) => record.raw.Region,
    ({ member, record, account }) => {
      const region = String(record.raw.Region);
      if (!located(member, placeOfRegion(region), members, account)) return;
      account.approximate(
        `AWS knows its own latencies to ${region}; here the site measured fastest answers, and until then the nearest`,
      );
      list.push(member);
    },
  );
  return { kind: 'latency', members: list };
}

function proximity(sets: readonly Member[], members: Members): Policy {
  const biases: Record<string, number> = {};
  each(
    sets,
    ({ record }) => record.raw.GeoProximityLocation,
    ({ member, record, account }) => {
      const near = record.raw.GeoProximityLocation as Json;
      const bias = Number(near.Bias ?? 0);
      if (!Number.isInteger(bias) || Math.abs(bias) > 99)
        return account.refuse(`its bias ${JSON.stringify(near.Bias)} is no whole number from -99 to 99`);
      if (located(member, placeOf(near), members, account)) biases[member] = bias;
    },
  );
  return { kind: 'proximity', ...biases };
}

/** Distances are to sites whose place is known. */
function located(member: string, place: Place | undefined, members: Members, account: Account): boolean {
  if (!members.sites.has(member)) account.refuse(`it leads to the policy "${member}", and distances are to sites only`);
  else if (place === undefined) account.refuse('where it is, is not known: give a site a location');
  else members.locate(member, place);
  return !account.refused;
}

function placeOf(near: Json): Place | undefined {
  if (typeof near.AWSRegion === 'string') return placeOfRegion(near.AWSRegion);
  if (!isGroup(near.Coordinates)) return undefined;
  const place = [Number(near.Coordinates.Latitude), Number(near.Coordinates.Longitude)] as const;
  return Math.abs(place[0]) <= 90 && Math.abs(place[1]) <= 180 ? place : undefined;
}

function multivalue(sets: readonly Member[]): Policy {
  return { kind: 'round-robin', members: [...new Set(sets.map(({ member }) => member))] };
}
