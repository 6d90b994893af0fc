// Owns ALIAS: the addresses of another name under this one. The target may be in the zone, in another zone of ours, steered, or
// outside, where the control plane looks it up. Also what is chosen at the moment of a transfer.

import { indexName, type Labels, LOWER, MAX_NAME, nameLength, newLabels } from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import type { Zone, ZoneSet } from '../zone/zone.ts';
import type { Owner, SetWriter } from './records.ts';
import { NOBODY, type Steered } from './steered.ts';

const MAX_CHAIN = 12;

export class Aliases {
  readonly #sets: SetWriter;
  readonly #steered: Steered;
  readonly #labels = newLabels();
  readonly #name = new Uint8Array(MAX_NAME + 1);

  constructor(sets: SetWriter, steered: Steered) {
    this.#sets = sets;
    this.#steered = steered;
  }

  /** As with sets: 0 when there are no addresses, -1 when they do not fit; undefined when the target cannot be known. */
  write(zones: ZoneSet, from: Zone, set: number, type: number, owner: Owner): number | undefined {
    let zone: Zone | undefined = from;
    let { bytes } = from;
    let at = from.dataOf(set) + 2;
    let ttl = from.ttl(set);
    const labels = this.#labels;
    for (let hop = 0; hop < MAX_CHAIN; hop++) {
      const length = nameLength(bytes, at);
      for (let i = 0; i < length; i++) this.#name[i] = LOWER[bytes[at + i]];
      indexName(this.#name, 0, labels);
      zone = zones.find(this.#name, labels);
      if (zone === undefined) return this.#steered.writeOutside(this.#name, type, owner, ttl);
      const node = nodeFor(zone, this.#name, labels);
      if (node === 0) return 0;
      const found = zone.set(node, type);
      if (found !== 0) return this.#sets.write(zone, found, owner, Math.min(ttl, zone.ttl(found)));
      const steer = zone.set(node, TYPE.STEER);
      if (steer !== 0) return this.#steered.write(zone, steer, type, owner, ttl);
      const next = zone.set(node, TYPE.CNAME) || zone.set(node, TYPE.ALIAS);
      if (next === 0) return 0;
      ttl = Math.min(ttl, zone.ttl(next));
      bytes = zone.bytes;
      at = zone.dataOf(next) + 2;
    }
    return undefined;
  }

  /**
   * Writes what a steered set or an ALIAS is now, for a client of whom nothing is known. Returns how many records; -1 when they do not
   * fit.
   */
  addressesOf(zones: ZoneSet, zone: Zone, node: number, set: number): number {
    const owner: Owner = { bytes: zone.bytes, at: zone.nameOf(node) };
    this.#steered.client = NOBODY;
    let records = 0;
    for (const type of [TYPE.A, TYPE.AAAA]) {
      this.#steered.reset();
      const steered = zone.type(set) === TYPE.STEER;
      const written = steered
        ? this.#steered.write(zone, set, type, owner, Infinity)
        : (this.write(zones, zone, set, type, owner) ?? 0);
      if (written < 0) return -1;
      records += written;
    }
    return records;
  }
}

/** The node that answers for a name: its own, or a wildcard's; 0 when it is not there, or not ours any more. */
function nodeFor(zone: Zone, name: Uint8Array, { starts, hashes, count }: Labels): number {
  const end = starts[count] + 1;
  const exact = zone.find(name, 0, end, hashes[0]);
  if (exact !== 0) return zone.cut(exact) === 0 ? exact : 0;
  for (let label = 1; label <= count; label++) {
    const node = zone.find(name, starts[label], end, hashes[label]);
    if (node !== 0) return zone.cut(node) === 0 ? zone.wildcard(node) : 0;
  }
  return 0;
}
