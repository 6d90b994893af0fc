// Owns the whole way from a query's bytes to an answer's: what is refused, EDNS in and out, cookies, truncation, rate limits. It
// keeps one query, one writer and one lookup and uses them for every packet; the outcome of the last one can be read here.
//
// An answer is written into the caller's buffer, which must have SLACK bytes beyond the room that is given. No packet makes it throw.

import type { SteeredClient } from '../../steering/steering.ts';
import { setU16 } from '../wire/bytes.ts';
import { OPTION } from '../wire/edns.ts';
import { HEADER_BYTES, Query } from '../wire/query.ts';
import { CLASS, FLAG, RCODE, TYPE } from '../wire/types.ts';
import { SLACK, Writer } from '../wire/writer.ts';
import type { Zone } from '../zone/zone.ts';
import { COOKIE_BYTES } from './cookies.ts';
import { Lookup } from './lookup.ts';
import type { AnswerSettings, AnswerTools, DnsClient } from './settings.ts';

export const MOST_TCP = 65_535;
const OPT_BYTES = 11;

/** Why the last packet got no answer, or none of its own. */
export type Suppressed = '' | 'malformed' | 'limited';

export class Answerer {
  settings: AnswerSettings;
  readonly query = new Query();
  readonly writer = new Writer();
  readonly lookup: Lookup;
  /** Of the last packet. */
  rcode = 0;
  suppressed: Suppressed = '';
  /** A zone transfer was asked for and is granted: the transport sends it instead of an answer. */
  transfer: Zone | undefined;
  readonly #tools: AnswerTools;
  readonly #client = { address: '', prefix: 32, from: 'resolver' as SteeredClient['from'] };
  #cookieValid = false;
  /** Flags beside those that every answer has. */
  #truncated = false;

  constructor(settings: AnswerSettings, tools: AnswerTools) {
    this.settings = settings;
    this.#tools = tools;
    this.lookup = new Lookup(this.writer, tools);
  }

  /** Answers `packet[0, length)` into `out` at `at`: how many bytes, 0 for silence. `out` has room for MOST_TCP (UDP: the EDNS size) and SLACK. */
  answer(packet: Uint8Array, length: number, client: DnsClient, out: Uint8Array, at: number): number {
    const { query, lookup } = this;
    this.transfer = undefined;
    this.suppressed = '';
    this.#truncated = false;
    this.#cookieValid = false;
    lookup.reset();
    const reading = query.read(packet, length);
    this.rcode = RCODE.formerr;
    if (reading === 'drop') {
      this.suppressed = 'malformed';
      return 0;
    }
    this.#begin(packet, client, out, at);
    if (reading === 'ok') this.#decide(client);
    else lookup.rcode = reading === 'notimp' ? RCODE.notimp : RCODE.formerr;
    if (this.transfer !== undefined) return 0;
    const limited = this.#limited(packet, client, out, at);
    return limited ? 0 : this.#finish(at);
  }

  #begin(packet: Uint8Array, client: DnsClient, out: Uint8Array, at: number): void {
    const { query, writer, settings } = this;
    const { edns } = query;
    const most = edns.present ? Math.min(edns.udpSize, settings.config.ednsSize) : 512;
    const room = client.transport === 'udp' ? most : MOST_TCP;
    writer.begin(out, at, at + room - this.#ednsRoom());
    writer.at += HEADER_BYTES;
    if (query.hasQuestion) writer.question(packet, query.questionEnd, query.labels);
  }

  #ednsRoom(): number {
    const { edns } = this.query;
    if (!edns.present) return 0;
    const { config, cookies } = this.settings;
    let room = OPT_BYTES;
    if (edns.nsid && config.nsid !== '') room += 4 + config.nsid.length;
    if (edns.cookieLength > 0 && cookies !== undefined) room += 4 + COOKIE_BYTES;
    if (edns.ecs && config.ecs) room += 24;
    return room;
  }

  #decide(client: DnsClient): void {
    const { query, lookup, settings } = this;
    const { edns, type } = query;
    if (edns.cookieLength > 0 && settings.cookies !== undefined) {
      const now = this.#tools.epochSeconds();
      this.#cookieValid = settings.cookies.check(edns.cookie, edns.cookieLength, client.address, now);
    }
    if (edns.present && edns.version > 0) lookup.rcode = RCODE.badvers;
    // Nobody here has a key, so no signature can be right (RFC 8945 §5.2).
    else if (query.signed) lookup.rcode = RCODE.notauth;
    else if (query.class !== CLASS.IN) this.#otherClass();
    else if (type === TYPE.AXFR || type === TYPE.IXFR) this.#transferAsked(client);
    else if (type === TYPE.OPT || type === TYPE.TSIG || type === 0) lookup.rcode = RCODE.formerr;
    else if (type === TYPE.MAILA || type === TYPE.MAILB) lookup.rcode = RCODE.notimp;
    else {
      this.#setClient(client);
      lookup.run(settings.zones, query);
    }
  }

  #setClient(client: DnsClient): void {
    const { steered } = this.lookup;
    const { edns } = this.query;
    const told = this.#client;
    if (this.settings.config.ecs && edns.ecs && edns.ecsPrefix > 0) {
      told.address = edns.ecsText;
      told.prefix = edns.ecsPrefix;
      told.from = 'ecs';
    } else {
      told.address = client.address;
      told.prefix = client.address.includes(':') ? 128 : 32;
      told.from = 'resolver';
    }
    steered.client = told;
  }

  /** `id.server` and `hostname.bind` in class CHAOS tell who answers (RFC 4892). */
  #otherClass(): void {
    const { query, writer, lookup } = this;
    const { nsid } = this.settings.config;
    lookup.rcode = RCODE.refused;
    if (query.class !== CLASS.CH || nsid === '' || query.type !== TYPE.TXT || !asksWho(query)) return;
    lookup.rcode = RCODE.noerror;
    lookup.authoritative = true;
    writer.pointToQuestion();
    writer.u16(TYPE.TXT);
    writer.u16(CLASS.CH);
    writer.u32(0);
    writer.u16(nsid.length + 1);
    writer.u8(nsid.length);
    for (let i = 0; i < nsid.length; i++) writer.u8(nsid.charCodeAt(i));
    lookup.sections.answers++;
  }

  #transferAsked(client: DnsClient): void {
    const { query, lookup, settings } = this;
    const zone = settings.zones.find(query.name, query.labels);
    if (zone === undefined || zone.apexLabels !== query.labels.count) lookup.rcode = RCODE.notauth;
    else if (!zone.allow.has(client.address)) lookup.rcode = RCODE.refused;
    else if (client.transport === 'tcp') this.transfer = zone;
    else if (query.type === TYPE.AXFR) lookup.rcode = RCODE.formerr;
    else {
      // RFC 1995 §2: the SOA alone says "ask by TCP", or that nothing is new.
      query.type = TYPE.SOA;
      lookup.run(settings.zones, query);
    }
  }

  #limited(packet: Uint8Array, client: DnsClient, out: Uint8Array, at: number): boolean {
    const { rateLimit } = this.settings;
    const { lookup } = this;
    if (rateLimit === undefined || client.transport === 'tcp' || this.#cookieValid) return false;
    const kind = lookup.rcode === RCODE.noerror || lookup.rcode === RCODE.nxdomain ? lookup.kind : lookup.rcode;
    const verdict = rateLimit.check(client.address, kind, this.#tools.now());
    if (verdict === 'send') return false;
    this.suppressed = 'limited';
    this.rcode = lookup.rcode;
    if (verdict === 'drop') return true;
    // A true client comes back by TCP; a forged one gets no more than was sent in its name.
    lookup.sections.answers = 0;
    lookup.sections.authorities = 0;
    lookup.sections.additionals = 0;
    this.#begin(packet, client, out, at);
    this.#truncated = true;
    return false;
  }

  #finish(start: number): number {
    const { query, writer, lookup } = this;
    const { out } = writer;
    const { rcode } = lookup;
    this.rcode = rcode;
    this.#truncated ||= lookup.sections.truncated;
    let flags = FLAG.qr | (query.opcode << 11) | (query.flags & FLAG.rd) | (rcode & 15);
    if (lookup.authoritative) flags |= FLAG.aa;
    if (this.#truncated) flags |= FLAG.tc;
    setU16(out, start, query.id);
    setU16(out, start + 2, flags);
    setU16(out, start + 4, query.hasQuestion ? 1 : 0);
    setU16(out, start + 6, lookup.sections.answers);
    setU16(out, start + 8, lookup.sections.authorities);
    let additionals = lookup.sections.additionals;
    if (query.edns.present) {
      this.#opt(rcode);
      additionals++;
    }
    setU16(out, start + 10, additionals);
    return writer.at - start;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  #opt(rcode: number): void {
    const { query, writer, settings, lookup } = this;
    const { edns } = query;
    const { nsid, ednsSize, ecs } = settings.config;
    writer.u8(0);
    writer.u16(TYPE.OPT);
    writer.u16(ednsSize);
    writer.u8(rcode >> 4);
    writer.u8(0);
    // RFC 3225 §3: the DO bit comes back as it was.
    writer.u16(edns.dnssecOk ? 0x8000 : 0);
    const lengthAt = writer.at;
    writer.u16(0);
    if (edns.nsid && nsid !== '') {
      writer.u16(OPTION.nsid);
      writer.u16(nsid.length);
      for (let i = 0; i < nsid.length; i++) writer.u8(nsid.charCodeAt(i));
    }
    if (edns.cookieLength > 0 && settings.cookies !== undefined && rcode !== RCODE.formerr) {
      writer.u16(OPTION.cookie);
      writer.u16(COOKIE_BYTES);
      writer.copy(edns.cookie, 0, COOKIE_BYTES);
    }
    if (edns.ecs && ecs && rcode !== RCODE.formerr) {
      const bytes = (edns.ecsPrefix + 7) >> 3;
      const most = edns.ecsFamily === 1 ? 32 : edns.ecsFamily === 2 ? 128 : 0;
      writer.u16(OPTION.ecs);
      writer.u16(4 + bytes);
      writer.u16(edns.ecsFamily);
      writer.u8(edns.ecsPrefix);
      // A prefix of 0 asks for an answer that suits everybody: its scope is 0 (RFC 7871 §7.2.1).
      writer.u8(edns.ecsPrefix === 0 ? 0 : Math.min(most, lookup.steered.scope));
      writer.copy(edns.ecsAddress, 0, bytes);
    }
    setU16(writer.out, lengthAt, writer.at - lengthAt - 2);
  }

  /** As bytes of their own; for tests and for asking by hand. */
  respond(packet: Uint8Array, client: DnsClient): Uint8Array | undefined {
    const out = new Uint8Array(MOST_TCP + SLACK);
    const length = this.answer(packet, packet.length, client, out, 0);
    return length === 0 ? undefined : out.slice(0, length);
  }
}

const WHO = ['\x02id\x06server\0', '\x08hostname\x04bind\0'];

function asksWho({ name, nameLength }: Query): boolean {
  return WHO.includes(String.fromCharCode(...name.subarray(0, nameLength)));
}
