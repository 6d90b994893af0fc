// Owns what record sets become in steering: addresses become sites, aliases to steered names become their policies. It gives out
// the names, so that no two things have the same one. Pure.

import { isIPv4 } from '../../core/address.ts';
import { readIp } from '../../core/ip.ts';
import { AWS_REGIONS } from './aws-regions.ts';
import type { Account } from './report.ts';
import { type AwsRecord, aliasOf, valuesOf } from './route53-records.ts';

export interface ImportedSite {
  addresses: string[];
  location?: [number, number];
}

/** Words with a meaning of their own in policies, where members are keys. */
const RESERVED = new Set(['kind', 'default', 'members', 'order', 'high', 'low']);

export class Members {
  readonly sites = new Map<string, ImportedSite>();
  /** By name of the record: the policies that there will be. */
  readonly #policies: ReadonlySet<string>;
  readonly #records: readonly AwsRecord[];
  readonly #zone: string;
  /** By record name and set: a name's IPv4 and IPv6 addresses are one site. */
  readonly #known = new Map<string, string>();

  constructor(records: readonly AwsRecord[], policies: ReadonlySet<string>, zone: string) {
    this.#records = records;
    this.#policies = policies;
    this.#zone = zone;
  }

  /** The member that a record set becomes; undefined, with the reason in the account, when it cannot be one. */
  of(record: AwsRecord, account: Account): string | undefined {
    const alias = aliasOf(record);
    if (alias === undefined) return this.#site(record, addressesOf(record, account), account);
    if (!alias.evaluates)
      account.approximate('EvaluateTargetHealth is false there; here a target that is down is always left out');
    if (this.#policies.has(alias.target)) return policyName(alias.target);
    const targets = this.#records.filter(
      (other) => other.name === alias.target && other.type === record.type && aliasOf(other) === undefined,
    );
    if (targets.length === 1) return this.#site(record, addressesOf(targets[0], account), account);
    account.refuse(
      `it is an alias of ${alias.target}, whose addresses are not in the file: name them as a site of the policy`,
    );
    return undefined;
  }

  #site(record: AwsRecord, addresses: readonly string[], account: Account): string | undefined {
    if (addresses.length === 0) {
      account.refuse('it has no addresses, and steering answers with addresses');
      return undefined;
    }
    const key = `${record.name} ${record.set}`;
    const name = this.#known.get(key) ?? this.#free(record);
    this.#known.set(key, name);
    const site = this.sites.get(name) ?? { addresses: [] };
    site.addresses = [...new Set([...site.addresses, ...addresses])];
    this.sites.set(name, site);
    if (typeof record.raw.HealthCheckId === 'string')
      account.approximate(
        `the health check ${record.raw.HealthCheckId} is not in the file: give the site "${name}" a pool with health checks`,
      );
    return name;
  }

  /** Where the site of a member is. */
  locate(member: string, [latitude, longitude]: readonly [number, number]): void {
    const site = this.sites.get(member);
    if (site !== undefined) site.location = [latitude, longitude];
  }

  #free({ name, set }: AwsRecord): string {
    const plain = (set === '' ? name : set)
      .replace(/[^A-Za-z0-9_.-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+|-+$/g, '')
      .slice(0, 50);
    const label = name.slice(0, Math.max(0, name.length - this.#zone.length - 1)).replace(/[^A-Za-z0-9_-]+/g, '-');
    const candidates = [plain, `${label}-${plain}`.replace(/^-+/, '').slice(0, 60)];
    const usable = (text: string): boolean =>
      text !== '' && !this.sites.has(text) && !this.#policyNames.has(text) && !RESERVED.has(text) && !(text in {});
    for (let i = 2; ; i++) {
      const found = candidates.find(usable);
      if (found !== undefined) return found;
      candidates.push(`${plain || 'site'}-${i}`);
    }
  }

  get #policyNames(): ReadonlySet<string> {
    return new Set([...this.#policies].map(policyName));
  }
}

/** A policy is named as its record; `*` is no letter of names. */
export function policyName(record: string): string {
  return record
    .replace(/^\*/, 'any')
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .slice(0, 63);
}

function addressesOf(record: AwsRecord, account: Account): readonly string[] {
  const wanted = record.type === 'A';
  return valuesOf(record, account).filter((value) => {
    const good = readIp(value, new Uint8Array(16)) !== 0 && isIPv4(value) === wanted;
    if (!good) account.approximate(`"${value}" is no IPv${wanted ? 4 : 6} address and left out`);
    return good;
  });
}

export function placeOfRegion(region: string): readonly [number, number] | undefined {
  return AWS_REGIONS[region.replace(/^aws:route53:/, '')];
}
