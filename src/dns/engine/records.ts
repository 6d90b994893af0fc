// Owns writing whole record sets: the order of their records (rotating, shuffled, by weight), how many of them, and their TTL.
// A set is written whole or not at all.

import type { Random } from '../../core/env.ts';
import { u16 } from '../wire/bytes.ts';
import { SLACK, type Writer } from '../wire/writer.ts';
import { ROTATE } from '../zone/image.ts';
import type { Zone } from '../zone/zone.ts';

/** Who owns the records: the question's name, or one in `bytes` at `at`. */
export interface Owner {
  /** Undefined: the question's name. */
  bytes: Uint8Array | undefined;
  at: number;
}

export class SetWriter {
  readonly writer: Writer;
  readonly #random: Random;
  /** Places of the records of a set that is put in order. */
  #places = new Uint32Array(64);
  #weights = new Float64Array(64);

  constructor(writer: Writer, random: Random) {
    this.writer = writer;
    this.#random = random;
  }

  /** Writes the set and returns how many records; -1 when they did not fit, and then nothing is written. */
  write(zone: Zone, set: number, owner: Owner, ttl = zone.ttl(set)): number {
    const count = zone.count(set);
    const type = zone.type(set);
    const before = this.writer.at;
    if (count === 1) {
      this.#record(zone, zone.dataOf(set), type, owner, ttl);
      return this.#fits(before) ? 1 : -1;
    }
    const most = zone.answers(set) === 0 ? (zone.weighted(set) ? 1 : count) : Math.min(zone.answers(set), count);
    const rotate = zone.rotate(set);
    if (zone.weighted(set)) this.#byWeight(zone, set, count, most);
    else if (rotate === ROTATE.shuffle) this.#shuffled(zone, set, count, most);
    else {
      const first = rotate === ROTATE.rotate ? zone.turn(zone.slot(set)) % count : 0;
      return this.#inTurn(zone, set, first, most, owner, ttl);
    }
    for (let i = 0; i < most; i++) {
      this.#record(zone, this.#places[i], type, owner, ttl);
      if (this.writer.over) break;
    }
    return this.#fits(before) ? most : -1;
  }

  /** From the record `first` on, and round. */
  #inTurn(zone: Zone, set: number, first: number, most: number, owner: Owner, ttl: number): number {
    const { bytes } = zone;
    const before = this.writer.at;
    const count = zone.count(set);
    const type = zone.type(set);
    const start = zone.dataOf(set);
    let at = start;
    for (let i = 0; i < first; i++) at += 2 + u16(bytes, at);
    for (let i = 0; i < most; i++) {
      if (first + i === count) at = start;
      this.#record(zone, at, type, owner, ttl);
      if (this.writer.over) break;
      at += 2 + u16(bytes, at);
    }
    return this.#fits(before) ? most : -1;
  }

  #fits(before: number): boolean {
    if (!this.writer.over) return true;
    this.writer.rollback(before);
    // A message that is over once stays so for this set only.
    return false;
  }

  /** The record at a place: its length, then its data. */
  #record(zone: Zone, place: number, type: number, owner: Owner, ttl: number): void {
    const length = u16(zone.bytes, place);
    const { writer } = this;
    this.owner(owner);
    // More than the slack cannot be written to see whether it fits; names shrink by less than that.
    if (writer.at + length > writer.limit + SLACK - 600) {
      writer.at = writer.limit + 1;
      return;
    }
    writer.record(type, ttl, zone.bytes, place + 2, place + 2 + length);
  }

  owner({ bytes, at }: Owner): void {
    if (bytes === undefined) this.writer.pointToQuestion();
    else this.writer.name(bytes, at);
  }

  #collect(zone: Zone, set: number, count: number): void {
    if (this.#places.length < count) {
      this.#places = new Uint32Array(count * 2);
      this.#weights = new Float64Array(count * 2);
    }
    let at = zone.dataOf(set);
    for (let i = 0; i < count; i++) {
      this.#places[i] = at;
      at += 2 + u16(zone.bytes, at);
    }
  }

  /** Fisher and Yates, as far as it is needed. */
  #shuffled(zone: Zone, set: number, count: number, most: number): void {
    this.#collect(zone, set, count);
    for (let i = 0; i < most && i < count - 1; i++) this.#swap(i, i + Math.floor(this.#random.unit() * (count - i)));
  }

  /** Each next one among those left with a chance by its weight; those of weight 0 come last. */
  #byWeight(zone: Zone, set: number, count: number, most: number): void {
    this.#collect(zone, set, count);
    let total = 0;
    for (let i = 0; i < count; i++) total += this.#weights[i] = zone.weight(set, i);
    for (let i = 0; i < most; i++) {
      let point = this.#random.unit() * total;
      let pick = i;
      while (pick < count - 1 && point >= this.#weights[pick]) point -= this.#weights[pick++];
      total -= this.#weights[pick];
      this.#swap(i, pick);
    }
  }

  #swap(a: number, b: number): void {
    const place = this.#places[a];
    this.#places[a] = this.#places[b];
    this.#places[b] = place;
    const weight = this.#weights[a];
    this.#weights[a] = this.#weights[b];
    this.#weights[b] = weight;
  }
}
