// Owns a zone transfer (RFC 5936) as a row of messages: the SOA, every other record, the SOA again. IXFR gets the same (RFC 1995 §4
// allows it), or the SOA alone when nothing is new. Steered sets go out as the addresses that a client of unknown place would get now;
// ALIAS as its addresses now. What a secondary serves from it is as of the transfer.

import { setU16, u16 } from '../wire/bytes.ts';
import { HEADER_BYTES, type Query } from '../wire/query.ts';
import { FLAG, TYPE } from '../wire/types.ts';
import { SLACK } from '../wire/writer.ts';
import type { Zone, ZoneSet } from '../zone/zone.ts';
import type { Lookup } from './lookup.ts';

/** A message is closed when it has so much; a single record may go beyond. */
const MESSAGE_BYTES = 16 * 1024;
const LARGEST = 65_535;

export class Transfer {
  readonly zone: Zone;
  readonly #zones: ZoneSet;
  readonly #id: number;
  readonly #rd: number;
  readonly #question: Uint8Array;
  readonly #upToDate: boolean;
  #begun = false;
  #node: number;
  #left: number;
  #set: number;
  #data = 0;
  /** Of the set, this one and those behind it. */
  #records = 0;
  /** The record in hand is to be written again. */
  #retry = false;
  done = false;

  /** `packet` holds the query until the constructor returns. */
  constructor(zones: ZoneSet, zone: Zone, query: Query, packet: Uint8Array) {
    this.zone = zone;
    this.#zones = zones;
    this.#id = query.id;
    this.#rd = query.flags & FLAG.rd;
    this.#question = packet.slice(0, query.questionEnd);
    this.#upToDate = query.type === TYPE.IXFR && ((query.serial - zone.image.serial) | 0) >= 0;
    this.#node = zone.apexNode;
    this.#left = zone.setCount(this.#node);
    this.#set = zone.firstSet(this.#node);
  }

  /** Writes the next message into `out` at `at` (room for LARGEST and SLACK) and returns its length; 0 when all are written. */
  next(out: Uint8Array, at: number, lookup: Lookup): number {
    if (this.done) return 0;
    const { writer } = lookup;
    writer.begin(out, at, at + LARGEST);
    writer.at += HEADER_BYTES;
    writer.copy(this.#question, HEADER_BYTES, this.#question.length);
    let answers = 0;
    if (!this.#begun) {
      this.#begun = true;
      this.#soa(lookup);
      answers++;
      if (this.#upToDate) this.done = true;
    }
    while (!this.done && writer.at - at < MESSAGE_BYTES) {
      const before = writer.at;
      const written = this.#more(lookup);
      if (writer.over) {
        // One record that does not fit beside others begins the next message.
        writer.rollback(before);
        this.#retry = true;
        break;
      }
      answers += written;
    }
    setU16(out, at, this.#id);
    setU16(out, at + 2, FLAG.qr | FLAG.aa | this.#rd);
    setU16(out, at + 4, 1);
    setU16(out, at + 6, answers);
    setU16(out, at + 8, 0);
    setU16(out, at + 10, 0);
    return writer.at - at;
  }

  #soa({ writer }: Lookup): void {
    const { zone } = this;
    const data = zone.dataOf(zone.soa);
    writer.name(zone.apex, 0);
    writer.record(TYPE.SOA, zone.ttl(zone.soa), zone.bytes, data + 2, data + 2 + u16(zone.bytes, data));
  }

  /** One record, or one chosen set. Returns how many records were written. */
  #more(lookup: Lookup): number {
    const { zone } = this;
    if (this.#retry) {
      this.#retry = false;
      return this.#write(lookup);
    }
    if (this.#records > 0) {
      this.#records--;
      this.#data += 2 + u16(zone.bytes, this.#data);
      if (this.#records > 0) return this.#write(lookup);
      this.#set = zone.nextSet(this.#set);
      this.#left--;
    }
    while (this.#left === 0) {
      this.#node = zone.nextNode(this.#node);
      if (this.#node === 0) {
        this.#soa(lookup);
        this.done = true;
        return 1;
      }
      this.#left = zone.setCount(this.#node);
      this.#set = zone.firstSet(this.#node);
    }
    this.#records = zone.count(this.#set);
    this.#data = zone.dataOf(this.#set);
    return this.#write(lookup);
  }

  #write(lookup: Lookup): number {
    const { zone } = this;
    const type = zone.type(this.#set);
    if (type === TYPE.SOA) return 0;
    const name = zone.nameOf(this.#node);
    const { writer } = lookup;
    if (type === TYPE.STEER || type === TYPE.ALIAS) return this.#chosen(lookup);
    const length = u16(zone.bytes, this.#data);
    if (writer.at + length > writer.limit + SLACK - 600) {
      writer.at = writer.limit + 1;
      return 0;
    }
    writer.name(zone.bytes, name);
    writer.record(type, zone.ttl(this.#set), zone.bytes, this.#data + 2, this.#data + 2 + length);
    return 1;
  }

  #chosen({ aliases, writer }: Lookup): number {
    const written = aliases.addressesOf(this.#zones, this.zone, this.#node, this.#set);
    if (written < 0) writer.at = writer.limit + 1;
    return Math.max(0, written);
  }
}
