// Owns the addresses that are chosen when asked: it asks the member, applies what holds when nothing is up, and writes what comes.
// `allDown`: open answers as if everything were up (as Route 53 does), closed answers that there are no addresses (PowerDNS's
// empty backup selector), fallback answers with another member, and openly when that is down as well.

import { readIp } from '../../core/ip.ts';
import type { GeoFacts, Member, SteeredAnswer, SteeredClient, SteeringQuery } from '../../steering/steering.ts';
import { formatName } from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import type { Writer } from '../wire/writer.ts';
import { ROTATE } from '../zone/image.ts';
import type { Zone } from '../zone/zone.ts';
import type { Owner, SetWriter } from './records.ts';
import type { AnswerTools } from './settings.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A client of whom nothing is known. */
export const NOBODY: SteeredClient = { address: '0.0.0.0', prefix: 0, from: 'resolver' };

export class Steered {
  /** For whom the next answer is. */
  client: SteeredClient = NOBODY;
  explain: ((line: string) => void) | undefined;
  /** Leading bits of the client's address that the answer depended on. */
  scope = 0;
  decidedBy = '';
  readonly #writer: Writer;
  readonly #sets: SetWriter;
  readonly #tools: AnswerTools;
  readonly #query: Mutable<SteeringQuery>;
  #geo: GeoFacts | undefined;
  readonly #bytes = new Uint8Array(16);

  constructor(writer: Writer, sets: SetWriter, tools: AnswerTools) {
    this.#writer = writer;
    this.#sets = sets;
    this.#tools = tools;
    this.#query = {
      client: NOBODY,
      family: 4,
      random: tools.random,
      now: 0,
      latency: tools.latency,
      ignoreHealth: false,
      geo: () => (this.#geo ??= tools.geo(this.client)),
      explain: undefined,
    };
  }

  reset(): void {
    this.scope = 0;
    this.decidedBy = '';
    this.#geo = undefined;
  }

  /** How many records were written: 0 when there are no addresses, -1 when they do not fit. */
  write(zone: Zone, set: number, type: number, owner: Owner, mostTtl: number): number {
    const answer = this.#resolve(zone, zone.slot(set), type);
    if (answer === undefined || answer.addresses.length === 0) return 0;
    const ttl = Math.max(0, Math.floor(Math.min(zone.ttl(set), answer.ttlSeconds, mostTtl)));
    const { addresses } = answer;
    const most = zone.answers(set) === 0 ? addresses.length : Math.min(zone.answers(set), addresses.length);
    const rotate = zone.rotate(set);
    if (rotate === ROTATE.shuffle) return this.#addresses(this.#shuffled(addresses), 0, most, type, owner, ttl);
    const first = rotate === ROTATE.rotate && addresses.length > 1 ? zone.turn(zone.slot(set)) % addresses.length : 0;
    return this.#addresses(addresses, first, most, type, owner, ttl);
  }

  /** Undefined when nothing is known of the name. */
  writeOutside(name: Uint8Array, type: number, owner: Owner, ttl: number): number | undefined {
    const found = this.#tools.external?.find(formatName(name), type === TYPE.A ? 4 : 6);
    if (found === undefined) return undefined;
    const least = Math.floor(Math.min(ttl, found.ttlSeconds));
    return this.#addresses(found.addresses, 0, found.addresses.length, type, owner, least);
  }

  #resolve(zone: Zone, index: number, type: number): SteeredAnswer | undefined {
    const { member, allDown, fallback } = zone.steered[index];
    const query = this.#query;
    query.client = this.client;
    query.family = type === TYPE.A ? 4 : 6;
    query.now = this.#tools.now();
    query.explain = this.explain;
    query.ignoreHealth = false;
    this.decidedBy = member.name;
    let answer = this.#ask(member);
    if (answer !== undefined || allDown === 'closed') return answer;
    if (allDown === 'fallback' && fallback !== undefined) {
      this.explain?.(`${member.name}: nothing is up, so ${fallback.name} answers`);
      this.decidedBy = fallback.name;
      answer = this.#ask(fallback);
      if (answer !== undefined) return answer;
    }
    this.explain?.(
      `${this.decidedBy}: nothing that fits is up; asked again as if everything were (allDown: ${allDown})`,
    );
    query.ignoreHealth = true;
    return this.#ask(allDown === 'fallback' && fallback !== undefined ? fallback : member);
  }

  /** What a member has nothing for holds for no more clients than what it would have said otherwise. */
  #ask(member: Pick<Member, 'resolve' | 'scope'>): SteeredAnswer | undefined {
    const answer = member.resolve(this.#query);
    this.scope = Math.max(this.scope, answer?.scope ?? member.scope?.(this.#query) ?? 0);
    return answer;
  }

  #shuffled(addresses: readonly string[]): string[] {
    const list = [...addresses];
    for (let i = list.length - 1; i > 0; i--) {
      const other = Math.floor(this.#tools.random.unit() * (i + 1));
      [list[i], list[other]] = [list[other], list[i]];
    }
    return list;
  }

  #addresses(list: readonly string[], first: number, most: number, type: number, owner: Owner, ttl: number): number {
    const writer = this.#writer;
    const before = writer.at;
    const length = type === TYPE.A ? 4 : 16;
    let written = 0;
    for (let i = 0; i < most; i++) {
      if (readIp(list[(first + i) % list.length], this.#bytes) !== length) continue;
      this.#sets.owner(owner);
      writer.record(type, ttl, this.#bytes, 0, length);
      written++;
      if (!writer.over) continue;
      writer.rollback(before);
      return -1;
    }
    return written;
  }
}
