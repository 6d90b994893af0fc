// Owns the step from the parsed DNS part to its normalized form, and the checks of names, record data and zones that need no file.
// A zone with a file is checked as a whole when the file has been read.

import { formatAddress } from '../../core/address.ts';
import { readIp } from '../../core/ip.ts';
import { isWithin, lowered, parseName } from '../../dns/wire/name.ts';
import { buildZone, parseRdata } from '../../dns/zone/build.ts';
import type { Path } from '../issues.ts';
import { type ParsedDns, WRITTEN_TYPES } from '../schema/dns.ts';
import type { DnsConfig, DnsRecordConfig, DnsSetConfig, DnsZoneConfig, RotateMode } from '../types/dns.ts';
import type { Findings } from './findings.ts';

type ParsedZone = ParsedDns['zones'][string];
type ParsedRecord = ParsedZone['records'][string];

const ROOT = Uint8Array.of(0);

/** `steer` values are left as they are. Undefined when there is no DNS part. */
export function compileDns(parsed: ParsedDns | undefined, findings: Findings): DnsConfig | undefined {
  if (parsed === undefined) return undefined;
  checkServer(parsed, findings);
  const zones: Record<string, DnsZoneConfig> = {};
  const names = new Map<string, string>();
  for (const [written, zone] of Object.entries(parsed.zones)) {
    const at = ['dns', 'zones', written];
    const apex = parseName(written, ROOT);
    if (typeof apex === 'string') {
      findings.add(at, apex);
      continue;
    }
    const key = lowered(apex).join();
    if (names.has(key)) findings.add(at, `is the zone "${names.get(key)}" once more`);
    names.set(key, written);
    zones[written] = compileZone(written, lowered(apex), zone, parsed.rotate, at, findings);
  }
  const { bind, rotate, nsid, cookies, rateLimit, ednsSize, ecs, tcp, resolvers } = parsed;
  return {
    bind,
    rotate,
    nsid,
    cookies: cookies ?? undefined,
    rateLimit: rateLimit ?? undefined,
    ednsSize,
    ecs,
    tcp,
    resolvers,
    zones,
  };
}

function checkServer({ bind, rateLimit, resolvers, zones }: ParsedDns, findings: Findings): void {
  if (bind.length === 0) findings.add(['dns', 'bind'], 'needs an address', 'write 0.0.0.0:53');
  const taken = new Set<string>();
  bind.forEach((address, i) => {
    const text = formatAddress(address);
    if (taken.has(text)) findings.add(['dns', 'bind', i], `has ${text} twice`);
    if (address.port !== 0) taken.add(text);
  });
  resolvers.forEach(({ host, port }, i) => {
    const at = ['dns', 'resolvers', i];
    if (readIp(host, new Uint8Array(16)) === 0)
      findings.add(at, `has "${host}", which is no IP address`, 'write such as 192.0.2.53:53');
    else if (port === 0) findings.add(at, 'has port 0, where nobody answers');
  });
  if (Object.keys(zones).length === 0) findings.add(['dns', 'zones'], 'must name at least one zone');
  if (rateLimit != null) findings.cidrs(rateLimit.exempt, ['dns', 'rateLimit', 'exempt']);
}

function compileZone(
  name: string,
  apex: Uint8Array,
  parsed: ParsedZone,
  rotate: RotateMode,
  at: Path,
  findings: Findings,
): DnsZoneConfig {
  findings.cidrs(parsed.transfer.allow, [...at, 'transfer', 'allow']);
  const before = findings.issues.length;
  const records = Object.entries(parsed.records).map(([owner, record]) =>
    compileRecord(owner, record, parsed.ttl, rotate, apex, [...at, 'records', owner], findings),
  );
  const { file = '', ttl, soa, ns, transfer } = parsed;
  const dnssec = parsed.dnssec == null ? undefined : { key: parsed.dnssec.key ?? `${name.replace(/\.$/, '')}.key.pem` };
  if (dnssec !== undefined && transfer.allow.length > 0)
    findings.add(
      [...at, 'transfer', 'allow'],
      'would hand out a zone without its signatures: they are made with each answer',
    );
  const zone: DnsZoneConfig = { name, file, ttl, soa, ns, transfer, dnssec, records };
  if (file === '' && findings.issues.length === before) {
    const built = buildZone(zone, { rotate }, undefined, { epochSeconds: 1 });
    if (!built.ok) for (const { path, message } of built.error) findings.add([...at, ...path], message);
  }
  return zone;
}

function compileRecord(
  name: string,
  parsed: ParsedRecord,
  ttl: number,
  rotate: RotateMode,
  apex: Uint8Array,
  at: Path,
  findings: Findings,
): DnsRecordConfig {
  const owner = parseName(name, apex);
  if (typeof owner === 'string') findings.add(at, owner);
  else if (!isWithin(lowered(owner), apex)) findings.add(at, 'is outside the zone');
  const sets = WRITTEN_TYPES.flatMap((type): DnsSetConfig[] => {
    const values = (parsed as Record<string, unknown>)[type] as DnsSetConfig['values'] | undefined;
    values?.forEach(({ value }, i) => {
      const data = parseRdata(type, value, apex);
      if (typeof data === 'string') findings.add([...at, type, i], data);
    });
    return values === undefined || values.length === 0 ? [] : [{ type, values }];
  });
  const { steer, allDown, fallback, ALIAS: alias = '' } = parsed;
  if (sets.length === 0 && steer === undefined && alias === '')
    findings.add(at, 'has no records', 'write such as A: 203.0.113.1');
  if (allDown === 'fallback' && fallback === undefined)
    findings.add([...at, 'allDown'], 'is fallback, and there is none', 'add "fallback"');
  if (fallback !== undefined && allDown !== 'fallback')
    findings.add([...at, 'fallback'], 'is never used', 'write allDown: fallback');
  return {
    name,
    ttl: parsed.ttl ?? ttl,
    rotate: parsed.rotate ?? rotate,
    answers: parsed.answers,
    sets,
    steer,
    allDown,
    fallback,
    alias,
  };
}
