// Owns looking up in one zone's image, and finding the zone of a name. It reads what `layout.ts` wrote and changes nothing but the
// rotation counters, which all workers share; two that count at once may give two clients the same order, which hurts nobody.

import type { CidrSet } from '../../core/cidr.ts';
import type { Member } from '../../steering/steering.ts';
import { u16, u32 } from '../wire/bytes.ts';
import type { Labels } from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import { FIRST_NODE, NODE_HEADER, SET_HEADER, slotOf, type ZoneImage } from './image.ts';

/** A zone's key (ECDSA P-256), which somebody else holds. */
export interface ZoneSigner {
  /** Data of the DNSKEY record. */
  readonly dnskey: Uint8Array;
  readonly keyTag: number;
  /** 64 bytes: r and s. */
  sign(data: Uint8Array): Uint8Array;
}

/** A steered set as it is answered from. */
export interface Steered {
  readonly member: Member;
  readonly allDown: 'open' | 'closed' | 'fallback';
  readonly fallback: Member | undefined;
}

export class Zone {
  readonly image: ZoneImage;
  readonly steered: readonly Steered[];
  /** Who may have the whole zone. */
  readonly allow: CidrSet;
  /** Signs its answers; undefined for a zone without DNSSEC. */
  readonly signer: ZoneSigner | undefined;
  readonly apex: Uint8Array;
  readonly apexLabels: number;
  /** Nodes and sets. */
  readonly bytes: Uint8Array;
  /** Place of the SOA set. */
  readonly soa: number;
  /** RFC 2308 §3. */
  readonly negativeTtl: number;
  readonly #table: Uint32Array;
  readonly #rotations: Uint32Array;

  constructor(image: ZoneImage, steered: readonly Steered[], allow: CidrSet, signer?: ZoneSigner) {
    const { buffer, heapBytes, tableSlots, rotations } = image;
    this.image = image;
    this.steered = steered;
    this.allow = allow;
    this.signer = signer;
    this.apex = image.apex;
    this.bytes = new Uint8Array(buffer, 0, heapBytes);
    this.#table = new Uint32Array(buffer, heapBytes, tableSlots);
    this.#rotations = new Uint32Array(buffer, heapBytes + tableSlots * 4, rotations);
    this.soa = this.set(FIRST_NODE, TYPE.SOA);
    const data = this.dataOf(this.soa);
    const end = data + 2 + u16(this.bytes, data);
    this.negativeTtl = Math.min(this.ttl(this.soa), u32(this.bytes, end - 4));
    let labels = 0;
    for (let at = 0; this.apex[at] !== 0; at += this.apex[at] + 1) labels++;
    this.apexLabels = labels;
  }

  get apexNode(): number {
    return FIRST_NODE;
  }

  /** Node of a name (lower case) at `from`; 0 when there is none. */
  find(name: Uint8Array, from: number, to: number, hash: number): number {
    const { bytes } = this;
    const table = this.#table;
    const mask = table.length - 1;
    const length = to - from;
    for (let slot = slotOf(hash, table.length); ; slot = (slot + 1) & mask) {
      const node = table[slot];
      if (node === 0) return 0;
      if (bytes[node + 13] !== length) continue;
      const at = node + NODE_HEADER - from;
      let i = from;
      while (i < to && bytes[at + i] === name[i]) i++;
      if (i === to) return node;
    }
  }

  /** The delegation at or above the node; 0 without any. */
  cut(node: number): number {
    return u32(this.bytes, node);
  }

  /** The node's `*` child; 0 without. */
  wildcard(node: number): number {
    return u32(this.bytes, node + 4);
  }

  /** Place of the node's name. */
  nameOf(node: number): number {
    return node + NODE_HEADER;
  }

  setCount(node: number): number {
    return this.bytes[node + 12];
  }

  firstSet(node: number): number {
    return node + NODE_HEADER + this.bytes[node + 13];
  }

  nextSet(set: number): number {
    return set + u32(this.bytes, set + 8);
  }

  /** The node behind this one in the image; 0 behind the last. */
  nextNode(node: number): number {
    const next = node + u32(this.bytes, node + 8);
    return next + NODE_HEADER < this.bytes.length ? next : 0;
  }

  /** Place of a set; 0 when the node has none of the type. */
  set(node: number, type: number): number {
    const { bytes } = this;
    let set = this.firstSet(node);
    for (let left = bytes[node + 12]; left > 0; left--) {
      if (u16(bytes, set) === type) return set;
      set += u32(bytes, set + 8);
    }
    return 0;
  }

  type(set: number): number {
    return u16(this.bytes, set);
  }

  count(set: number): number {
    return u16(this.bytes, set + 2);
  }

  ttl(set: number): number {
    return u32(this.bytes, set + 4);
  }

  rotate(set: number): number {
    return this.bytes[set + 12];
  }

  weighted(set: number): boolean {
    return this.bytes[set + 13] === 1;
  }

  answers(set: number): number {
    return u16(this.bytes, set + 14);
  }

  slot(set: number): number {
    return u32(this.bytes, set + 16);
  }

  weight(set: number, index: number): number {
    return u16(this.bytes, set + SET_HEADER + index * 2);
  }

  /** The first record: its length, then its data. The next is behind it. */
  dataOf(set: number): number {
    return set + SET_HEADER + (this.bytes[set + 13] === 1 ? this.count(set) * 2 : 0);
  }

  /** Counts up, and returns where it stood. */
  turn(slot: number): number {
    return this.#rotations[slot]++;
  }
}

/** The zones of one server, by name. */
export class ZoneSet {
  readonly zones: readonly Zone[];
  readonly #slots: (Zone | undefined)[];
  readonly #hashes: Int32Array;

  constructor(zones: readonly Zone[], hashes: readonly number[]) {
    this.zones = zones;
    let size = 8;
    while (size < zones.length * 4) size *= 2;
    this.#slots = new Array<Zone | undefined>(size);
    this.#hashes = new Int32Array(size);
    zones.forEach((zone, i) => {
      let slot = slotOf(hashes[i], size);
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = zone;
      this.#hashes[slot] = hashes[i];
    });
  }

  /** The zone with the longest name at or above the given one (lower case), from its label `first` on. */
  find(name: Uint8Array, labels: Labels, first = 0): Zone | undefined {
    const end = labels.starts[labels.count] + 1;
    const mask = this.#slots.length - 1;
    for (let i = first; i <= labels.count; i++) {
      const hash = labels.hashes[i];
      const from = labels.starts[i];
      for (let slot = slotOf(hash, mask + 1); this.#slots[slot] !== undefined; slot = (slot + 1) & mask) {
        if (this.#hashes[slot] === hash && isApex(this.#slots[slot]!, name, from, end)) return this.#slots[slot];
      }
    }
    return undefined;
  }
}

function isApex(zone: Zone, name: Uint8Array, from: number, to: number): boolean {
  const { apex } = zone;
  if (apex.length !== to - from) return false;
  for (let i = 0; i < apex.length; i++) if (apex[i] !== name[from + i]) return false;
  return true;
}
