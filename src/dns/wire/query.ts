// Owns reading a query: header, one question, and what may follow (EDNS, and for IXFR the client's SOA). Strict about bounds and
// form, and it never throws: whatever the bytes, the outcome is one of a few words. One Query is filled again and again.

import { u16, u32 } from './bytes.ts';
import { EdnsIn, readOptions } from './edns.ts';
import { hashLabels, type Labels, LOWER, MAX_NAME, newLabels } from './name.ts';
import { FLAG, OPCODE, TYPE } from './types.ts';

export const HEADER_BYTES = 12;

/** `drop`: it deserves no answer. `header`: an error that can be answered with the header alone. */
export type Reading = 'ok' | 'drop' | 'formerr' | 'notimp';

export class Query {
  id = 0;
  flags = 0;
  opcode = 0;
  type = 0;
  class = 0;
  /** The question's name in lower case. */
  readonly name = new Uint8Array(MAX_NAME + 1);
  nameLength = 0;
  readonly labels: Labels = newLabels();
  /** The whole question was read: an error may repeat it. */
  hasQuestion = false;
  /** Where the question ends in the packet. */
  questionEnd = 0;
  readonly edns = new EdnsIn();
  /** The message is signed (RFC 8945); nobody here has keys. */
  signed = false;
  /** Serial of an IXFR client's zone. */
  serial = 0;

  /** Reads `packet[0, length)`. */
  read(packet: Uint8Array, length: number): Reading {
    this.hasQuestion = false;
    this.signed = false;
    this.type = 0;
    this.class = 0;
    this.nameLength = 0;
    this.edns.reset();
    if (length < HEADER_BYTES) return 'drop';
    this.id = u16(packet, 0);
    this.flags = u16(packet, 2);
    // Answering an answer is how two servers talk for ever.
    if ((this.flags & FLAG.qr) !== 0) return 'drop';
    this.opcode = (this.flags >> 11) & 15;
    if (this.opcode !== OPCODE.query) return 'notimp';
    if (u16(packet, 4) !== 1 || !this.#question(packet, length)) return 'formerr';
    this.hasQuestion = true;
    return this.#rest(packet, length) ? 'ok' : 'formerr';
  }

  #question(packet: Uint8Array, length: number): boolean {
    const { name, labels } = this;
    let at = HEADER_BYTES;
    let count = 0;
    for (;;) {
      if (at >= length) return false;
      const size = packet[at];
      if (size === 0) break;
      // The first name of a message has nothing before it to point to.
      if (size > 63 || at + 1 + size >= length || at + 1 + size - HEADER_BYTES >= MAX_NAME) return false;
      const start = at - HEADER_BYTES;
      labels.starts[count++] = start;
      name[start] = size;
      const end = at + 1 + size;
      for (let i = at + 1; i < end; i++) name[i - HEADER_BYTES] = LOWER[packet[i]];
      at = end;
    }
    name[at - HEADER_BYTES] = 0;
    labels.starts[count] = at - HEADER_BYTES;
    labels.count = count;
    this.nameLength = at + 1 - HEADER_BYTES;
    if (at + 5 > length) return false;
    hashLabels(name, 0, labels);
    this.type = u16(packet, at + 1);
    this.class = u16(packet, at + 3);
    this.questionEnd = at + 5;
    return true;
  }

  /** Nothing but EDNS and a signature, and one SOA for IXFR; nothing behind them. */
  #rest(packet: Uint8Array, length: number): boolean {
    const answers = u16(packet, 6);
    const authorities = u16(packet, 8);
    const additionals = u16(packet, 10);
    let at = this.questionEnd;
    if (answers === 0 && authorities === 0 && additionals === 0) return at === length;
    if (answers !== 0 || authorities > (this.type === TYPE.IXFR ? 1 : 0) || additionals > 3) return false;
    for (let i = 0; i < authorities + additionals; i++) {
      const owner = at;
      at = skipName(packet, at, length);
      if (at < 0 || at + 10 > length) return false;
      const type = u16(packet, at);
      const data = at + 10;
      const end = data + u16(packet, at + 8);
      if (end > length) return false;
      if (i < authorities) {
        if (type !== TYPE.SOA || end - data < 22) return false;
        this.serial = u32(packet, end - 20);
      } else if (type === TYPE.OPT) {
        if (this.edns.present || packet[owner] !== 0) return false;
        this.edns.begin(u16(packet, at + 2), u32(packet, at + 4));
        // The rest of a later version is not ours to judge.
        if (this.edns.version === 0 && !readOptions(packet, data, end, this.edns)) return false;
      } else if (type === TYPE.TSIG) {
        if (i !== authorities + additionals - 1) return false;
        this.signed = true;
      }
      at = end;
    }
    return at === length;
  }
}

/** The place behind a name, without following pointers; -1 when it is cut short or malformed. */
export function skipName(packet: Uint8Array, from: number, length: number): number {
  let at = from;
  while (at < length) {
    const size = packet[at];
    if (size === 0) return at + 1;
    if (size >= 192) return at + 2 <= length ? at + 2 : -1;
    if (size > 63 || at + 1 + size - from > MAX_NAME) return -1;
    at += 1 + size;
  }
  return -1;
}
