// Owns reading field sections of one connection (RFC 7541): the dynamic table that the peer fills, and the fields of a block.
// The table stays right whatever becomes of the fields, because the next block depends on it. Bounded in what it keeps and
// in what it hands out.

import { decodeHuffman } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** What an entry costs beside its bytes (RFC 7541 §4.1). */
const ENTRY_BYTES = 32;
const STATIC = STATIC_TABLE.length;
const MOST_INTEGER = 2 ** 24;

export type BlockFault = 'broken' | 'too-large';

export class HpackDecoder {
  readonly #maxTableBytes: number;
  /** The newest last. */
  #names: string[] = [];
  #values: string[] = [];
  #first = 0;
  #bytes = 0;
  #limit: number;
  /** Names and values in turn, of the block read last. */
  fields: string[] = [];
  #at = 0;

  /** `maxTableBytes`: what SETTINGS_HEADER_TABLE_SIZE told the peer. */
  constructor(maxTableBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.#limit = maxTableBytes;
  }

  /** `too-large`: more than `mostBytes` or `mostFields` (RFC 9113 §6.5.2 counts); the table is right all the same. */
  decode(block: Uint8Array, start: number, end: number, mostBytes: number, mostFields: number): BlockFault | undefined {
    const fields: string[] = [];
    this.fields = fields;
    this.#at = start;
    let bytes = 0;
    let tooLarge = false;
    while (this.#at < end) {
      const byte = block[this.#at];
      let name: string | undefined;
      let value: string | undefined;
      if (byte >= 0x80) {
        const index = this.#integer(block, end, 7);
        if (index <= 0) return 'broken';
        if (index < STATIC) [name, value] = STATIC_TABLE[index];
        else {
          const at = this.#slot(index);
          if (at < 0) return 'broken';
          name = this.#names[at];
          value = this.#values[at];
        }
      } else if (byte >= 0x20 && byte < 0x40) {
        // An update of the size comes first in a block (RFC 7541 §4.2).
        const size = this.#integer(block, end, 5);
        if (size < 0 || size > this.#maxTableBytes || fields.length > 0 || tooLarge) return 'broken';
        this.#limit = size;
        this.#evict();
        continue;
      } else {
        const indexed = byte >= 0x40;
        const index = this.#integer(block, end, indexed ? 6 : 4);
        if (index < 0) return 'broken';
        if (index === 0) name = this.#string(block, end);
        else if (index < STATIC) name = STATIC_TABLE[index][0];
        else {
          const at = this.#slot(index);
          if (at < 0) return 'broken';
          name = this.#names[at];
        }
        if (name === undefined) return 'broken';
        value = this.#string(block, end);
        if (value === undefined) return 'broken';
        if (indexed) this.#insert(name, value);
      }
      bytes += name.length + value.length + ENTRY_BYTES;
      if (bytes > mostBytes || fields.length >= mostFields * 2) tooLarge = true;
      else fields.push(name, value);
    }
    return tooLarge ? 'too-large' : undefined;
  }

  /** Where a dynamic index stands in the arrays; -1 when nothing does. */
  #slot(index: number): number {
    const at = this.#names.length - 1 - (index - STATIC);
    return at >= this.#first ? at : -1;
  }

  #insert(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
    this.#bytes += name.length + value.length + ENTRY_BYTES;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#limit) {
      this.#bytes -= this.#names[this.#first].length + this.#values[this.#first].length + ENTRY_BYTES;
      this.#names[this.#first] = '';
      this.#values[this.#first] = '';
      this.#first++;
    }
    if (this.#first < 64 || this.#first * 2 < this.#names.length) return;
    this.#names = this.#names.slice(this.#first);
    this.#values = this.#values.slice(this.#first);
    this.#first = 0;
  }

  /** RFC 7541 §5.1; -1 when it does not end or is larger than anything sensible. */
  #integer(block: Uint8Array, end: number, prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = block[this.#at++] & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < end; shift += 7) {
      const byte = block[this.#at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (value > MOST_INTEGER || shift > 21) return -1;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #string(block: Uint8Array, end: number): string | undefined {
    if (this.#at >= end) return undefined;
    const coded = block[this.#at] >= 0x80;
    const length = this.#integer(block, end, 7);
    const start = this.#at;
    if (length < 0 || start + length > end) return undefined;
    this.#at = start + length;
    if (coded) return decodeHuffman(block, start, this.#at);
    return (block as Buffer).latin1Slice(start, this.#at);
  }
}
