// Owns finding the answer to a question in a zone: RFC 1034 §4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672), delegations with
// glue (RFC 9471), CNAME chains inside the zone. It writes the three sections; header, EDNS and errors are the answerer's.

import { indexName, type Labels, LOWER, MAX_NAME, nameLength, newLabels } from '../wire/name.ts';
import type { Query } from '../wire/query.ts';
import { RCODE, TYPE } from '../wire/types.ts';
import type { Writer } from '../wire/writer.ts';
import type { Zone, ZoneSet, ZoneSigner } from '../zone/zone.ts';
import { Aliases } from './alias.ts';
import { type Owner, SetWriter } from './records.ts';
import { ANSWER, AUTHORITY, type Section, Sections } from './sections.ts';
import type { AnswerTools } from './settings.ts';
import { NXNAME } from './signing.ts';
import { Steered } from './steered.ts';

const MAX_CHAIN = 12;
const YXDOMAIN = 6;
const REMINDER_TTL = 3600;
/** `RFC8482` and nothing, as HINFO has it. */
const REMINDER = Uint8Array.of(7, 0x52, 0x46, 0x43, 0x38, 0x34, 0x38, 0x32, 0);

export class Lookup {
  readonly writer: Writer;
  readonly steered: Steered;
  readonly aliases: Aliases;
  readonly sections: Sections;
  rcode: number = RCODE.noerror;
  authoritative = false;
  /** What answers of this kind have in common, for rate limits: the name's hash, or the zone's. */
  kind = 0;
  decidedBy = '';
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
    const sets = new SetWriter(writer, tools.random);
    this.sections = new Sections(writer, sets, tools);
    this.steered = new Steered(writer, sets, tools);
    this.aliases = new Aliases(sets, this.steered);
  }

  reset(): void {
    this.sections.reset();
    this.rcode = RCODE.noerror;
    this.authoritative = false;
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
    this.sections.dnssec = query.edns.dnssecOk;
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
      return this.#key(zone, zone.signer);
    if (type === TYPE.NSEC && this.sections.signs(zone))
      return this.#denial(ANSWER, zone, this.#name, typesOf(zone, node), zone.negativeTtl);
    if (type < TYPE.ALIAS) {
      const set = zone.set(node, type);
      if (set !== 0) {
        if (this.#answer(zone, set) && type === TYPE.NS) this.#addresses(zone, set, 0);
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
    return this.sections.set(ANSWER, zone, set, this.#owner);
  }

  #key(zone: Zone, { dnskey }: ZoneSigner): false {
    this.sections.record(ANSWER, zone, this.#owner, TYPE.DNSKEY, zone.ttl(zone.soa), dnskey);
    return false;
  }

  /** RFC 8482: one small record instead of everything. */
  #any(zone: Zone, node: number): boolean {
    if (zone.setCount(node) === 0) return this.#deny(zone, node);
    this.sections.record(ANSWER, zone, this.#owner, TYPE.HINFO, REMINDER_TTL, REMINDER);
    return false;
  }

  /** No such name (`node` is 0), or nothing of that type: the SOA says for how long (RFC 2308). */
  #deny(zone: Zone, node: number, most = Infinity): false {
    const { sections } = this;
    const ttl = Math.min(zone.negativeTtl, most);
    const fits = sections.set(AUTHORITY, zone, zone.soa, { bytes: zone.apex, at: 0 }, ttl);
    if (!fits || !sections.signs(zone)) return false;
    // RFC 9824: every name gets a record of its own that denies; the response code would tell what is not proved.
    this.rcode = RCODE.noerror;
    const types = node === 0 ? [NXNAME] : typesOf(zone, node).filter((type) => type !== this.#type);
    return this.#denial(AUTHORITY, zone, this.#name, types, ttl);
  }

  #denial(section: Section, zone: Zone, name: Uint8Array, types: number[], ttl: number): false {
    if (!this.sections.denial(section, zone, name, types, ttl)) this.rcode = RCODE.servfail;
    return false;
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
    const { sections } = this;
    if (!sections.set(ANSWER, zone, dname, { bytes: zone.bytes, at: zone.nameOf(node) })) return false;
    const target = zone.dataOf(dname) + 2;
    const length = nameLength(zone.bytes, target);
    if (from + length > MAX_NAME) {
      this.rcode = YXDOMAIN;
      return false;
    }
    const made = new Uint8Array(from + length);
    made.set(this.#name.subarray(0, from));
    made.set(zone.bytes.subarray(target, target + length), from);
    // The validator makes it itself (RFC 6672 §5.3.1).
    if (!sections.record(ANSWER, zone, this.#owner, TYPE.CNAME, zone.ttl(dname), made, false)) return false;
    return this.#type !== TYPE.CNAME && this.#goTo(zone, made, 0);
  }

  #steer(zone: Zone, node: number, set: number): boolean {
    const before = this.writer.at;
    const written = this.steered.write(zone, set, this.#type, this.#owner, Infinity);
    this.decidedBy = this.steered.decidedBy;
    // Soon asked again: what is down now may be up in a moment.
    if (written === 0) return this.#deny(zone, node, zone.ttl(set));
    this.sections.written(ANSWER, zone, before, written);
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
    } else this.sections.written(ANSWER, zone, before, written);
    return false;
  }

  /** NS records of the zone below, and the addresses of its servers that are in this zone. */
  #refer(zone: Zone, cut: number): false {
    const ns = zone.set(cut, TYPE.NS);
    if (this.sections.answers === 0) this.authoritative = false;
    const owner: Owner = { bytes: zone.bytes, at: zone.nameOf(cut) };
    const { sections } = this;
    if (!sections.set(AUTHORITY, zone, ns, owner, zone.ttl(ns), false)) return false;
    this.kind = zone.soa ^ cut;
    if (sections.signs(zone)) this.#proveCut(zone, cut, owner);
    this.#addresses(zone, ns, cut);
    return false;
  }

  /** The DS records of a signed zone below, or the proof that it has none. */
  #proveCut(zone: Zone, cut: number, owner: Owner): void {
    const ds = zone.set(cut, TYPE.DS);
    if (ds !== 0) this.sections.set(AUTHORITY, zone, ds, owner);
    else this.#denial(AUTHORITY, zone, zone.bytes.subarray(owner.at), [TYPE.NS], zone.negativeTtl);
  }

  /** Of the name servers in the zone; those below `cut` must go along. */
  #addresses(zone: Zone, ns: number, cut: number): void {
    let at = zone.dataOf(ns);
    for (let left = zone.count(ns); left > 0; left--) {
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
      const fits = this.sections.extra(zone, set, { bytes: this.#lowered, at: 0 });
      // RFC 9471: without the addresses of servers below the cut nobody gets there; others can be asked for.
      if (!fits && cut !== 0 && zone.cut(node) === cut) this.sections.truncated = true;
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
