// Owns the step from gathered records to the flat image: sets in order, duplicates left out, links to cuts and wildcards.

import { Bytes, setU16, setU32 } from '../wire/bytes.ts';
import { TYPE } from '../wire/types.ts';
import type { ZoneBuilder } from './builder.ts';
import { FIRST_NODE, NODE_HEADER, ROTATE, SET_HEADER, slotOf, type ZoneImage } from './image.ts';

const UNKNOWN = -2;
const MANY = 32;

/** `serialOf` says the serial for a content; undefined keeps the one that the SOA has. */
export function layOut(builder: ZoneBuilder, serialOf: ((fingerprint: string) => number) | undefined): ZoneImage {
  return new Layout(builder).image(serialOf);
}

class Layout {
  readonly #b: ZoneBuilder;
  readonly #heap: Bytes;
  /** Place of each node in the heap. */
  readonly #place: Int32Array;
  readonly #cut: Int32Array;
  #rotations: number;
  #records = 0;
  /** Place of the SOA's serial. */
  #serialAt = 0;

  constructor(builder: ZoneBuilder) {
    this.#b = builder;
    this.#heap = new Bytes(builder.records * 64 + builder.nodes * 32 + 4096);
    this.#place = new Int32Array(builder.nodes);
    this.#cut = new Int32Array(builder.nodes).fill(UNKNOWN);
    this.#rotations = builder.steers.length;
  }

  image(serialOf: ((fingerprint: string) => number) | undefined): ZoneImage {
    const b = this.#b;
    const heap = this.#heap;
    heap.length = FIRST_NODE;
    for (let node = 0; node < b.nodes; node++) this.#node(node);
    for (let node = 0; node < b.nodes; node++) this.#link(node);
    let tableSlots = 16;
    while (tableSlots < b.nodes * 2) tableSlots *= 2;
    if (serialOf !== undefined) setU32(heap.data, this.#serialAt, 0);
    const fingerprint = this.#fingerprint();
    const heapBytes = (heap.length + 3) & ~3;
    const buffer = new SharedArrayBuffer(heapBytes + tableSlots * 4 + this.#rotations * 4);
    const bytes = new Uint8Array(buffer);
    if (serialOf !== undefined) setU32(heap.data, this.#serialAt, serialOf(fingerprint));
    bytes.set(heap.data.subarray(0, heap.length));
    const table = new Uint32Array(buffer, heapBytes, tableSlots);
    for (let node = 0; node < b.nodes; node++) {
      let slot = slotOf(b.nodeHash.data[node], tableSlots);
      while (table[slot] !== 0) slot = (slot + 1) & (tableSlots - 1);
      table[slot] = this.#place[node];
    }
    const serial = new DataView(buffer).getUint32(this.#serialAt);
    const { apex, steers, nodes } = b;
    const records = this.#records;
    const rotations = this.#rotations;
    return { apex, buffer, heapBytes, tableSlots, rotations, nodes, records, serial, fingerprint, steers };
  }

  #node(node: number): void {
    const b = this.#b;
    const heap = this.#heap;
    const name = b.nameOf(node);
    const at = heap.length;
    this.#place[node] = at;
    heap.reserve(NODE_HEADER + name.length);
    heap.data.fill(0, at, at + NODE_HEADER);
    heap.length += NODE_HEADER;
    heap.append(name, 0, name.length);
    let sets = 0;
    const done: number[] = [];
    for (let record = b.nodeFirst.data[node]; record >= 0; record = b.next.data[record]) {
      const type = b.type.data[record];
      if (done.includes(type)) continue;
      done.push(type);
      sets++;
      this.#set(record, type);
    }
    heap.data[at + 12] = sets;
    heap.data[at + 13] = name.length;
    setU32(heap.data, at + 8, heap.length - at);
  }

  #set(first: number, type: number): void {
    const b = this.#b;
    const heap = this.#heap;
    const records = this.#recordsOf(first, type);
    const at = heap.length;
    heap.reserve(SET_HEADER + records.length * 2);
    heap.length += SET_HEADER;
    const { data } = heap;
    const options = b.optionList[b.options.data[first]];
    const weighted = records.some((record) => b.weight.data[record] !== 1);
    setU16(data, at, type);
    setU16(data, at + 2, records.length);
    setU32(data, at + 4, Math.min(...records.slice(0, 1000).map((record) => b.ttl.data[record])));
    data[at + 12] = options.rotate;
    data[at + 13] = weighted ? 1 : 0;
    setU16(data, at + 14, options.answers);
    setU32(data, at + 16, this.#slot(first, type, records.length, options.rotate));
    if (weighted) {
      for (const record of records) {
        setU16(data, heap.length, b.weight.data[record]);
        heap.length += 2;
      }
    }
    for (const record of records) {
      const from = b.dataAt.data[record];
      const length = b.dataLength.data[record];
      heap.reserve(2 + length);
      setU16(heap.data, heap.length, length);
      heap.length += 2;
      heap.append(b.data.data, from, from + length);
    }
    if (type === TYPE.SOA) this.#serialAt = heap.length - 20;
    setU32(heap.data, at + 8, heap.length - at);
    this.#records += records.length;
  }

  /** The first counters belong to the steered sets, by their place in the list; of the others a set of one needs none. */
  #slot(first: number, type: number, count: number, rotate: number): number {
    if (type === TYPE.STEER) return this.#steerIndex(first);
    return rotate === ROTATE.rotate && count > 1 ? this.#rotations++ : 0;
  }

  #steerIndex(record: number): number {
    const at = this.#b.dataAt.data[record];
    return (this.#b.data.data[at] << 8) | this.#b.data.data[at + 1];
  }

  /** RFC 2181 §5: a set holds no record twice. */
  #recordsOf(first: number, type: number): number[] {
    const b = this.#b;
    const found: number[] = [];
    let seen: Set<string> | undefined;
    for (let record = first; record >= 0; record = b.next.data[record]) {
      if (b.type.data[record] !== type) continue;
      if (found.length >= MANY) {
        seen ??= new Set(found.map((other) => this.#text(other)));
        if (seen.has(this.#text(record))) continue;
        seen.add(this.#text(record));
      } else if (found.some((other) => this.#same(other, record))) continue;
      found.push(record);
    }
    return found;
  }

  #same(a: number, c: number): boolean {
    const b = this.#b;
    const length = b.dataLength.data[a];
    if (length !== b.dataLength.data[c]) return false;
    const { data } = b.data;
    const aAt = b.dataAt.data[a];
    const cAt = b.dataAt.data[c];
    for (let i = 0; i < length; i++) if (data[aAt + i] !== data[cAt + i]) return false;
    return true;
  }

  #text(record: number): string {
    const at = this.#b.dataAt.data[record];
    return this.#b.data.data.subarray(at, at + this.#b.dataLength.data[record]).join();
  }

  #link(node: number): void {
    const { data } = this.#heap;
    const at = this.#place[node];
    const cut = this.#cutOf(node);
    if (cut >= 0) setU32(data, at, this.#place[cut]);
    const name = this.#b.nameOf(node);
    const parent = this.#b.nodeParent.data[node];
    if (parent >= 0 && name[0] === 1 && name[1] === 42) setU32(data, this.#place[parent] + 4, at);
  }

  /** The delegation at or above a node, the highest one; -1 without any. */
  #cutOf(node: number): number {
    const known = this.#cut[node];
    if (known !== UNKNOWN) return known;
    const parent = this.#b.nodeParent.data[node];
    let cut = -1;
    if (parent >= 0) {
      cut = this.#cutOf(parent);
      if (cut < 0 && this.#b.has(node, TYPE.NS)) cut = node;
    }
    this.#cut[node] = cut;
    return cut;
  }

  #fingerprint(): string {
    const { data, length } = this.#heap;
    let a = 0x811c9dc5 | 0;
    let c = 0x1b873593 | 0;
    for (let i = 0; i < length; i++) {
      a = Math.imul(a ^ data[i], 0x01000193);
      c = (Math.imul(c ^ data[i], 0x5bd1e995) + 0x165667b1) | 0;
    }
    const steers = JSON.stringify(this.#b.steers);
    for (let i = 0; i < steers.length; i++) a = Math.imul(a ^ steers.charCodeAt(i), 0x01000193);
    return `${(a >>> 0).toString(16)}-${(c >>> 0).toString(16)}-${length}`;
  }
}
