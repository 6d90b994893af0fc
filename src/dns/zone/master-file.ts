// Owns reading RFC 1035 master files into a builder: $ORIGIN, $TTL, owners, TTLs and classes left out, BIND's units. Every fault
// has line and column; reading goes on behind it, so that one run shows them all. $INCLUDE is refused: a file is one zone's.

import { LOWER, MAX_NAME, readName } from '../wire/name.ts';
import { RdataReader, readRdata, readTtl } from '../wire/rdata.ts';
import { Tokens } from '../wire/tokens.ts';
import { TYPE, typeCode, typeName } from '../wire/types.ts';
import type { ZoneBuilder } from './builder.ts';

export interface FileFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const MOST_FAULTS = 20;

/** Text with one character a byte. `ttl` holds until the file says another. */
export function readMasterFile(text: string, builder: ZoneBuilder, ttl: number): FileFault[] {
  return new Reader(text, builder, ttl).read();
}

class Reader {
  readonly #tokens: Tokens;
  readonly #builder: ZoneBuilder;
  readonly #faults: FileFault[] = [];
  #origin: Uint8Array;
  #ttl: number;
  /** Of the record before, for those that say none when there is no $TTL (RFC 1035 §5.1). */
  #lastTtl = -1;
  #hasTtl = false;
  #hasOwner = false;
  readonly #owner = new Uint8Array(MAX_NAME + 1);
  #ownerLength = 0;
  #ownerName: Uint8Array = new Uint8Array(0);
  #rdata: RdataReader;

  constructor(text: string, builder: ZoneBuilder, ttl: number) {
    this.#tokens = new Tokens(text);
    this.#builder = builder;
    this.#origin = builder.apex;
    this.#ttl = ttl;
    this.#rdata = new RdataReader(this.#tokens, this.#origin);
  }

  read(): FileFault[] {
    const tokens = this.#tokens;
    while (this.#faults.length < MOST_FAULTS && tokens.next()) this.#entry();
    if (tokens.fault !== '') this.#fault(tokens.faultAt, tokens.fault);
    return this.#faults;
  }

  #fault(at: number, message: string): void {
    const tokens = this.#tokens;
    this.#faults.push({ line: tokens.lineOf(at), column: tokens.columnOf(at), message });
  }

  #faultAtWord(index: number, message: string): void {
    const tokens = this.#tokens;
    this.#fault(index < tokens.count ? tokens.starts[index] : tokens.ends[tokens.count - 1], message);
  }

  #entry(): void {
    const tokens = this.#tokens;
    if (!tokens.indented && tokens.text.charCodeAt(tokens.starts[0]) === 36 && !tokens.quoted[0]) {
      this.#directive(tokens.word(0).toUpperCase());
      return;
    }
    let at = 0;
    if (!tokens.indented) {
      if (!this.#readOwner()) return;
      at = 1;
    } else if (!this.#hasOwner) return this.#faultAtWord(0, 'has no owner, and there is no record before it');
    this.#record(at);
  }

  #directive(word: string): void {
    const tokens = this.#tokens;
    if (word === '$INCLUDE') return this.#faultAtWord(0, '$INCLUDE is not supported: put the records into this file');
    if (word !== '$ORIGIN' && word !== '$TTL')
      return this.#faultAtWord(0, `${word} is not known; $ORIGIN and $TTL are`);
    if (tokens.count !== 2) return this.#faultAtWord(tokens.count > 2 ? 2 : 1, `${word} needs one value`);
    if (word === '$TTL') {
      const ttl = readTtl(tokens.word(1));
      if (ttl < 0) return this.#faultAtWord(1, `"${tokens.word(1)}" is no TTL`);
      this.#ttl = ttl;
      this.#hasTtl = true;
      return;
    }
    const out = new Uint8Array(MAX_NAME + 1);
    const length = readName(tokens.text, tokens.starts[1], tokens.ends[1], this.#origin, out, 0);
    if (typeof length === 'string') return this.#faultAtWord(1, `$ORIGIN ${length}`);
    this.#origin = out.slice(0, length);
    const reader = new RdataReader(tokens, this.#origin);
    this.#rdata = reader;
  }

  #readOwner(): boolean {
    const tokens = this.#tokens;
    const owner = this.#owner;
    const length = readName(tokens.text, tokens.starts[0], tokens.ends[0], this.#origin, owner, 0);
    this.#hasOwner = typeof length !== 'string';
    if (typeof length === 'string') {
      this.#faultAtWord(0, `the owner "${tokens.word(0)}" ${length}`);
      return false;
    }
    for (let i = 0; i < length; i++) owner[i] = LOWER[owner[i]];
    this.#ownerLength = length;
    this.#ownerName = owner.subarray(0, this.#ownerLength);
    return true;
  }

  #record(from: number): void {
    const tokens = this.#tokens;
    let at = from;
    let ttl = -1;
    let type: number | undefined;
    // TTL and class come in any order, and both may be left out.
    for (; at < tokens.count; at++) {
      const word = tokens.word(at);
      const first = word.charCodeAt(0);
      if (first >= 48 && first <= 57 && ttl < 0) {
        ttl = readTtl(word);
        if (ttl < 0) return this.#faultAtWord(at, `"${word}" is no TTL`);
      } else if (tokens.is(at, 'IN')) continue;
      else if (tokens.is(at, 'CH') || tokens.is(at, 'HS') || tokens.is(at, 'CS'))
        return this.#faultAtWord(at, `is of class ${word.toUpperCase()}; only IN is served`);
      else {
        type = typeCode(word);
        if (type === undefined) return this.#faultAtWord(at, `"${word}" is no record type`);
        break;
      }
    }
    if (type === undefined) return this.#faultAtWord(at, 'needs a record type');
    this.#data(at + 1, type, ttl);
  }

  #data(at: number, type: number, given: number): void {
    const reader = this.#rdata;
    reader.at = at;
    reader.out.length = 0;
    const fault = readRdata(type, reader);
    if (fault !== '')
      return this.#faultAtWord(
        Math.max(at, reader.at - (fault.startsWith('needs') ? 0 : 1)),
        `${typeName(type)} ${fault}`,
      );
    const { data, length } = reader.out;
    const ttl =
      given >= 0 ? given : this.#hasTtl || this.#lastTtl < 0 ? this.#ttlOf(type, data, length) : this.#lastTtl;
    this.#lastTtl = ttl;
    if (!this.#builder.add(this.#ownerName, type, ttl, data, 0, length, this.#tokens.line))
      this.#faultAtWord(0, 'is outside the zone');
  }

  /** Without any TTL so far, a SOA's minimum serves, as servers have always read old files. */
  #ttlOf(type: number, data: Uint8Array, length: number): number {
    if (this.#hasTtl || type !== TYPE.SOA) return this.#ttl;
    return (
      ((data[length - 4] << 24) | (data[length - 3] << 16) | (data[length - 2] << 8) | data[length - 1]) & 0x7fffffff
    );
  }
}
