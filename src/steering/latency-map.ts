// Owns what was measured: how long clients of a network take to a site. Each report counts for the client's network and for
// the wider one around it, smoothed; the older a value, the less it weighs against new ones, and after `expiryMs` it is
// forgotten. Bounded: the network that was reported longest ago makes room. Pure; who measures, and how, is not its business.

import { readIp } from '../core/ip.ts';
import type { LatencyMap, SteeredClient } from './steering.ts';

export interface LatencyMapOptions {
  /** A value counts half after so long. */
  readonly halfLifeMs?: number;
  /** Values without a report for so long are not used any more. */
  readonly expiryMs?: number;
  /** Networks at once, the wider ones included. */
  readonly maxNetworks?: number;
}

/** One value as it is told to other nodes; ages are durations, because clocks differ. */
export interface LatencyEntry {
  /** Family, bits and address bytes: `4/24/c00002`. */
  readonly network: string;
  readonly site: string;
  readonly ms: number;
  readonly weight: number;
  readonly ageMs: number;
}

interface Value {
  ms: number;
  /** Reports behind it, each counting less as it ages. */
  weight: number;
  at: number;
}

/** From narrow to wide. What is reported of one client says something of its neighbours, and less of theirs. */
export const LEVELS: Readonly<Record<4 | 16, readonly number[]>> = { 4: [24, 16], 16: [48, 32] };
const MOST_SITES = 64;
const MOST_MS = 60_000;
/** More reports than that are as good as so many, or a value could not follow a change. */
const MOST_WEIGHT = 16;
const HALF_LIFE_MS = 10 * 60_000;
const EXPIRY_MS = 2 * 3_600_000;
const MAX_NETWORKS = 65_536;

const keyForm = /^(?:4\/(?:24\/[0-9a-f]{6}|16\/[0-9a-f]{4})|16\/(?:48\/[0-9a-f]{12}|32\/[0-9a-f]{8}))$/;

export class MeasuredLatency implements LatencyMap {
  readonly #halfLifeMs: number;
  readonly #expiryMs: number;
  readonly #maxNetworks: number;
  /** The network that was reported longest ago comes first. */
  readonly #networks = new Map<string, Map<string, Value>>();
  readonly #bytes = new Uint8Array(16);
  #lastAddress = '';
  #lastKeys: readonly string[] = [];

  constructor({ halfLifeMs = HALF_LIFE_MS, expiryMs = EXPIRY_MS, maxNetworks = MAX_NETWORKS }: LatencyMapOptions = {}) {
    this.#halfLifeMs = halfLifeMs;
    this.#expiryMs = expiryMs;
    this.#maxNetworks = maxNetworks;
  }

  /** Networks of which something is known. */
  get size(): number {
    return this.#networks.size;
  }

  /** A client took so long to a site. False when that is no measurement: no address, no time. */
  report(address: string, site: string, ms: number, now: number): boolean {
    if (!(ms >= 0) || ms > MOST_MS) return false;
    const keys = this.#keysOf(address);
    for (const key of keys) {
      const sites = this.#touch(key);
      const value = sites.get(site);
      if (value === undefined || now - value.at >= this.#expiryMs) this.#put(sites, site, { ms, weight: 1, at: now });
      else {
        const weight = value.weight * 0.5 ** (Math.max(0, now - value.at) / this.#halfLifeMs);
        value.ms = (value.ms * weight + ms) / (weight + 1);
        value.weight = Math.min(MOST_WEIGHT, weight + 1);
        value.at = Math.max(value.at, now);
      }
    }
    return keys.length > 0;
  }

  find({ address, prefix }: SteeredClient, site: string, now: number): { ms: number; prefix: number } | undefined {
    for (const key of this.#keysOf(address)) {
      const bits = bitsOf(key);
      // Of a client that is known by fewer bits, the narrow network would be a guess.
      if (bits > prefix) continue;
      const value = this.#networks.get(key)?.get(site);
      if (value !== undefined && now - value.at < this.#expiryMs) return { ms: value.ms, prefix: bits };
    }
    return undefined;
  }

  /** Of the narrowest network that is looked for: a neighbour in the wider one may have measurements of its own. */
  scope({ address, prefix }: SteeredClient): number {
    if (this.#networks.size === 0) return 0;
    return (
      this.#keysOf(address)
        .map(bitsOf)
        .find((bits) => bits <= prefix) ?? 0
    );
  }

  /** Forgets what has expired. Once a minute is enough: it is not used anyway. */
  sweep(now: number): void {
    for (const [key, sites] of this.#networks) {
      for (const [site, { at }] of sites) if (now - at >= this.#expiryMs) sites.delete(site);
      if (sites.size === 0) this.#networks.delete(key);
    }
  }

  /** What holds, for others to merge; only what was reported since, when `mostAgeMs` says so. */
  *entries(now: number, mostAgeMs = this.#expiryMs): Generator<LatencyEntry> {
    for (const [network, sites] of this.#networks) {
      for (const [site, { ms, weight, at }] of sites) {
        const ageMs = Math.max(0, now - at);
        if (ageMs < this.#expiryMs && ageMs <= mostAgeMs) yield { network, site, ms, weight, ageMs };
      }
    }
  }

  /**
   * Takes over what another node told, where it is newer than what is known here. So the order in which nodes tell each
   * other does not matter, nor how often; what does not look like an entry is left out.
   */
  merge(entries: Iterable<LatencyEntry>, now: number): void {
    for (const { network, site, ms, weight, ageMs } of entries) {
      if (!keyForm.test(network) || !(ms >= 0 && ms <= MOST_MS) || !(weight > 0) || !(ageMs >= 0)) continue;
      if (ageMs >= this.#expiryMs) continue;
      const known = this.#networks.get(network)?.get(site);
      const at = now - ageMs;
      if (known !== undefined && known.at >= at) continue;
      this.#put(this.#touch(network), site, { ms, weight: Math.min(MOST_WEIGHT, weight), at });
    }
  }

  /** The network's values, as the one reported last. */
  #touch(key: string): Map<string, Value> {
    const known = this.#networks.get(key);
    if (known !== undefined) this.#networks.delete(key);
    else if (this.#networks.size >= this.#maxNetworks)
      for (const oldest of this.#networks.keys()) {
        this.#networks.delete(oldest);
        break;
      }
    const sites = known ?? new Map<string, Value>();
    this.#networks.set(key, sites);
    return sites;
  }

  #put(sites: Map<string, Value>, site: string, value: Value): void {
    if (sites.size >= MOST_SITES && !sites.has(site)) {
      let oldest: [string, Value] | undefined;
      for (const one of sites) if (oldest === undefined || one[1].at < oldest[1].at) oldest = one;
      sites.delete(oldest![0]);
    }
    sites.set(site, value);
  }

  /** From narrow to wide; none for what is no address. A policy asks for one client many times in a row. */
  #keysOf(address: string): readonly string[] {
    if (address === this.#lastAddress) return this.#lastKeys;
    const length = readIp(address, this.#bytes);
    let keys: readonly string[] = [];
    if (length !== 0) {
      const hex = Array.from(this.#bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join('');
      keys = LEVELS[length].map((bits) => `${length}/${bits}/${hex.slice(0, bits / 4)}`);
    }
    this.#lastAddress = address;
    this.#lastKeys = keys;
    return keys;
  }
}

function bitsOf(key: string): number {
  return Number(key.slice(key.indexOf('/') + 1, key.lastIndexOf('/')));
}
