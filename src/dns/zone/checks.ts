// Owns what the records of a zone must be to each other: one SOA, CNAME alone, addresses for name servers inside the zone.

import { formatName, indexName, isWithin, lowered, nameLength, newLabels } from '../wire/name.ts';
import { TYPE } from '../wire/types.ts';
import type { ZoneBuilder, ZoneFault } from './builder.ts';

const MOST_FAULTS = 20;
const MOST_RECORDS = 65_535;

export function checkZone(builder: ZoneBuilder): ZoneFault[] {
  const faults: ZoneFault[] = [];
  checkSoa(builder, faults);
  for (let node = 0; node < builder.nodes && faults.length < MOST_FAULTS; node++) checkNode(builder, node, faults);
  return faults;
}

function checkSoa(b: ZoneBuilder, faults: ZoneFault[]): void {
  const first = b.first(0, TYPE.SOA);
  if (first < 0) faults.push({ origin: 0, message: 'has no SOA record' });
}

function checkNode(b: ZoneBuilder, node: number, faults: ZoneFault[]): void {
  const first = b.nodeFirst.data[node];
  if (first < 0) return;
  const name = (): string => formatName(b.nameOf(node));
  const fault = (record: number, message: string): void => {
    faults.push({ origin: b.origin.data[record], message: `${name()} ${message}` });
  };
  let records = 0;
  let soas = 0;
  for (let record = first; record >= 0; record = b.next.data[record]) {
    const type = b.type.data[record];
    records++;
    if (type === TYPE.SOA && (node !== 0 || soas++ > 0))
      fault(record, node === 0 ? 'has a second SOA record' : 'has a SOA record, which belongs to the top of a zone');
    if (type === TYPE.NS) checkServer(b, node, record, fault);
  }
  if (records > MOST_RECORDS) fault(first, `has more than ${MOST_RECORDS} records`);
  const cname = b.first(node, TYPE.CNAME);
  if (cname >= 0 && records > 1)
    fault(cname, 'has a CNAME, which must be the only record of its name; ALIAS may stand beside others');
  const alias = b.has(node, TYPE.ALIAS) || b.has(node, TYPE.STEER);
  if (alias && (b.has(node, TYPE.A) || b.has(node, TYPE.AAAA)))
    fault(first, 'has addresses of its own beside ALIAS or steer; it can have one of them');
  if (b.has(node, TYPE.ALIAS) && b.has(node, TYPE.STEER)) fault(first, 'has both ALIAS and steer');
  const parent = b.nodeParent.data[node];
  const above = parent < 0 ? -1 : dnameAbove(b, parent);
  if (above >= 0) fault(first, `is below a DNAME at ${formatName(b.nameOf(above))}, which hides it`);
  const label = b.nameOf(node);
  if (label[0] === 1 && label[1] === 42 && (b.has(node, TYPE.NS) || b.has(node, TYPE.DNAME)))
    fault(first, 'is a wildcard with NS or DNAME, which means nothing (RFC 4592 §4)');
}

function dnameAbove(b: ZoneBuilder, from: number): number {
  for (let node = from; node >= 0; node = b.nodeParent.data[node]) if (b.has(node, TYPE.DNAME)) return node;
  return -1;
}

/** A name server at or below the delegation can only be reached with an address beside the NS record (RFC 1034 §4.2.1). */
function checkServer(
  b: ZoneBuilder,
  node: number,
  record: number,
  fault: (record: number, message: string) => void,
): void {
  const at = b.dataAt.data[record];
  const target = lowered(b.data.data.subarray(at, at + nameLength(b.data.data, at)));
  if (!isWithin(target, b.nameOf(node))) return;
  const server = b.find(target);
  const known = server >= 0 ? server : coveredBy(b, target);
  const reachable = [TYPE.A, TYPE.AAAA, TYPE.STEER, TYPE.ALIAS].some((type) => known >= 0 && b.has(known, type));
  // Servers of the zone itself may be delegated further down, with their addresses there.
  if (!reachable && !(node === 0 && isDelegated(b, target)))
    fault(record, `names ${formatName(target)} as its server, which has no address in the zone`);
}

function coveredBy(b: ZoneBuilder, name: Uint8Array): number {
  const labels = newLabels();
  indexName(name, 0, labels);
  for (let i = 1; i <= labels.count; i++) {
    if (b.find(name.subarray(labels.starts[i])) < 0) continue;
    return b.find(Uint8Array.of(1, 42, ...name.subarray(labels.starts[i])));
  }
  return -1;
}

function isDelegated(b: ZoneBuilder, name: Uint8Array): boolean {
  for (let at = 0; name.length - at > b.apex.length; at += name[at] + 1) {
    const node = b.find(name.subarray(at));
    if (node > 0 && b.has(node, TYPE.NS)) return true;
  }
  return false;
}
