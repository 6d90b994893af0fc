// Owns turning the text of record data into bytes, type by type (RFC 1035 and the RFC of each type; RFC 3597 for all others).
// A fault is a text that reads on after the record: "... is no IPv4 address".

import { readIp } from '../../core/ip.ts';
import { Bytes } from './bytes.ts';
import { MAX_NAME, readEscape, readName } from './name.ts';
import { readSvcb } from './svcb.ts';
import type { Tokens } from './tokens.ts';
import { TYPE, typeName } from './types.ts';

const MAX_DATA = 65_535;

/** A sink for one record's data, and the words it is read from. */
export class RdataReader {
  readonly out = new Bytes(4096);
  readonly tokens: Tokens;
  readonly origin: Uint8Array | undefined;
  /** The next word. */
  at = 0;

  constructor(tokens: Tokens, origin: Uint8Array | undefined) {
    this.tokens = tokens;
    this.origin = origin;
  }

  get left(): number {
    return this.tokens.count - this.at;
  }

  word(): string {
    return this.tokens.word(this.at++);
  }

  number(what: string, most: number, bytes: 1 | 2 | 4): string {
    if (this.left === 0) return `needs ${what}`;
    const word = this.word();
    const value = Number(word);
    if (!/^\d{1,10}$/.test(word) || value > most) return `has "${word}" where ${what} belongs (0-${most})`;
    this.push(value, bytes);
    return '';
  }

  push(value: number, bytes: 1 | 2 | 4): void {
    const { out } = this;
    out.reserve(4);
    for (let shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.data[out.length++] = value >>> shift;
  }

  name(what: string): string {
    if (this.left === 0) return `needs ${what}`;
    const { tokens, out, at } = this;
    out.reserve(MAX_NAME + 1);
    const length = readName(tokens.text, tokens.starts[at], tokens.ends[at], this.origin, out.data, out.length);
    this.at++;
    if (typeof length === 'string') return `has "${tokens.word(at)}" as ${what}, which ${length}`;
    out.length += length;
    return '';
  }

  /** A string of at most 255 bytes with its length before it. */
  string(what: string): string {
    if (this.left === 0) return `needs ${what}`;
    const { out } = this;
    out.reserve(1);
    const lengthAt = out.length++;
    const fault = this.raw(this.tokens.starts[this.at], this.tokens.ends[this.at]);
    this.at++;
    if (fault !== '') return fault;
    const length = out.length - lengthAt - 1;
    if (length > 255) return `has ${what} of ${length} bytes; the most is 255`;
    out.data[lengthAt] = length;
    return '';
  }

  /** Characters as bytes, with their escapes. */
  raw(from: number, to: number): string {
    const { out, tokens } = this;
    out.reserve(to - from);
    for (let i = from; i < to; i++) {
      let code = tokens.text.charCodeAt(i);
      if (code === 92) {
        code = readEscape(tokens.text, i + 1, to);
        if (code < 0) return 'has a "\\" that escapes nothing';
        i += /\d/.test(tokens.text[i + 1]) ? 3 : 1;
      }
      out.data[out.length++] = code;
    }
    return '';
  }

  /** The remaining words as one hexadecimal text. */
  hex(what: string): string {
    let digits = '';
    while (this.left > 0) digits += this.word();
    if (digits === '' || digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return `needs ${what} in hexadecimal`;
    this.out.reserve(digits.length / 2);
    for (let i = 0; i < digits.length; i += 2)
      this.out.data[this.out.length++] = Number.parseInt(digits.slice(i, i + 2), 16);
    return '';
  }

  base64(what: string): string {
    let text = '';
    while (this.left > 0) text += this.word();
    if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return `needs ${what} in base64`;
    const bytes = atob(text);
    for (let i = 0; i < bytes.length; i++) this.push(bytes.charCodeAt(i), 1);
    return '';
  }
}

type Read = (r: RdataReader) => string;

const address =
  (length: 4 | 16): Read =>
  (r) => {
    const what = length === 4 ? 'an IPv4 address' : 'an IPv6 address';
    if (r.left === 0) return `needs ${what}`;
    const word = r.word();
    r.out.reserve(16);
    const target = r.out.data.subarray(r.out.length, r.out.length + 16);
    const colons = word.includes(':');
    const read = readIp(word, target);
    if (read === 0 || colons !== (length === 16)) return `has "${word}" where ${what} belongs`;
    if (read !== length) {
      // IPv4-mapped: read as IPv4, wanted as it was written.
      target.copyWithin(12, 0, 4);
      target.fill(0, 0, 10).fill(255, 10, 12);
    }
    r.out.length += length;
    return '';
  };

const all =
  (...parts: Read[]): Read =>
  (r) => {
    for (const part of parts) {
      const fault = part(r);
      if (fault !== '') return fault;
    }
    return '';
  };
const u8 =
  (what: string): Read =>
  (r) =>
    r.number(what, 255, 1);
const u16 =
  (what: string): Read =>
  (r) =>
    r.number(what, 65_535, 2);
const u32 =
  (what: string): Read =>
  (r) =>
    r.number(what, 4_294_967_295, 4);
const name =
  (what: string): Read =>
  (r) =>
    r.name(what);
const string =
  (what: string): Read =>
  (r) =>
    r.string(what);

const seconds =
  (what: string): Read =>
  (r) => {
    if (r.left === 0) return `needs ${what}`;
    const word = r.word();
    const value = readTtl(word);
    if (value < 0) return `has "${word}" where ${what} belongs`;
    r.push(value, 4);
    return '';
  };

const strings: Read = (r) => {
  if (r.left === 0) return 'needs a text';
  let fault = '';
  while (fault === '' && r.left > 0) fault = r.string('a text');
  return fault;
};

const caa: Read = (r) => {
  const fault = u8('flags')(r);
  if (fault !== '') return fault;
  if (r.left === 0 || !/^[A-Za-z0-9]+$/.test(r.tokens.word(r.at))) return 'needs a tag, such as issue';
  const tagFault = r.string('a tag');
  if (tagFault !== '') return tagFault;
  if (r.left === 0) return 'needs a value';
  const { starts, ends } = r.tokens;
  return r.raw(starts[r.at], ends[r.at++]);
};

const READERS = new Map<number, Read>([
  [TYPE.A, address(4)],
  [TYPE.AAAA, address(16)],
  [TYPE.NS, name('the name server')],
  [TYPE.CNAME, name('the target')],
  [TYPE.DNAME, name('the target')],
  [TYPE.PTR, name('the target')],
  [TYPE.MX, all(u16('a preference'), name('the mail server'))],
  [TYPE.TXT, strings],
  [TYPE.SPF, strings],
  [TYPE.HINFO, all(string('the CPU'), string('the system'))],
  [TYPE.SRV, all(u16('a priority'), u16('a weight'), u16('a port'), name('the target'))],
  [TYPE.CAA, caa],
  [
    TYPE.SOA,
    all(
      name('the primary server'),
      name('the mailbox of who is responsible'),
      u32('the serial'),
      seconds('the refresh time'),
      seconds('the retry time'),
      seconds('the expiry time'),
      seconds('the TTL of negative answers'),
    ),
  ],
  [
    TYPE.NAPTR,
    all(
      u16('an order'),
      u16('a preference'),
      string('flags'),
      string('a service'),
      string('an expression'),
      name('the replacement'),
    ),
  ],
  [TYPE.DS, all(u16('a key tag'), u8('an algorithm'), u8('a digest type'), (r) => r.hex('a digest'))],
  [TYPE.SSHFP, all(u8('an algorithm'), u8('a fingerprint type'), (r) => r.hex('a fingerprint'))],
  [TYPE.TLSA, all(u8('a usage'), u8('a selector'), u8('a matching type'), (r) => r.hex('a certificate'))],
  [TYPE.DNSKEY, all(u16('flags'), u8('a protocol'), u8('an algorithm'), (r) => r.base64('a key'))],
  [TYPE.HTTPS, readSvcb],
  [TYPE.SVCB, readSvcb],
]);

/** Types that a zone may not bring: meta types, and what signing makes. */
const REFUSED = new Map<number, string>([
  ...[TYPE.OPT, TYPE.TSIG, TYPE.IXFR, TYPE.AXFR, TYPE.MAILA, TYPE.MAILB, TYPE.ANY, TYPE.ALIAS, TYPE.STEER, 0].map(
    (type) => [type, 'is no type that a zone can hold'] as const,
  ),
  ...[TYPE.RRSIG, TYPE.NSEC, TYPE.NSEC3, TYPE.NSEC3PARAM].map(
    (type) => [type, 'belongs to a signed zone; leave it out, and let "dnssec: true" sign'] as const,
  ),
]);

/** Data of one record from the words at `reader.at` on, appended to `reader.out`. '' or the fault. */
export function readRdata(type: number, reader: RdataReader): string {
  const refused = REFUSED.get(type);
  if (refused !== undefined) return `of type ${typeName(type)} ${refused}`;
  const { tokens, out } = reader;
  const before = out.length;
  let fault: string;
  if (reader.left > 0 && tokens.is(reader.at, '\\#')) fault = unknown(reader);
  else {
    const read = READERS.get(type);
    fault =
      read === undefined ? `of type ${typeName(type)} must be written as \\# LENGTH HEX (RFC 3597)` : read(reader);
  }
  if (fault !== '') return fault;
  if (reader.left > 0) return `has "${tokens.word(reader.at)}" after its end`;
  return out.length - before > MAX_DATA ? `has ${out.length - before} bytes of data; the most is ${MAX_DATA}` : '';
}

function unknown(r: RdataReader): string {
  r.at++;
  const length = r.left === 0 ? NaN : Number(r.word());
  if (!Number.isInteger(length) || length < 0 || length > MAX_DATA) return 'needs the length of its data after \\#';
  const before = r.out.length;
  const fault = length === 0 && r.left === 0 ? '' : r.hex('its data');
  if (fault !== '') return fault;
  return r.out.length - before === length
    ? ''
    : `has ${r.out.length - before} bytes of data where ${length} are announced`;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `3600`, or with units as BIND has them: `1h30m`. -1 when it is none. At most 2^31 - 1 (RFC 2181 §8). */
export function readTtl(text: string): number {
  let total = 0;
  if (/^\d{1,10}$/.test(text)) total = Number(text);
  else {
    if (!/^(\d{1,10}[smhdw])+$/i.test(text)) return -1;
    for (const [, count, unit] of text.matchAll(/(\d+)([a-z])/gi)) total += Number(count) * UNITS[unit.toLowerCase()];
  }
  return total <= 0x7fffffff ? total : -1;
}
