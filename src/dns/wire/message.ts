// Owns reading a whole DNS message into text: for people who ask what would be answered. The data path never does. Of what is
// malformed it reads what stands before the fault.

import { formatIp } from '../../core/ip.ts';
import { u16, u32 } from './bytes.ts';
import { formatName } from './name.ts';
import { rcodeName, TYPE, typeName } from './types.ts';

export interface MessageRecord {
  readonly name: string;
  readonly ttl: number;
  readonly type: string;
  /** As a zone file has it; RFC 3597 form for types that are not known here. */
  readonly data: string;
}

export interface Message {
  readonly rcode: string;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly answer: readonly MessageRecord[];
  readonly authority: readonly MessageRecord[];
  readonly additional: readonly MessageRecord[];
}

const MOST_JUMPS = 32;

export function readMessage(bytes: Uint8Array, length: number): Message {
  const reader = new Reader(bytes.subarray(0, length));
  const flags = u16(bytes, 2);
  const counts = [4, 6, 8, 10].map((at) => u16(bytes, at));
  reader.at = 12;
  for (let i = 0; i < counts[0]; i++) {
    reader.name();
    reader.at += 4;
  }
  const [answer, authority, additional] = counts.slice(1).map((count) => reader.records(count));
  return {
    rcode: rcodeName(flags & 15),
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    answer,
    authority,
    additional: additional.filter(({ type }) => type !== 'OPT'),
  };
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  records(count: number): MessageRecord[] {
    const records: MessageRecord[] = [];
    for (let i = 0; i < count && this.at + 11 <= this.#bytes.length; i++) {
      const name = this.name();
      const type = u16(this.#bytes, this.at);
      const ttl = u32(this.#bytes, this.at + 4);
      const end = this.at + 10 + u16(this.#bytes, this.at + 8);
      this.at += 10;
      records.push({ name, ttl, type: typeName(type), data: this.#data(type, Math.min(end, this.#bytes.length)) });
      this.at = end;
    }
    return records;
  }

  /** Follows pointers, and goes on behind the first one. */
  name(): string {
    const wire: number[] = [];
    let from = this.at;
    let after = -1;
    for (let jumps = 0; jumps < MOST_JUMPS && from < this.#bytes.length; ) {
      const size = this.#bytes[from];
      if (size >= 0xc0) {
        if (after < 0) after = from + 2;
        from = u16(this.#bytes, from) & 0x3fff;
        jumps++;
        continue;
      }
      wire.push(...this.#bytes.subarray(from, from + 1 + size));
      from += 1 + size;
      if (size === 0) break;
    }
    this.at = after < 0 ? from : after;
    return formatName(Uint8Array.from(wire));
  }

  #data(type: number, end: number): string {
    const bytes = this.#bytes;
    const number = (): number => {
      this.at += 2;
      return u16(bytes, this.at - 2);
    };
    switch (type) {
      case TYPE.A:
        return formatIp(bytes, this.at, 4);
      case TYPE.AAAA:
        return formatIp(bytes, this.at, 16);
      case TYPE.CNAME:
      case TYPE.NS:
      case TYPE.PTR:
        return this.name();
      case TYPE.MX:
        return `${number()} ${this.name()}`;
      case TYPE.SRV:
        return `${number()} ${number()} ${number()} ${this.name()}`;
      case TYPE.TXT:
        return this.#strings(end);
      case TYPE.SOA: {
        const names = `${this.name()} ${this.name()}`;
        const numbers = [0, 4, 8, 12, 16].map((offset) => u32(bytes, this.at + offset));
        return `${names} ${numbers.join(' ')}`;
      }
      default:
        return `\\# ${end - this.at} ${hex(bytes.subarray(this.at, end))}`;
    }
  }

  #strings(end: number): string {
    const parts: string[] = [];
    for (let at = this.at; at < end; at += 1 + this.#bytes[at]) {
      const text = Array.from(this.#bytes.subarray(at + 1, at + 1 + this.#bytes[at]), escaped).join('');
      parts.push(`"${text}"`);
    }
    return parts.join(' ');
  }
}

/** RFC 1035 §5.1. */
function escaped(byte: number): string {
  if (byte === 34 || byte === 92) return `\\${String.fromCharCode(byte)}`;
  return byte < 32 || byte > 126 ? `\\${String(byte).padStart(3, '0')}` : String.fromCharCode(byte);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
