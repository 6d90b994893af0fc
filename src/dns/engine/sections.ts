// Owns the sections of one answer while they are written: how many records each has, what did not fit, and signatures behind
// what is to be signed. Sections must be written in their order; which sets belong there is the lookup's.

import { nameLength } from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import type { Writer } from '../wire/writer.ts';
import type { Zone } from '../zone/zone.ts';
import type { Owner, SetWriter } from './records.ts';
import type { AnswerTools } from './settings.ts';
import { Signing } from './signing.ts';

export type Section = 'answers' | 'authorities' | 'additionals';
export const ANSWER = 'answers';
export const AUTHORITY = 'authorities';

export class Sections {
  answers = 0;
  authorities = 0;
  additionals = 0;
  truncated = false;
  /** The client wants signatures. */
  dnssec = false;
  readonly #writer: Writer;
  readonly #sets: SetWriter;
  readonly #tools: AnswerTools;
  readonly #signing = new Signing();

  constructor(writer: Writer, sets: SetWriter, tools: AnswerTools) {
    this.#writer = writer;
    this.#sets = sets;
    this.#tools = tools;
  }

  reset(): void {
    this.answers = 0;
    this.authorities = 0;
    this.additionals = 0;
    this.truncated = false;
  }

  signs(zone: Zone): boolean {
    return this.dnssec && zone.signer !== undefined;
  }

  /** The senders return false when it does not fit: then nothing of it is there, and the answer is truncated. */
  set(section: Section, zone: Zone, set: number, owner: Owner, ttl = zone.ttl(set), signed = true): boolean {
    const before = this.#writer.at;
    return this.written(section, zone, before, this.#sets.write(zone, set, owner, ttl), signed);
  }

  /** One record that no zone has. */
  record(
    section: Section,
    zone: Zone,
    owner: Owner,
    type: number,
    ttl: number,
    data: Uint8Array,
    signed = true,
  ): boolean {
    const before = this.#writer.at;
    this.#sets.owner(owner);
    this.#writer.record(type, ttl, data, 0, data.length);
    return this.#made(section, zone, before, signed);
  }

  /** An NSEC record of `name` with these types. False when the name is too long for one. */
  denial(section: Section, zone: Zone, name: Uint8Array, types: readonly number[], ttl: number): boolean {
    const before = this.#writer.at;
    const all = [...types, TYPE.RRSIG, TYPE.NSEC];
    if (!this.#signing.deny(this.#writer, name, nameLength(name, 0), all, ttl)) return false;
    this.#made(section, zone, before, true);
    return true;
  }

  /** A set that may be left out; then false, and the answer is whole without it. */
  extra(zone: Zone, set: number, owner: Owner): boolean {
    const written = this.#sets.write(zone, set, owner);
    if (written > 0) this.additionals += written;
    return written >= 0;
  }

  #made(section: Section, zone: Zone, before: number, signed: boolean): boolean {
    const fits = !this.#writer.over;
    if (!fits) this.#writer.rollback(before);
    return this.written(section, zone, before, fits ? 1 : -1, signed);
  }

  /** Counts the records that were written since `before` (-1: they did not fit), and signs them. */
  written(section: Section, zone: Zone, before: number, records: number, signed = true): boolean {
    const writer = this.#writer;
    let count = records;
    if (count > 0 && signed && this.signs(zone)) {
      this.#signing.sign(writer, before, zone.apex, zone.signer!, this.#tools.epochSeconds());
      count++;
      if (writer.over) {
        writer.rollback(before);
        count = -1;
      }
    }
    if (count < 0) this.truncated = true;
    else this[section] += count;
    return count >= 0;
  }
}
