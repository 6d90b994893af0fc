// Owns gathering the records of one zone, in any order, with little memory: names and data go into growing buffers, links
// between them are numbers. Makes every name between a record and the apex a node (RFC 4592 §2.2.2). `layout.ts` makes the image.

import { Bytes } from '../wire/bytes.ts';
import { indexName, isWithin, type Labels, newLabels } from '../wire/name.ts';
import type { SteerSpec } from './image.ts';

/** Numbers that grow. */
export class Ints {
  data: Int32Array;
  length = 0;

  constructor(capacity = 256) {
    this.data = new Int32Array(capacity);
  }

  push(value: number): number {
    if (this.length === this.data.length) {
      const grown = new Int32Array(this.data.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length] = value;
    return this.length++;
  }
}

export interface SetOptions {
  readonly rotate: 0 | 1 | 2;
  /** 0: all. */
  readonly answers: number;
}

/** Something wrong with the zone as a whole, at the record of this origin. */
export interface ZoneFault {
  /** Line of the zone file; of inline records the place in their list, as -1 - place; 0 for the zone. */
  readonly origin: number;
  readonly message: string;
}

export class ZoneBuilder {
  readonly apex: Uint8Array;
  /** Length and bytes of each name. */
  readonly names = new Bytes(4096);
  readonly nodeName = new Ints();
  readonly nodeHash = new Ints();
  readonly nodeParent = new Ints();
  readonly nodeFirst = new Ints();
  readonly nodeLast = new Ints();
  readonly type = new Ints();
  readonly ttl = new Ints();
  /** Place of the data, and its length. */
  readonly dataAt = new Ints();
  readonly dataLength = new Ints();
  readonly next = new Ints();
  readonly origin = new Ints();
  readonly weight = new Ints();
  readonly options = new Ints();
  readonly data = new Bytes(4096);
  readonly optionList: SetOptions[] = [];
  readonly steers: SteerSpec[] = [];
  #table = new Int32Array(1024);
  readonly #labels: Labels = newLabels();
  #lastNode = -1;

  /** `apex` in lower case. */
  constructor(apex: Uint8Array, defaults: SetOptions) {
    this.apex = apex;
    this.optionList.push(defaults);
    indexName(apex, 0, this.#labels);
    this.#make(apex, 0, apex.length, this.#labels.hashes[0]);
  }

  get nodes(): number {
    return this.nodeName.length;
  }

  get records(): number {
    return this.type.length;
  }

  addOptions(options: SetOptions): number {
    return this.optionList.push(options) - 1;
  }

  /** `owner` in lower case. False when it is outside the zone. */
  add(
    owner: Uint8Array,
    type: number,
    ttl: number,
    data: Uint8Array,
    from: number,
    to: number,
    origin: number,
    options = 0,
    weight = 1,
  ): boolean {
    const node = this.#sameAsLast(owner) ? this.#lastNode : isWithin(owner, this.apex) ? this.#node(owner) : -1;
    if (node < 0) return false;
    this.#lastNode = node;
    const record = this.type.push(type);
    this.ttl.push(ttl);
    this.dataAt.push(this.data.append(data, from, to));
    this.dataLength.push(to - from);
    this.next.push(-1);
    this.origin.push(origin);
    this.options.push(options);
    this.weight.push(weight);
    if (this.nodeFirst.data[node] < 0) this.nodeFirst.data[node] = record;
    else this.next.data[this.nodeLast.data[node]] = record;
    this.nodeLast.data[node] = record;
    return true;
  }

  #sameAsLast(owner: Uint8Array): boolean {
    return this.#lastNode >= 0 && this.#isNamed(this.#lastNode, owner, 0, owner.length);
  }

  /** -1 when there is none. */
  find(name: Uint8Array): number {
    indexName(name, 0, this.#labels);
    return this.#lookup(name, 0, name.length, this.#labels.hashes[0]);
  }

  nameOf(node: number): Uint8Array {
    const at = this.nodeName.data[node];
    return this.names.data.subarray(at + 1, at + 1 + this.names.data[at]);
  }

  has(node: number, type: number): boolean {
    return this.first(node, type) >= 0;
  }

  /** The node's first record of a type; -1 without any. */
  first(node: number, type: number): number {
    let record = this.nodeFirst.data[node];
    while (record >= 0 && this.type.data[record] !== type) record = this.next.data[record];
    return record;
  }

  #node(owner: Uint8Array): number {
    const labels = this.#labels;
    indexName(owner, 0, labels);
    const { starts, hashes } = labels;
    let child = -1;
    let first = -1;
    for (let i = 0; ; i++) {
      const from = starts[i];
      let node = this.#lookup(owner, from, owner.length, hashes[i]);
      const known = node >= 0;
      if (!known) node = this.#make(owner, from, owner.length, hashes[i]);
      if (child >= 0) this.nodeParent.data[child] = node;
      if (first < 0) first = node;
      if (known) return first;
      child = node;
    }
  }

  #lookup(name: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const node = this.#table[slot] - 1;
      if (node < 0) return -1;
      if (this.nodeHash.data[node] === hash && this.#isNamed(node, name, from, to)) return node;
    }
  }

  #isNamed(node: number, name: Uint8Array, from: number, to: number): boolean {
    const { data } = this.names;
    const at = this.nodeName.data[node];
    if (data[at] !== to - from) return false;
    for (let i = from; i < to; i++) if (data[at + 1 + i - from] !== name[i]) return false;
    return true;
  }

  #make(name: Uint8Array, from: number, to: number, hash: number): number {
    if (this.nodeName.length * 2 >= this.#table.length) this.#grow();
    this.names.reserve(1);
    this.names.data[this.names.length] = to - from;
    const node = this.nodeName.push(this.names.length++);
    this.names.append(name, from, to);
    this.nodeHash.push(hash);
    this.nodeParent.push(-1);
    this.nodeFirst.push(-1);
    this.nodeLast.push(-1);
    this.#insert(node, hash);
    return node;
  }

  #insert(node: number, hash: number): void {
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = node + 1;
  }

  #grow(): void {
    this.#table = new Int32Array(this.#table.length * 4);
    for (let node = 0; node < this.nodeName.length; node++) this.#insert(node, this.nodeHash.data[node]);
  }
}
