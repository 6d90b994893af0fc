// Owns where an ALIAS leads: through ALIAS and CNAME from name to name, until there are addresses, or the name is not ours. It
// reads zones and writes nothing.

import type { DnsConfig } from '../../config/types/dns.ts';
import {
  formatName,
  indexName,
  type Labels,
  LOWER,
  lowered,
  MAX_NAME,
  nameLength,
  newLabels,
  parseName,
} from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import type { Zone, ZoneSet } from '../zone/zone.ts';

const MAX_CHAIN = 12;
const ROOT = Uint8Array.of(0);
const DELEGATED = -1;

/** `endless` is a circle, or too long. */
export type AliasEnd = 'addresses' | 'steered' | 'outside' | 'nothing' | 'endless';

/** One at a time; where the last one led can be read here. */
export class AliasChain {
  /** Lower case. */
  readonly name = new Uint8Array(MAX_NAME + 1);
  zone!: Zone;
  set = 0;
  /** The smallest of the chain. */
  ttl = 0;
  readonly #labels = newLabels();

  follow(zones: ZoneSet, from: Zone, alias: number, type: number): AliasEnd {
    const labels = this.#labels;
    this.zone = from;
    this.ttl = from.ttl(alias);
    let { bytes } = from;
    let at = from.dataOf(alias) + 2;
    for (let hop = 0; hop < MAX_CHAIN; hop++) {
      const length = nameLength(bytes, at);
      for (let i = 0; i < length; i++) this.name[i] = LOWER[bytes[at + i]];
      indexName(this.name, 0, labels);
      const zone = zones.find(this.name, labels);
      if (zone === undefined) return 'outside';
      const node = nodeFor(zone, this.name, labels);
      if (node === DELEGATED) return 'outside';
      if (node === 0) return 'nothing';
      this.zone = zone;
      this.set = zone.set(node, type);
      if (this.set !== 0) return 'addresses';
      this.set = zone.set(node, TYPE.STEER);
      if (this.set !== 0) return 'steered';
      this.set = zone.set(node, TYPE.CNAME) || zone.set(node, TYPE.ALIAS);
      if (this.set === 0) return 'nothing';
      this.ttl = Math.min(this.ttl, zone.ttl(this.set));
      bytes = zone.bytes;
      at = zone.dataOf(this.set) + 2;
    }
    return 'endless';
  }
}

/** The node that answers for a name: its own, or a wildcard's; 0 when it is not there. */
function nodeFor(zone: Zone, name: Uint8Array, { starts, hashes, count }: Labels): number {
  const end = starts[count] + 1;
  const exact = zone.find(name, 0, end, hashes[0]);
  if (exact !== 0) return zone.cut(exact) === 0 ? exact : DELEGATED;
  for (let label = 1; label <= count; label++) {
    const node = zone.find(name, starts[label], end, hashes[label]);
    if (node !== 0) return zone.cut(node) === 0 ? zone.wildcard(node) : DELEGATED;
  }
  return 0;
}

/** Names outside the zones that somebody must look up. ALIAS stands in configurations only, never in zone files. */
export function outsideNames(zones: ZoneSet, config: Pick<DnsConfig, 'zones'>): ReadonlySet<string> {
  const names = new Set<string>();
  const chain = new AliasChain();
  const labels = newLabels();
  for (const { name: apex, records } of Object.values(config.zones)) {
    const origin = lowered(parseName(apex, ROOT) as Uint8Array);
    for (const { name, alias } of records) {
      if (alias === '') continue;
      const owner = lowered(parseName(name, origin) as Uint8Array);
      indexName(owner, 0, labels);
      const zone = zones.find(owner, labels);
      const node = zone?.find(owner, 0, owner.length, labels.hashes[0]) ?? 0;
      const set = node === 0 ? 0 : zone!.set(node, TYPE.ALIAS);
      if (set === 0) continue;
      for (const type of [TYPE.A, TYPE.AAAA])
        if (chain.follow(zones, zone!, set, type) === 'outside') names.add(formatName(chain.name));
    }
  }
  return names;
}
