// Owns reading what Route 53 writes: the shapes in which record sets come, names with their octal escapes, values whose names are
// absolute with and without a dot. Pure.

import type { Account } from './report.ts';

type Json = Readonly<Record<string, unknown>>;

export interface AwsRecord {
  /** Lower case, without the dot at the end; `*` as itself. */
  readonly name: string;
  readonly type: string;
  readonly set: string;
  readonly raw: Json;
  /** It takes the record away: of a change batch. */
  readonly deletes: boolean;
}

const isGroup = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every record set in the document, whatever holds them; undefined when it holds none that is known. */
export function recordsOf(document: unknown): readonly AwsRecord[] | undefined {
  if (Array.isArray(document)) {
    const parts = document.map(recordsOf);
    return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part!);
  }
  if (!isGroup(document)) return undefined;
  if (Array.isArray(document.ResourceRecordSets)) return recordsOf(document.ResourceRecordSets);
  if (isGroup(document.ChangeBatch)) return recordsOf(document.ChangeBatch);
  if (Array.isArray(document.Changes)) return recordsOf(document.Changes);
  if (isGroup(document.ResourceRecordSet)) {
    const inner = recordsOf(document.ResourceRecordSet);
    return inner?.map((one) => ({ ...one, deletes: document.Action === 'DELETE' }));
  }
  const { Name: name, Type: type, SetIdentifier: set } = document;
  if (typeof name !== 'string' || typeof type !== 'string') return undefined;
  const plain = unescaped(name).toLowerCase().replace(/\.$/, '');
  return [
    { name: plain, type: type.toUpperCase(), set: typeof set === 'string' ? set : '', raw: document, deletes: false },
  ];
}

/** Route 53 writes `*` as `\052`: octal, where zone files are decimal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => {
    const code = Number.parseInt(octal, 8);
    const plain = String.fromCharCode(code);
    return /[\w*-]/.test(plain) ? plain : `\\${String(code).padStart(3, '0')}`;
  });
}

/** At which word of the value a name stands. */
const NAME_AT: Readonly<Record<string, number>> = {
  CNAME: 0,
  NS: 0,
  PTR: 0,
  MX: 1,
  SRV: 3,
  NAPTR: 5,
  HTTPS: 1,
  SVCB: 1,
};

/** The values of a record as zone files have them. */
export function valuesOf({ raw, type }: AwsRecord, account: Account): readonly string[] {
  const list = Array.isArray(raw.ResourceRecords) ? raw.ResourceRecords : [];
  const values = list.flatMap((one) => (isGroup(one) && typeof one.Value === 'string' ? [one.Value] : []));
  if (values.length < list.length)
    account.approximate(`${list.length - values.length} values are no text and left out`);
  const at = NAME_AT[type];
  return values.map((value) => {
    const text = unescaped(value.trim());
    if (at === undefined) return text;
    return text
      .split(/\s+/)
      .map((word, i) => (i === at && !word.endsWith('.') ? `${word}.` : word))
      .join(' ');
  });
}

/** The other name that an alias stands for, and whether its health matters. */
export function aliasOf({ raw }: AwsRecord): { readonly target: string; readonly evaluates: boolean } | undefined {
  const { AliasTarget: alias } = raw;
  if (!isGroup(alias) || typeof alias.DNSName !== 'string') return undefined;
  const target = unescaped(alias.DNSName).toLowerCase().replace(/\.$/, '');
  return { target, evaluates: alias.EvaluateTargetHealth === true };
}

const KNOWN = new Set([
  'Name',
  'Type',
  'SetIdentifier',
  'TTL',
  'ResourceRecords',
  'AliasTarget',
  'Weight',
  'Region',
  'GeoLocation',
  'GeoProximityLocation',
  'Failover',
  'MultiValueAnswer',
  'HealthCheckId',
  'CidrRoutingConfig',
]);

/** What is in the record and nobody reads. */
export function checkKeys({ raw }: AwsRecord, account: Account): void {
  for (const key of Object.keys(raw)) if (!KNOWN.has(key)) account.approximate(`${key} is not understood and left out`);
}

/** The zone: that of the SOA record, or what all names have in common. */
export function zoneOf(records: readonly AwsRecord[]): { readonly zone: string; readonly guessed: boolean } {
  const soa = records.find(({ type }) => type === 'SOA');
  if (soa !== undefined) return { zone: soa.name, guessed: false };
  const labels = records.map(({ name }) => name.split('.').reverse());
  const [first, ...others] = labels;
  let common = 0;
  while (common < first.length && others.every((other) => other[common] === first[common])) common++;
  // A name alone is rather a host of its zone than the zone.
  const whole = labels.some((one) => one.length === common);
  const count = whole && common > 2 ? common - 1 : common;
  return { zone: first.slice(0, count).reverse().join('.'), guessed: true };
}

/** `www` of `www.example.com`, `@` of the zone itself; undefined outside of it. */
export function ownerOf(name: string, zone: string): string | undefined {
  if (name === zone) return '@';
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : undefined;
}
