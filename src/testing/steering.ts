// Owns a small world for tests of steering: sites that are up or down, clients at addresses, facts by network, chance by seed.

import type { PolicyConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { buildPolicy } from '../steering/index.ts';
import type { GeoFacts, LatencyMap, Member, SteeredAnswer, SteeringQuery } from '../steering/steering.ts';
import { NO_MEASUREMENTS, NOWHERE } from '../steering/unknown.ts';
import { seededRandom } from './seeded-random.ts';

/** What policies ask of a site. */
export interface FakeSite extends Member {
  up: boolean;
  load: number;
  location: { readonly latitude: number; readonly longitude: number } | undefined;
  asked: number;
}

export interface QueryOptions {
  readonly address?: string;
  readonly prefix?: number;
  readonly facts?: Partial<GeoFacts>;
  readonly random?: Random;
  readonly latency?: LatencyMap;
  readonly now?: number;
}

export class SteeringWorld {
  readonly sites = new Map<string, FakeSite>();
  readonly #policies: Readonly<Record<string, PolicyConfig>>;
  readonly #built = new Map<string, Member>();
  readonly #random: Random;

  constructor(policies: Readonly<Record<string, PolicyConfig>>, seed = 1) {
    this.#policies = policies;
    this.#random = seededRandom(seed);
  }

  /** Sites come into being when they are named. */
  readonly member = (name: string): Member => {
    const config = this.#policies[name];
    if (config === undefined) return this.site(name);
    const known = this.#built.get(name) ?? buildPolicy(name, config, this.member);
    this.#built.set(name, known);
    return known;
  };

  site(name: string): FakeSite {
    const known = this.sites.get(name);
    if (known !== undefined) return known;
    const site: FakeSite = {
      name,
      up: true,
      load: 0,
      location: undefined,
      asked: 0,
      resolve(): SteeredAnswer | undefined {
        site.asked++;
        return site.up ? { addresses: [name], ttlSeconds: Number.POSITIVE_INFINITY, scope: 0 } : undefined;
      },
    };
    this.sites.set(name, site);
    return site;
  }

  down(...names: readonly string[]): void {
    for (const name of names) this.site(name).up = false;
  }

  place(name: string, latitude: number, longitude: number): void {
    this.site(name).location = { latitude, longitude };
  }

  /** What a client is answered by the policy: the sites' names, the scope, and why. */
  ask(policy: string, options: QueryOptions = {}): { sites: readonly string[]; scope: number; why: readonly string[] } {
    const why: string[] = [];
    const { address = '192.0.2.1', prefix = address.includes(':') ? 128 : 32, facts } = options;
    const query: SteeringQuery = {
      client: { address, prefix, from: 'resolver' },
      family: 4,
      random: options.random ?? this.#random,
      now: options.now ?? 0,
      latency: options.latency ?? NO_MEASUREMENTS,
      ignoreHealth: false,
      geo: () => ({ ...NOWHERE, ...facts }),
      explain: (line) => void why.push(line),
    };
    const answer = this.member(policy).resolve(query);
    return { sites: answer?.addresses ?? [], scope: answer?.scope ?? -1, why };
  }
}
