// Owns signing answers while they are made (RFC 4034, RFC 4035): the RRSIG of a record set that was just written, and the NSEC
// record that denies one name or type and nothing else (RFC 4470's idea, in the compact form of RFC 9824). The key itself is behind
// `ZoneSigner`. Signatures are kept by what they sign, so that a set that is asked often is signed once a day.

import { Bytes, setU16, setU32, u16, u32 } from '../wire/bytes.ts';
import { LOWER, MAX_NAME } from '../wire/name.ts';
import { CLASS, TYPE } from '../wire/types.ts';
import type { Writer } from '../wire/writer.ts';
import type { ZoneSigner } from '../zone/zone.ts';

/** ECDSA P-256 with SHA-256. */
export const ALGORITHM = 13;
export const SIGNATURE_BYTES = 64;
/** "No such name", in the bitmap of a name that is denied (RFC 9824 §2). */
export const NXNAME = 128;
const DAY = 86_400;
/** From a day before the present one, for clocks that are behind, to a week after: every signature is good for six days at least. */
const VALID_DAYS = 8;
const MOST_KEPT = 20_000;
const FIXED_BYTES = 18;

export class Signing {
  #kept = new Map<string, Uint8Array>();
  #inception = 0;
  readonly #owner = new Uint8Array(MAX_NAME + 1);
  readonly #scratch = new Bytes(4096);

  /** Signs the records of one set that stand between `from` and the writer's place, and writes the RRSIG behind them. */
  sign(writer: Writer, from: number, apex: Uint8Array, signer: ZoneSigner, epochSeconds: number): void {
    const { out, start } = writer;
    const ownerLength = expand(out, start, from, this.#owner, 0);
    const owner = this.#owner;
    for (let i = 0; i < ownerLength; i++) owner[i] = LOWER[owner[i]];
    let at = skip(out, from);
    const type = u16(out, at);
    const ttl = u32(out, at + 4);
    const records = [this.#canonical(writer, type, at)];
    for (at += 10 + u16(out, at + 8); at < writer.at; at += 10 + u16(out, at + 8)) {
      at = skip(out, at);
      records.push(this.#canonical(writer, type, at));
    }
    records.sort(compare);
    const inception = (Math.floor(epochSeconds / DAY) - 1) * DAY;
    const fixed = new Uint8Array(FIXED_BYTES + apex.length);
    setU16(fixed, 0, type);
    fixed[2] = ALGORITHM;
    fixed[3] = labelsOf(owner);
    setU32(fixed, 4, ttl);
    setU32(fixed, 8, inception + VALID_DAYS * DAY);
    setU32(fixed, 12, inception);
    setU16(fixed, 16, signer.keyTag);
    fixed.set(apex, FIXED_BYTES);
    const signature = this.#signature(fixed, owner.subarray(0, ownerLength), records, signer, inception);
    writer.name(owner, 0);
    const data = new Uint8Array(fixed.length + SIGNATURE_BYTES);
    data.set(fixed);
    data.set(signature, fixed.length);
    writer.record(TYPE.RRSIG, ttl, data, 0, data.length);
  }

  #signature(
    fixed: Uint8Array,
    owner: Uint8Array,
    records: readonly Uint8Array[],
    signer: ZoneSigner,
    inception: number,
  ): Uint8Array {
    const head = new Uint8Array(8);
    head.set(fixed.subarray(0, 2));
    setU16(head, 2, CLASS.IN);
    head.set(fixed.subarray(4, 8), 4);
    const data = this.#scratch;
    data.length = 0;
    data.append(fixed, 0, fixed.length);
    for (const record of records) {
      data.append(owner, 0, owner.length);
      data.append(head, 0, head.length);
      data.append(Uint8Array.of(record.length >> 8, record.length), 0, 2);
      data.append(record, 0, record.length);
    }
    const signed = data.data.subarray(0, data.length);
    if (inception !== this.#inception || this.#kept.size >= MOST_KEPT) {
      this.#kept.clear();
      this.#inception = inception;
    }
    let key = `${signer.keyTag} `;
    for (let i = 0; i < signed.length; i += 4096) key += String.fromCharCode(...signed.subarray(i, i + 4096));
    let signature = this.#kept.get(key);
    if (signature === undefined) {
      signature = signer.sign(signed);
      this.#kept.set(key, signature);
    }
    return signature;
  }

  /** Data with its names whole, and in lower case for the types of RFC 6840 §5.1. `at`: the type behind the owner's name. */
  #canonical({ out, start }: Writer, type: number, at: number): Uint8Array {
    const data = at + 10;
    const end = data + u16(out, at + 8);
    const before = fixedBefore(type, out, data);
    if (before < 0) return out.slice(data, end);
    const buffer = new Uint8Array(end - data + 2 * MAX_NAME);
    buffer.set(out.subarray(data, data + before));
    let length = before;
    let from = data + before;
    for (let names = type === TYPE.SOA ? 2 : 1; names > 0; names--) {
      const added = expand(out, start, from, buffer, length);
      for (let i = length; i < length + added; i++) buffer[i] = LOWER[buffer[i]];
      length += added;
      from = skip(out, from);
    }
    buffer.set(out.subarray(from, end), length);
    return buffer.slice(0, length + end - from);
  }

  /** An NSEC record that says which types `name` has, and that nothing is between it and the next possible name. False: too long. */
  deny(writer: Writer, name: Uint8Array, length: number, types: readonly number[], ttl: number): boolean {
    if (length + 2 > MAX_NAME) return false;
    const bitmap = bitmapOf(types);
    const data = new Uint8Array(length + 2 + bitmap.length);
    data[0] = 1;
    data.set(name.subarray(0, length), 2);
    data.set(bitmap, length + 2);
    writer.name(name, 0);
    writer.record(TYPE.NSEC, ttl, data, 0, data.length);
    return true;
  }
}

/** Bytes before the name in the data of a type; -1 for types without names to write whole. */
function fixedBefore(type: number, out: Uint8Array, data: number): number {
  switch (type) {
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME:
    case TYPE.SOA:
      return 0;
    case TYPE.MX:
      return 2;
    case TYPE.SRV:
      return 6;
    case TYPE.NAPTR: {
      let at = data + 4;
      for (let strings = 0; strings < 3; strings++) at += 1 + out[at];
      return at - data;
    }
    default:
      return -1;
  }
}

/** RFC 4034 §4.1.2: windows of 256 types. */
function bitmapOf(types: readonly number[]): Uint8Array {
  const windows = new Map<number, Uint8Array>();
  for (const type of [...new Set(types)].sort((a, b) => a - b)) {
    const bits = windows.get(type >> 8) ?? new Uint8Array(32);
    windows.set(type >> 8, bits);
    bits[(type & 255) >> 3] |= 0x80 >> (type & 7);
  }
  const out: number[] = [];
  for (const [window, bits] of windows) {
    let length = 32;
    while (bits[length - 1] === 0) length--;
    out.push(window, length, ...bits.subarray(0, length));
  }
  return Uint8Array.from(out);
}

/** Without the root and a leading `*` (RFC 4034 §3.1.3). */
function labelsOf(name: Uint8Array): number {
  let count = name[0] === 1 && name[1] === 42 ? -1 : 0;
  for (let at = 0; name[at] !== 0; at += name[at] + 1) count++;
  return count;
}

/** Writes the name at `at` without pointers and returns its length. Of our own messages: pointers lead back. */
function expand(message: Uint8Array, start: number, at: number, out: Uint8Array, to: number): number {
  let position = at;
  let length = 0;
  for (;;) {
    const size = message[position];
    if (size >= 192) {
      position = start + (u16(message, position) & 0x3fff);
      continue;
    }
    for (let i = 0; i <= size; i++) out[to + length++] = message[position + i];
    if (size === 0) return length;
    position += size + 1;
  }
}

function skip(message: Uint8Array, at: number): number {
  let position = at;
  for (;;) {
    const size = message[position];
    if (size >= 192) return position + 2;
    position += size + 1;
    if (size === 0) return position;
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** RFC 4034 appendix B. */
export function keyTagOf(dnskey: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < dnskey.length; i++) sum += (i & 1) === 1 ? dnskey[i] : dnskey[i] << 8;
  return (sum + (sum >>> 16)) & 0xffff;
}
