// Owns writing one message into a given buffer: names with compression, records, and taking back what did not fit. It may write
// up to SLACK bytes beyond the limit before the caller sees that it is over. It decides nothing about what is written.

import { setU16, setU32, u16 } from './bytes.ts';
import { indexName, type Labels, LOWER, newLabels } from './name.ts';
import { HEADER_BYTES } from './query.ts';
import { CLASS, TYPE } from './types.ts';

/** Room that a buffer must have beyond the limit: the longest record header and two names. */
export const SLACK = 1024;
const MOST_KNOWN = 96;
const POINTABLE = 0x4000;
/** The question's name is the first of every message. */
const QUESTION_POINTER = 0xc000 | HEADER_BYTES;

export class Writer {
  out: Uint8Array = new Uint8Array(0);
  /** Where the message begins in `out`. */
  start = 0;
  at = 0;
  /** Where it must end. */
  limit = 0;
  /** Names that can be pointed to: place in the message and hash. */
  readonly #places = new Uint16Array(MOST_KNOWN);
  readonly #hashes = new Int32Array(MOST_KNOWN);
  #known = 0;
  readonly #labels: Labels = newLabels();

  begin(out: Uint8Array, start: number, limit: number): void {
    this.out = out;
    this.start = start;
    this.at = start;
    this.limit = limit;
    this.#known = 0;
  }

  get over(): boolean {
    return this.at > this.limit;
  }

  /** Gives up everything from a place on. */
  rollback(to: number): void {
    this.at = to;
    while (this.#known > 0 && this.#places[this.#known - 1] >= to - this.start) this.#known--;
  }

  u8(value: number): void {
    this.out[this.at++] = value;
  }

  u16(value: number): void {
    setU16(this.out, this.at, value);
    this.at += 2;
  }

  u32(value: number): void {
    setU32(this.out, this.at, value);
    this.at += 4;
  }

  copy(source: Uint8Array, from: number, to: number): void {
    const { out } = this;
    let { at } = this;
    if (to - from > 64) {
      out.set(source.subarray(from, to), at);
      at += to - from;
    } else for (let i = from; i < to; i++) out[at++] = source[i];
    this.at = at;
  }

  /** The question as it came, letters and all. Its name can be pointed to. */
  question(packet: Uint8Array, end: number, labels: Labels): void {
    this.copy(packet, HEADER_BYTES, end);
    this.#known = Math.min(labels.count, MOST_KNOWN);
    for (let i = 0; i < this.#known; i++) {
      this.#places[i] = HEADER_BYTES + labels.starts[i];
      this.#hashes[i] = labels.hashes[i];
    }
  }

  pointToQuestion(): void {
    this.u16(QUESTION_POINTER);
  }

  /** With a pointer to the longest part that was written before. */
  name(bytes: Uint8Array, from: number): void {
    const labels = this.#labels;
    indexName(bytes, from, labels);
    for (let i = 0; i < labels.count; i++) {
      const known = this.#find(bytes, from + labels.starts[i], labels.hashes[i]);
      if (known !== 0) return this.u16(0xc000 | known);
      const place = this.at - this.start;
      if (place < POINTABLE && this.#known < MOST_KNOWN) {
        this.#places[this.#known] = place;
        this.#hashes[this.#known++] = labels.hashes[i];
      }
      const start = from + labels.starts[i];
      this.copy(bytes, start, start + bytes[start] + 1);
    }
    this.u8(0);
  }

  #find(bytes: Uint8Array, at: number, hash: number): number {
    for (let i = 0; i < this.#known; i++) {
      if (this.#hashes[i] === hash && this.#isAt(this.#places[i], bytes, at)) return this.#places[i];
    }
    return 0;
  }

  /** Whether the name at a place of this message is the given one. Our own pointers lead only back, so it ends. */
  #isAt(place: number, bytes: Uint8Array, from: number): boolean {
    const { out, start } = this;
    let a = start + place;
    let b = from;
    for (;;) {
      let size = out[a];
      while (size >= 192) {
        a = start + (u16(out, a) & 0x3fff);
        size = out[a];
      }
      if (size !== bytes[b]) return false;
      if (size === 0) return true;
      for (let i = 1; i <= size; i++) if (LOWER[out[a + i]] !== LOWER[bytes[b + i]]) return false;
      a += size + 1;
      b += size + 1;
    }
  }

  /** Behind the owner's name. Names in the data are compressed where RFC 3597 §4 allows it. */
  record(type: number, ttl: number, data: Uint8Array, from: number, to: number): void {
    this.u16(type);
    this.u16(CLASS.IN);
    this.u32(ttl);
    const lengthAt = this.at;
    this.at += 2;
    this.#data(type, data, from, to);
    setU16(this.out, lengthAt, this.at - lengthAt - 2);
  }

  #data(type: number, data: Uint8Array, from: number, to: number): void {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
        return this.name(data, from);
      case TYPE.MX:
        this.copy(data, from, from + 2);
        return this.name(data, from + 2);
      case TYPE.SOA: {
        this.name(data, from);
        let second = from;
        while (data[second] !== 0) second += data[second] + 1;
        this.name(data, second + 1);
        return this.copy(data, to - 20, to);
      }
      default:
        this.copy(data, from, to);
    }
  }
}
