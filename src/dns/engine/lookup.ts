// Owns finding the answer to a question in a zone: RFC 1034 §4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672), delegations with
// glue (RFC 9471), CNAME chains inside the zone. It writes the three sections; header, EDNS and errors are the answerer's.

import { indexName, type Labels, LOWER, MAX_NAME, nameLength, newLabels } from '../wire/name.ts';
import type { Query } from '../wire/query.ts';
import { RCODE, TYPE } from '../wire/types.ts';
import type { Writer } from '../wire/writer.ts';
import type { Zone, ZoneSet } from '../zone/zone.ts';
import { Aliases } from './alias.ts';
import { type Owner, SetWriter } from './records.ts';
import type { AnswerTools } from './settings.ts';
import { NXNAME, Signing } from './signing.ts';
import { Steered } from './steered.ts';

type Section = 'answers' | 'authorities' | 'additionals';
const ANSWER = 'answers';
const AUTHORITY = 'authorities';

const MAX_CHAIN = 12;
const YXDOMAIN = 6;
const REMINDER_TTL = 3600;
/** `RFC8482` and nothing, as HINFO has it. */
const REMINDER = Uint8Array.of(7, 0x52, 0x46, 0x43, 0x38, 0x34, 0x38, 0x32, 0);

export class Lookup {
  readonly writer: Writer;
  readonly steered: Steered;
  readonly aliases: Aliases;
  answers = 0;
  authorities = 0;
  additionals = 0;
  rcode: number = RCODE.noerror;
  authoritative = false;
  truncated = false;
  /** What answers of this kind have in common, for rate limits: the name's hash, or the zone's. */
  kind = 0;
  decidedBy = '';
  readonly #sets: SetWriter;
  readonly #tools: AnswerTools;
  readonly #signing = new Signing();
  /** The client wants signatures. */
  #dnssec = false;
  readonly #owner: Owner = { bytes: undefined, at: 0 };
  /** The name that is looked for: the question's, or where a chain has led. */
  #name: Uint8Array = new Uint8Array(0);
  #labels: Labels = newLabels();
  readonly #target = new Uint8Array(MAX_NAME + 1);
  readonly #targetLabels = newLabels();
  readonly #scratch = newLabels();
  readonly #lowered = new Uint8Array(MAX_NAME + 1);
  #zones: ZoneSet | undefined;
  #type = 0;
  /** CNAME sets of the chain so far. */
  readonly #path = new Uint32Array(MAX_CHAIN);
  #passed = 0;

  constructor(writer: Writer, tools: AnswerTools) {
    this.writer = writer;
    this.#sets = new SetWriter(writer, tools.random);
    this.steered = new Steered(writer, this.#sets, tools);
    this.aliases = new Aliases(this.#sets, this.steered);
    this.#tools = tools;
  }

  reset(): void {
    this.answers = 0;
    this.authorities = 0;
    this.additionals = 0;
    this.rcode = RCODE.noerror;
    this.authoritative = false;
    this.truncated = false;
    this.kind = 0;
    this.decidedBy = '';
    this.steered.reset();
  }

  /** The client of `steered` is set. Refused when no zone is ours. */
  run(zones: ZoneSet, query: Query): void {
    const { name, labels, type } = query;
    let zone = zones.find(name, labels);
    // A DS record belongs to the parent, if that is ours too (RFC 4035 §3.1.4.1).
    if (zone !== undefined && type === TYPE.DS && zone.apexLabels === labels.count && labels.count > 0)
      zone = zones.find(name, labels, 1) ?? zone;
    if (zone === undefined) {
      this.rcode = RCODE.refused;
      return;
    }
    this.#zones = zones;
    this.#dnssec = query.edns.dnssecOk;
    this.#passed = 0;
    this.#type = type;
    this.#name = name;
    this.#labels = labels;
    this.#owner.bytes = undefined;
    this.authoritative = true;
    this.kind = zone.soa ^ zone.image.nodes;
    for (let hop = 0; hop < MAX_CHAIN; hop++) if (!this.#step(zone)) return;
  }

  /** True when a chain leads on to another name of the zone. */
  #step(zone: Zone): boolean {
    const name = this.#name;
    const { starts, hashes, count } = this.#labels;
    const end = starts[count] + 1;
    let node = zone.find(name, 0, end, hashes[0]);
    if (node !== 0) {
      const cut = zone.cut(node);
      if (cut !== 0 && !(cut === node && this.#type === TYPE.DS)) return this.#refer(zone, cut);
      this.kind = hashes[0];
    } else {
      let label = 1;
      while (node === 0) node = zone.find(name, starts[label], end, hashes[label++]);
      const cut = zone.cut(node);
      if (cut !== 0) return this.#refer(zone, cut);
      const dname = zone.set(node, TYPE.DNAME);
      if (dname !== 0) return this.#substitute(zone, node, dname, starts[label - 1]);
      const wildcard = zone.wildcard(node);
      if (wildcard === 0) {
        this.rcode = RCODE.nxdomain;
        return this.#deny(zone, 0);
      }
      node = wildcard;
      this.kind = hashes[label - 1];
    }
    return this.#fromNode(zone, node);
  }

  #fromNode(zone: Zone, node: number): boolean {
    const type = this.#type;
    if (type === TYPE.ANY) return this.#any(zone, node);
    if (type === TYPE.DNSKEY && node === zone.apexNode && zone.signer !== undefined)
      return this.#made(zone, type, zone.ttl(zone.soa), zone.signer.dnskey);
    if (type === TYPE.NSEC && this.#signs(zone)) {
      this.#denial(ANSWER, zone, this.#name, nameLength(this.#name, 0), typesOf(zone, node), zone.negativeTtl);
      return false;
    }
    if (type < TYPE.ALIAS) {
      const set = zone.set(node, type);
      if (set !== 0) {
        if (this.#answer(zone, set) && type === TYPE.NS) this.#addresses(zone, set, zone.count(set), 0);
        return false;
      }
    }
    if (type === TYPE.A || type === TYPE.AAAA) {
      const steer = zone.set(node, TYPE.STEER);
      if (steer !== 0) return this.#steer(zone, node, steer);
      const alias = zone.set(node, TYPE.ALIAS);
      if (alias !== 0) return this.#alias(zone, node, alias);
    }
    const cname = zone.set(node, TYPE.CNAME);
    return cname === 0 ? this.#deny(zone, node) : this.#follow(zone, cname);
  }

  #answer(zone: Zone, set: number): boolean {
    const before = this.writer.at;
    return this.#written(ANSWER, zone, before, this.#sets.write(zone, set, this.#owner));
  }

  /** Counts what was written since `before`, and signs it. False when it does not fit; then it is gone. */
  #written(section: Section, zone: Zone, before: number, records: number, signed = true): boolean {
    const { writer } = this;
    let count = records;
    if (count > 0 && signed && this.#signs(zone)) {
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

  #signs(zone: Zone): boolean {
    return this.#dnssec && zone.signer !== undefined;
  }

  /** RFC 8482: one small record instead of everything. */
  #any(zone: Zone, node: number): boolean {
    if (zone.setCount(node) === 0) return this.#deny(zone, node);
    return this.#made(zone, TYPE.HINFO, REMINDER_TTL, REMINDER);
  }

  /** A record that no zone has. */
  #made(zone: Zone, type: number, ttl: number, data: Uint8Array): false {
    const before = this.writer.at;
    this.#sets.owner(this.#owner);
    this.writer.record(type, ttl, data, 0, data.length);
    this.#written(ANSWER, zone, before, this.writer.over ? -1 : 1);
    return false;
  }

  /** No such name (`node` is 0), or nothing of that type: the SOA says for how long (RFC 2308). */
  #deny(zone: Zone, node: number, most = Infinity): false {
    const ttl = Math.min(zone.negativeTtl, most);
    const before = this.writer.at;
    const written = this.#sets.write(zone, zone.soa, { bytes: zone.apex, at: 0 }, ttl);
    if (!this.#written(AUTHORITY, zone, before, written) || !this.#signs(zone)) return false;
    // RFC 9824: every name gets a record of its own that denies; the response code would tell what is not proved.
    this.rcode = RCODE.noerror;
    const types = node === 0 ? [NXNAME] : typesOf(zone, node).filter((type) => type !== this.#type);
    this.#denial(AUTHORITY, zone, this.#name, nameLength(this.#name, 0), types, ttl);
    return false;
  }

  #denial(section: Section, zone: Zone, name: Uint8Array, length: number, types: number[], ttl: number): void {
    const before = this.writer.at;
    if (this.#signing.deny(this.writer, name, length, [...types, TYPE.RRSIG, TYPE.NSEC], ttl))
      this.#written(section, zone, before, this.writer.over ? -1 : 1);
    else this.rcode = RCODE.servfail;
  }

  #follow(zone: Zone, cname: number): boolean {
    // A chain that comes back to where it was is told once.
    for (let i = 0; i < this.#passed; i++) if (this.#path[i] === cname) return false;
    this.#path[this.#passed++] = cname;
    if (!this.#answer(zone, cname)) return false;
    return this.#goTo(zone, zone.bytes, zone.dataOf(cname) + 2);
  }

  /** Goes on with another name, if it is in this zone. */
  #goTo(zone: Zone, bytes: Uint8Array, at: number): boolean {
    const length = nameLength(bytes, at);
    const target = this.#target;
    for (let i = 0; i < length; i++) target[i] = LOWER[bytes[at + i]];
    const labels = this.#targetLabels;
    indexName(target, 0, labels);
    this.#name = target;
    this.#labels = labels;
    this.#owner.bytes = target;
    this.#owner.at = 0;
    const above = labels.count - zone.apexLabels;
    if (above < 0) return false;
    const { apex } = zone;
    const from = labels.starts[above];
    for (let i = 0; i < apex.length; i++) if (target[from + i] !== apex[i]) return false;
    return true;
  }

  /** The name below `from` gets the DNAME's target as its end (RFC 6672 §2.2, §3.2). */
  #substitute(zone: Zone, node: number, dname: number, from: number): boolean {
    const { writer } = this;
    const begun = writer.at;
    const written = this.#sets.write(zone, dname, { bytes: zone.bytes, at: zone.nameOf(node) });
    if (!this.#written(ANSWER, zone, begun, written)) return false;
    const target = zone.dataOf(dname) + 2;
    const length = nameLength(zone.bytes, target);
    if (from + length > MAX_NAME) {
      this.rcode = YXDOMAIN;
      return false;
    }
    const made = new Uint8Array(from + length);
    made.set(this.#name.subarray(0, from));
    made.set(zone.bytes.subarray(target, target + length), from);
    const before = writer.at;
    this.#sets.owner(this.#owner);
    writer.record(TYPE.CNAME, zone.ttl(dname), made, 0, made.length);
    if (writer.over) writer.rollback(before);
    // The validator makes it itself (RFC 6672 §5.3.1).
    if (!this.#written(ANSWER, zone, before, writer.at === before ? -1 : 1, false)) return false;
    return this.#type !== TYPE.CNAME && this.#goTo(zone, made, 0);
  }

  #steer(zone: Zone, node: number, set: number): boolean {
    const before = this.writer.at;
    const written = this.steered.write(zone, set, this.#type, this.#owner, Infinity);
    this.decidedBy = this.steered.decidedBy;
    // Soon asked again: what is down now may be up in a moment.
    if (written === 0) return this.#deny(zone, node, zone.ttl(set));
    this.#written(ANSWER, zone, before, written);
    return false;
  }

  #alias(zone: Zone, node: number, set: number): boolean {
    const before = this.writer.at;
    const written = this.aliases.write(this.#zones!, zone, set, this.#type, this.#owner);
    this.decidedBy = this.steered.decidedBy;
    if (written === 0) return this.#deny(zone, node, zone.ttl(set));
    if (written === undefined) {
      this.rcode = RCODE.servfail;
      this.authoritative = false;
    } else this.#written(ANSWER, zone, before, written);
    return false;
  }

  /** NS records of the zone below, and the addresses of its servers that are in this zone. */
  #refer(zone: Zone, cut: number): false {
    const ns = zone.set(cut, TYPE.NS);
    if (this.answers === 0) this.authoritative = false;
    const owner: Owner = { bytes: zone.bytes, at: zone.nameOf(cut) };
    const before = this.writer.at;
    const written = this.#sets.write(zone, ns, owner);
    if (!this.#written(AUTHORITY, zone, before, written, false)) return false;
    this.kind = zone.soa ^ cut;
    if (this.#signs(zone)) this.#proveCut(zone, cut, owner);
    this.#addresses(zone, ns, written, cut);
    return false;
  }

  /** The DS records of a signed zone below, or the proof that it has none. */
  #proveCut(zone: Zone, cut: number, owner: Owner): void {
    const ds = zone.set(cut, TYPE.DS);
    const before = this.writer.at;
    if (ds !== 0) this.#written(AUTHORITY, zone, before, this.#sets.write(zone, ds, owner));
    else {
      const name = zone.bytes.subarray(owner.at);
      this.#denial(AUTHORITY, zone, name, nameLength(name, 0), [TYPE.NS], zone.negativeTtl);
    }
  }

  /** Of the name servers in the zone; those below `cut` must go along. */
  #addresses(zone: Zone, ns: number, count: number, cut: number): void {
    let at = zone.dataOf(ns);
    for (let i = 0; i < count; i++) {
      const length = (zone.bytes[at] << 8) | zone.bytes[at + 1];
      this.#glue(zone, cut, at + 2, length);
      at += 2 + length;
    }
  }

  #glue(zone: Zone, cut: number, name: number, length: number): void {
    for (let i = 0; i < length; i++) this.#lowered[i] = LOWER[zone.bytes[name + i]];
    const labels = this.#scratch;
    indexName(this.#lowered, 0, labels);
    const node = zone.find(this.#lowered, 0, length, labels.hashes[0]);
    if (node === 0) return;
    for (const type of [TYPE.A, TYPE.AAAA]) {
      const set = zone.set(node, type);
      if (set === 0) continue;
      const written = this.#sets.write(zone, set, { bytes: this.#lowered, at: 0 });
      // RFC 9471: without the addresses of servers below the cut nobody gets there; others can be asked for.
      if (written > 0) this.additionals += written;
      else if (cut !== 0 && zone.cut(node) === cut) this.truncated = true;
    }
  }
}

/** What a name has, for its NSEC record. Of a delegation only what belongs to this side. */
function typesOf(zone: Zone, node: number): number[] {
  const types: number[] = [];
  let set = zone.firstSet(node);
  for (let left = zone.setCount(node); left > 0; left--) {
    const type = zone.type(set);
    if (type === TYPE.STEER || type === TYPE.ALIAS) types.push(TYPE.A, TYPE.AAAA);
    else types.push(type);
    set = zone.nextSet(set);
  }
  if (node === zone.apexNode) types.push(TYPE.DNSKEY);
  return zone.cut(node) === node ? types.filter((type) => type === TYPE.NS || type === TYPE.DS) : types;
}
