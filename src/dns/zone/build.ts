// Owns the step from a zone's configuration, and the text of its file, to its image; and from images to the set that a worker
// answers from. Pure: whoever calls has read the file.

import type { DnsConfig, DnsRecordConfig, DnsZoneConfig } from '../../config/types/dns.ts';
import { CidrSet } from '../../core/cidr.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Member } from '../../steering/steering.ts';
import { Bytes } from '../wire/bytes.ts';
import { indexName, lowered, newLabels, parseName } from '../wire/name.ts';
import { RdataReader, readRdata } from '../wire/rdata.ts';
import { Tokens } from '../wire/tokens.ts';
import { TYPE, typeCode, typeName } from '../wire/types.ts';
import { ZoneBuilder } from './builder.ts';
import { checkZone } from './checks.ts';
import { ROTATE, type ZoneImage } from './image.ts';
import { layOut } from './layout.ts';
import { readMasterFile } from './master-file.ts';
import { Zone, ZoneSet, type ZoneSigner } from './zone.ts';

const ROOT = Uint8Array.of(0);

/** What is wrong with a zone: in its file (`line` and `column` from 1), or in the configuration (`path` below the zone). */
export interface ZoneIssue {
  readonly zone: string;
  readonly inFile: boolean;
  /** 0 when the zone as a whole is meant. */
  readonly line: number;
  readonly column: number;
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export interface BuildOptions {
  /** What an automatic serial becomes when the content is new: seconds since 1970. */
  readonly epochSeconds: number;
  /** Of the configuration before: a zone with the same content keeps its serial, another gets a higher one. */
  readonly previous?: readonly ZoneImage[];
}

/** The images of all zones. `fileText` has what each zone's file says, one character a byte. */
export function buildZones(
  config: DnsConfig,
  fileText: (zone: DnsZoneConfig) => string,
  options: BuildOptions,
): Result<ZoneImage[], ZoneIssue[]> {
  const images: ZoneImage[] = [];
  const issues: ZoneIssue[] = [];
  for (const zone of Object.values(config.zones)) {
    const built = buildZone(zone, config, zone.file === '' ? undefined : fileText(zone), options);
    if (built.ok) images.push(built.value);
    else issues.push(...built.error);
  }
  return issues.length > 0 ? err(issues) : ok(images);
}

/**
 * What a worker answers from. `memberOf` turns what a record's `steer` (or `fallback`) says into a member; `signerOf` has the key of a zone
 * with DNSSEC, by its name in the configuration.
 */
export function openZones(
  images: readonly ZoneImage[],
  config: Pick<DnsConfig, 'zones'>,
  memberOf: (steer: unknown) => Member,
  signerOf: (zone: string) => ZoneSigner | undefined = () => undefined,
): ZoneSet {
  const labels = newLabels();
  const hashes = images.map(({ apex }) => {
    indexName(apex, 0, labels);
    return labels.hashes[0];
  });
  const configs = new Map(
    Object.values(config.zones).map((zone) => [lowered(parseName(zone.name, ROOT) as Uint8Array).join(), zone]),
  );
  const zones = images.map((image) => {
    const steered = image.steers.map(({ steer, allDown, fallback }) => ({
      member: memberOf(steer),
      allDown,
      fallback: fallback === undefined ? undefined : memberOf(fallback),
    }));
    const { name, transfer } = configs.get(image.apex.join())!;
    return new Zone(image, steered, CidrSet.of(transfer.allow), signerOf(name));
  });
  return new ZoneSet(zones, hashes);
}

export function buildZone(
  zone: DnsZoneConfig,
  config: Pick<DnsConfig, 'rotate'>,
  fileText: string | undefined,
  options: BuildOptions,
): Result<ZoneImage, ZoneIssue[]> {
  const apex = parseName(zone.name, ROOT);
  if (typeof apex === 'string') return err([issueAt(zone, [], `has a name that ${apex}`)]);
  const builder = new ZoneBuilder(lowered(apex), { rotate: ROTATE[config.rotate], answers: 0 });
  const issues: ZoneIssue[] = [];
  if (fileText !== undefined) {
    for (const { line, column, message } of readMasterFile(fileText, builder, zone.ttl))
      issues.push({ zone: zone.name, inFile: true, line, column, path: [], message });
  }
  const paths = addRecords(zone, builder, issues);
  const automatic = addTop(zone, builder, issues);
  if (issues.length > 0) return err(issues);
  for (const { origin, message } of checkZone(builder)) {
    if (origin > 0) issues.push({ zone: zone.name, inFile: true, line: origin, column: 1, path: [], message });
    else issues.push(issueAt(zone, origin < 0 ? (paths[-1 - origin] ?? []) : [], message));
  }
  if (issues.length > 0) return err(issues);
  const previous = options.previous?.find((image) => sameBytes(image.apex, builder.apex));
  return ok(layOut(builder, automatic ? (content) => serialFor(content, previous, options.epochSeconds) : undefined));
}

function serialFor(content: string, previous: ZoneImage | undefined, epochSeconds: number): number {
  if (previous === undefined) return epochSeconds >>> 0;
  if (previous.fingerprint === content) return previous.serial;
  return Math.max(epochSeconds, previous.serial + 1) >>> 0;
}

function issueAt({ name }: DnsZoneConfig, path: readonly (string | number)[], message: string): ZoneIssue {
  return { zone: name, inFile: false, line: 0, column: 0, path, message };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Returns the path of each inline record: its origin is -1 - its place in that list. */
function addRecords(zone: DnsZoneConfig, builder: ZoneBuilder, issues: ZoneIssue[]): (string | number)[][] {
  const paths: (string | number)[][] = [];
  const place = (path: (string | number)[]): number => -paths.push(path);
  for (const record of zone.records) {
    const at = ['records', record.name];
    const owner = parseName(record.name, builder.apex);
    if (typeof owner === 'string') {
      issues.push(issueAt(zone, at, owner));
      continue;
    }
    const name = lowered(owner);
    const add = (type: number, data: Uint8Array, path: (string | number)[], options: number, weight: number): void => {
      if (!builder.add(name, type, record.ttl, data, 0, data.length, place(path), options, weight))
        issues.push(issueAt(zone, path, 'is outside the zone'));
    };
    const options = builder.addOptions({ rotate: ROTATE[record.rotate], answers: record.answers });
    for (const { type, values } of record.sets) {
      values.forEach(({ value, weight }, i) => {
        const path = values.length === 1 ? [...at, type] : [...at, type, i];
        const data = parseRdata(type, value, builder.apex);
        if (typeof data === 'string') issues.push(issueAt(zone, path, data));
        else add(typeCode(type)!, data, path, options, weight);
      });
    }
    addChosen(record, builder, add, options, at, (path, message) => issues.push(issueAt(zone, path, message)));
  }
  return paths;
}

function addChosen(
  { steer, allDown, fallback, alias }: DnsRecordConfig,
  builder: ZoneBuilder,
  add: (type: number, data: Uint8Array, path: (string | number)[], options: number, weight: number) => void,
  options: number,
  at: (string | number)[],
  fault: (path: (string | number)[], message: string) => void,
): void {
  if (steer !== undefined) {
    const index = builder.steers.push({ steer, allDown, fallback }) - 1;
    add(TYPE.STEER, Uint8Array.of(index >> 8, index & 255), [...at, 'steer'], options, 1);
  }
  if (alias === '') return;
  const target = parseName(alias, builder.apex);
  if (typeof target === 'string') fault([...at, 'ALIAS'], target);
  else add(TYPE.ALIAS, lowered(target), [...at, 'ALIAS'], options, 1);
}

/** SOA and NS of the configuration. True when the serial is ours to choose. */
function addTop({ soa, ns, ttl, name }: DnsZoneConfig, builder: ZoneBuilder, issues: ZoneIssue[]): boolean {
  const { apex } = builder;
  const absolute = (text: string): string => (text.endsWith('.') || text === '@' ? text : `${text}.`);
  const given = (type: number, text: string, recordTtl: number, path: readonly (string | number)[]): void => {
    const data = parseRdata(typeName(type), text, apex);
    if (typeof data === 'string') issues.push({ zone: name, inFile: false, line: 0, column: 0, path, message: data });
    else builder.add(apex, type, recordTtl, data, 0, data.length, 0);
  };
  for (const [i, server] of ns.entries()) given(TYPE.NS, absolute(server), ttl, ['ns', i]);
  if (builder.has(0, TYPE.SOA)) return false;
  const mname = soa.mname !== '' ? absolute(soa.mname) : ns.length > 0 ? absolute(ns[0]) : '@';
  const rname = soa.rname === '' ? 'hostmaster' : absolute(soa.rname.replace('@', '.'));
  const { serial, refresh, retry, expire, minimum } = soa;
  given(TYPE.SOA, `${mname} ${rname} ${serial} ${refresh} ${retry} ${expire} ${minimum}`, soa.ttl, ['soa']);
  return serial === 0;
}

/** Data of one record as the configuration has it. A text record without quotes is one text, however long. */
export function parseRdata(type: string, value: string, origin: Uint8Array): Uint8Array | string {
  const code = typeCode(type);
  if (code === undefined) return `is of type ${type}, which is no record type`;
  if ((code === TYPE.TXT || code === TYPE.SPF) && !value.trimStart().startsWith('"')) return plainText(value);
  const tokens = new Tokens(byteText(value));
  tokens.next();
  if (tokens.fault !== '') return tokens.fault;
  const reader = new RdataReader(tokens, origin);
  const fault = readRdata(code, reader);
  return fault === '' ? reader.out.data.slice(0, reader.out.length) : fault;
}

/** UTF-8, one character a byte. */
function byteText(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

function plainText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const out = new Bytes(bytes.length + 8);
  for (let from = 0; from === 0 || from < bytes.length; from += 255) {
    const to = Math.min(bytes.length, from + 255);
    out.append(Uint8Array.of(to - from), 0, 1);
    out.append(bytes, from, to);
  }
  return out.data.slice(0, out.length);
}
