// Owns how endpoints are written where they are found: `host:port`, a group like those of a configuration, or a group of targets
// with labels as Prometheus has them. What is found is bounded like what is configured.

import type { DiscoveredDefaults, EndpointConfig } from '../config/types.ts';
import { type Address, formatAddress, parseAddress } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import { MOST_ENDPOINTS } from './discovery.ts';

type Json = Readonly<Record<string, unknown>>;

const MOST_WEIGHT = 65_535;
const MOST_TIER = 100;
const MOST_LIMIT = 1_000_000_000;
const MOST_ZONE = 256;
/** Entries that are named when some are left out. */
const NAMED = 3;

const isGroup = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A whole list by one author: one mistake, and it is not believed. */
export function readList(value: unknown, defaults: DiscoveredDefaults): Result<EndpointConfig[], string> {
  const list = isGroup(value) ? value.endpoints : value;
  if (!Array.isArray(list)) return err('is no list of endpoints');
  const found: EndpointConfig[] = [];
  for (const [i, entry] of list.entries()) {
    const read = readEntry(entry, defaults);
    if (!read.ok) return err(`entry ${i + 1} ${read.error}`);
    for (const endpoint of read.value) found.push(endpoint);
    if (found.length > MOST_ENDPOINTS) return err(`has more than ${MOST_ENDPOINTS} endpoints, which are the limit`);
  }
  return ok(distinct(found));
}

/** Many authors, each with an entry: one that is wrong is left out, and told. */
export class Registrations {
  readonly #defaults: DiscoveredDefaults;
  readonly #found: EndpointConfig[] = [];
  readonly #left: string[] = [];
  #count = 0;

  constructor(defaults: DiscoveredDefaults) {
    this.#defaults = defaults;
  }

  /** A text is `host:port` or JSON. `name` is for the operator; when there is no text it is the address. */
  text(name: string, text: string): void {
    const given = text.trim() === '' ? (name.split('/').at(-1) ?? '') : text.trim();
    if (!given.startsWith('{')) return this.entry(name, given);
    try {
      this.entry(name, JSON.parse(given));
    } catch {
      this.leave(name, 'is no JSON');
    }
  }

  entry(name: string, entry: unknown): void {
    const read = readEntry(entry, this.#defaults);
    if (read.ok) this.#found.push(...read.value);
    else this.leave(name, read.error);
  }

  leave(name: string, why: string): void {
    if (++this.#count <= NAMED) this.#left.push(`"${clean(name)}" ${why}`);
  }

  get endpoints(): EndpointConfig[] {
    return distinct(this.#found);
  }

  /** What was left out; '' for nothing. */
  get note(): string {
    const more = this.#count - this.#left.length;
    return this.#left.join('; ') + (more > 0 ? ` and ${more} more` : '');
  }
}

export function readEntry(entry: unknown, defaults: DiscoveredDefaults): Result<EndpointConfig[], string> {
  if (typeof entry === 'string') {
    const address = readAddress(entry);
    return address.ok ? ok([{ address: address.value, ...defaults }]) : address;
  }
  if (!isGroup(entry)) return err('is no address');
  if (Array.isArray(entry.targets)) return readTargets(entry.targets, entry.labels, defaults);
  const address = readAddress(entry.address);
  if (!address.ok) return address;
  const settings = readSettings(entry, defaults);
  return settings.ok ? ok([{ address: address.value, ...settings.value }]) : settings;
}

/** `labels` may carry weight, tier and zone, as texts. */
function readTargets(
  targets: readonly unknown[],
  labels: unknown,
  defaults: DiscoveredDefaults,
): Result<EndpointConfig[], string> {
  const settings = readSettings(isGroup(labels) ? labels : {}, defaults);
  if (!settings.ok) return settings;
  const found: EndpointConfig[] = [];
  for (const target of targets) {
    const address = readAddress(target);
    if (!address.ok) return address;
    found.push({ address: address.value, ...settings.value });
  }
  return ok(found);
}

function readAddress(value: unknown): Result<Address, string> {
  if (typeof value !== 'string') return err('has no address');
  const parsed = parseAddress(value);
  if (!parsed.ok) return err(`"${clean(value)}" ${parsed.error}`);
  return parsed.value.port === 0 ? err(`"${clean(value)}" needs a port from 1 to 65535`) : parsed;
}

/** Keys that mean nothing here are whatever else their author keeps there. */
export function readSettings(group: Json, defaults: DiscoveredDefaults): Result<DiscoveredDefaults, string> {
  const wrong: string[] = [];
  const number = (key: string, fallback: number, most: number, whole = true): number => {
    const given = group[key];
    if (given === undefined) return fallback;
    const value = typeof given === 'string' && given !== '' ? Number(given) : given;
    const fits = typeof value === 'number' && value >= 0 && value <= most && (!whole || Number.isInteger(value));
    if (!fits) wrong.push(`has no good "${key}"`);
    return fits ? value : fallback;
  };
  const zone = group.zone ?? defaults.zone;
  if (typeof zone !== 'string' || zone.length > MOST_ZONE || /\p{Cc}/u.test(zone)) return err('has no good "zone"');
  const settings = {
    weight: number('weight', defaults.weight, MOST_WEIGHT, false),
    tier: number('tier', group.backup === true ? 1 : defaults.tier, MOST_TIER),
    zone,
    maxInFlight: number('maxInFlight', defaults.maxInFlight, MOST_LIMIT),
    maxRate: number('maxRate', defaults.maxRate, MOST_LIMIT),
  };
  return wrong.length > 0 ? err(wrong[0]) : ok(settings);
}

/** The first of an address counts. */
export function distinct(endpoints: readonly EndpointConfig[]): EndpointConfig[] {
  const byAddress = new Map<string, EndpointConfig>();
  for (const endpoint of endpoints) {
    const id = formatAddress(endpoint.address);
    if (!byAddress.has(id)) byAddress.set(id, endpoint);
  }
  return byAddress.size === endpoints.length ? [...endpoints] : [...byAddress.values()];
}

/** For logs: what others wrote, bounded and without control characters. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, 100);
}
