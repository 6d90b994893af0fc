// Owns the step from a hosted zone of Route 53, as its API and command line write it, to a part of a configuration and an account of
// every record: converted, approximated or refused, with the reason. Pure: parsed JSON in, data out.

import { err, ok, type Result } from '../../core/result.ts';
import { Account, type Imported } from './report.ts';
import { Members, policyName } from './route53-members.ts';
import { isRouted, type Policy, policyOf, type RoutedRecord } from './route53-policies.ts';
import { type AwsRecord, aliasOf, checkKeys, ownerOf, recordsOf, valuesOf, zoneOf } from './route53-records.ts';

export interface Route53Options {
  /** Name of the zone; found out when it is not given. */
  readonly zone?: string;
}

type Written = Record<string, unknown>;

/** All of one name, as it is written. */
interface Owner extends Written {
  ttl?: number;
  ALIAS?: string;
}

const ADDRESSES = ['A', 'AAAA'];
/** Route 53 gives at most so many in an answer. */
const MULTIVALUE_ANSWERS = 8;
const DEFAULT_TTL = 300;

export function importRoute53(document: unknown, options: Route53Options = {}): Result<Imported, string> {
  const records = recordsOf(document);
  if (records === undefined || records.length === 0)
    return err(
      'holds no record sets: a record set, a list of them, a change batch or what "list-resource-record-sets" prints',
    );
  const { zone, guessed } =
    options.zone === undefined
      ? zoneOf(records)
      : { zone: options.zone.toLowerCase().replace(/\.$/, ''), guessed: false };
  if (zone === '') return err('has names of several zones: name one');
  const notes: string[] = [];
  if (guessed) notes.push(`The zone is taken to be ${zone}: no SOA record says so.`);
  if ((document as Written).IsTruncated === true)
    notes.push('The list is cut off (IsTruncated): there are more records than these.');
  // A name of which nothing is left is no policy that others could lead to.
  const empty = new Set<string>();
  for (;;) {
    const one = new Import(records, zone, empty);
    const imported = one.run([...notes]);
    if (one.empty.size === empty.size) return ok(imported);
    for (const name of one.empty) empty.add(name);
  }
}

class Import {
  readonly #records: readonly AwsRecord[];
  readonly #zone: string;
  readonly #accounts: ReadonlyMap<AwsRecord, Account>;
  readonly #members: Members;
  readonly #owners = new Map<string, Owner>();
  readonly #policies: Record<string, Policy> = {};

  /** Steered names without a policy. */
  readonly empty: Set<string>;

  constructor(records: readonly AwsRecord[], zone: string, empty: ReadonlySet<string>) {
    this.empty = new Set(empty);
    this.#records = records;
    this.#zone = zone;
    this.#accounts = new Map(records.map((record) => [record, new Account(record.name, record.type, record.set)]));
    const steered = records.filter((one) => !one.deletes && ADDRESSES.includes(one.type) && isRouted(one));
    const names = steered.map(({ name }) => name).filter((name) => !empty.has(name));
    this.#members = new Members(records, new Set(names), zone);
  }

  run(notes: string[]): Imported {
    const byName = new Map<string, AwsRecord[]>();
    for (const record of this.#records) {
      if (!this.#admitted(record)) continue;
      byName.set(record.name, [...(byName.get(record.name) ?? []), record]);
    }
    for (const [name, records] of byName) {
      const addresses = records.filter(({ type }) => ADDRESSES.includes(type));
      const routed = addresses.some(isRouted);
      if (routed) this.#steered(name, addresses);
      for (const record of records) if (!routed || !addresses.includes(record)) this.#plain(record);
    }
    if (Object.keys(this.#policies).length > 0)
      notes.push(
        'Sites without a pool are always up: give them pools with health checks for answers that follow health.',
      );
    const sites = this.#usedSites();
    return {
      document: {
        ...(sites.length === 0 ? {} : { sites: Object.fromEntries(sites) }),
        ...(Object.keys(this.#policies).length === 0 ? {} : { policies: this.#policies }),
        dns: { bind: '0.0.0.0:53', zones: { [this.#zone]: { records: Object.fromEntries(this.#owners) } } },
      },
      report: this.#records.map((record) => this.#accounts.get(record)!.entry),
      notes,
    };
  }

  /** Sets may be refused after their site was made. */
  #usedSites(): (readonly [string, unknown])[] {
    const words = Object.values(this.#policies).flatMap((policy) => [
      ...Object.keys(policy),
      ...Object.values(policy).flat(),
    ]);
    const used = new Set(words);
    return [...this.#members.sites].filter(([name]) => used.has(name));
  }

  #admitted(record: AwsRecord): boolean {
    const account = this.#accounts.get(record)!;
    checkKeys(record, account);
    const apex = record.name === this.#zone;
    if (record.deletes) account.refuse('the change deletes it');
    else if (ownerOf(record.name, this.#zone) === undefined) account.refuse(`it is outside of ${this.#zone}`);
    else if (record.type === 'SOA')
      account.refuse("it names Route 53's own server; the zone gets one of its own (soa)");
    else if (record.type === 'NS' && apex)
      account.refuse("it names Route 53's own servers: name yours in the zone's ns");
    return !account.refused;
  }

  #owner(name: string): Owner {
    const owner = ownerOf(name, this.#zone)!;
    const known = this.#owners.get(owner) ?? {};
    this.#owners.set(owner, known);
    return known;
  }

  /** A and AAAA of a name are steered by one policy. */
  #steered(name: string, records: readonly AwsRecord[]): void {
    const routed: RoutedRecord[] = [];
    const plain: RoutedRecord[] = [];
    for (const record of records) {
      const one = { record, account: this.#accounts.get(record)! };
      (isRouted(record) || record.set !== '' ? routed : plain).push(one);
    }
    const policy = policyOf(routed, this.#members);
    for (const { account } of plain)
      account.refuse('the name is steered, and A and AAAA are steered as one here: add its addresses to the sites');
    if (policy === undefined) {
      this.empty.add(name);
      return;
    }
    const key = policyName(name);
    this.#policies[key] = policy;
    const owner = this.#owner(name);
    const ttls = routed.filter(({ account }) => !account.refused).flatMap(({ record }) => ttlOf(record) ?? []);
    if (ttls.length > 0) owner.ttl = Math.min(...ttls);
    owner.steer = key;
    if (policy.kind === 'round-robin') Object.assign(owner, { answers: MULTIVALUE_ANSWERS, rotate: 'shuffle' });
    for (const { record, account } of routed) {
      const ttl = ttlOf(record);
      if (account.refused) continue;
      if (ttl === undefined && aliasOf(record) === undefined)
        account.approximate(`it has no TTL; ${DEFAULT_TTL} s is taken`);
      else if (ttl !== undefined && ttl !== owner.ttl)
        account.approximate(`its TTL of ${ttl} s becomes ${owner.ttl} s, the shortest of the name`);
    }
  }

  #plain(record: AwsRecord): void {
    const account = this.#accounts.get(record)!;
    const { type, name } = record;
    const siblings = this.#records.filter((one) => one.name === name && one.type === type && !one.deletes);
    if (siblings.length > 1 && siblings[0] !== record)
      return account.refuse(
        `only the first record set of the name is kept: steering chooses addresses, not ${type} records`,
      );
    if (siblings.length > 1 || isRouted(record))
      account.approximate(`its routing is left out: steering chooses addresses, not ${type} records`);
    const alias = aliasOf(record);
    if (alias !== undefined) return this.#alias(record, alias.target, account);
    const values = valuesOf(record, account);
    if (values.length === 0) return account.refuse('it has no values');
    const owner = this.#owner(name);
    const ttl = ttlOf(record);
    if (ttl === undefined) account.approximate(`it has no TTL; ${DEFAULT_TTL} s is taken`);
    else if (owner.ttl === undefined) owner.ttl = ttl;
    else if (owner.ttl !== ttl) {
      account.approximate(`its TTL of ${ttl} s becomes ${Math.min(ttl, owner.ttl)} s, as names have one`);
      owner.ttl = Math.min(ttl, owner.ttl);
    }
    if (typeof record.raw.HealthCheckId === 'string')
      account.approximate(
        `the health check ${record.raw.HealthCheckId} is not in the file; its addresses are always answered`,
      );
    owner[type] = values.length === 1 ? values[0] : values;
  }

  #alias(record: AwsRecord, target: string, account: Account): void {
    if (!ADDRESSES.includes(record.type)) return account.refuse('an alias can have the addresses of another name only');
    const owner = this.#owner(record.name);
    if (owner.ALIAS !== undefined && owner.ALIAS !== `${target}.`)
      return account.refuse(`the name is an alias of ${owner.ALIAS} for its other addresses already`);
    owner.ALIAS = `${target}.`;
    const inside = ownerOf(target, this.#zone) !== undefined;
    if (!inside)
      account.approximate(
        `${target} is outside of the zone: its addresses must be looked up, and are not AWS's own word`,
      );
    else if (!this.#records.some((one) => one.name === target && one.type === record.type))
      account.approximate(`${target} has no ${record.type} record in the file`);
  }
}

function ttlOf({ raw }: AwsRecord): number | undefined {
  const ttl = Number(raw.TTL ?? Number.NaN);
  return Number.isSafeInteger(ttl) && ttl >= 0 ? ttl : undefined;
}
