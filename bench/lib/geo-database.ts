// Owns the database of places for measurements: the embedded one as MaxMind would write it (`country.iso_code`, `continent.code`),
// because other servers read no other form. The same networks, the same tree; only what is said of each network is written anew.

import { readFileSync } from 'node:fs';
import { GeoDatabase } from '../../src/geo/database.ts';
import { geoPaths } from '../../src/geo/files.ts';

/** Between the tree and the data. */
const GAP = 16;
const RECORD_BYTES = 3;

/** The file's bytes, and places by address; or why there are none. */
export function nestedDatabase(): { readonly bytes: Buffer; readonly places: GeoDatabase } | string {
  const paths = geoPaths({ database: 'embedded', asn: '' });
  if (!paths.ok) return paths.error;
  const [path] = paths.value;
  const flat = readFileSync(path);
  const shared = new SharedArrayBuffer(flat.length);
  flat.copy(Buffer.from(shared));
  const opened = GeoDatabase.open([{ path, bytes: shared }]);
  if (!opened.ok) return opened.error;
  const places = opened.value;
  const at = flat.lastIndexOf(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'));
  const metadata = flat.subarray(at);
  const nodes = number(metadata, 'node_count');
  if (number(metadata, 'record_size') !== 24) return `${path} has records of another size than 24 bits`;
  const tree = Buffer.from(flat.subarray(0, nodes * 2 * RECORD_BYTES));
  const data: Buffer[] = [];
  let size = 0;
  const moved = new Map<number, number>();
  // Every leaf once, by an address that leads to it: a stack of nodes with the bits so far.
  const stack: [node: number, path: bigint, depth: number][] = [[0, 0n, 0]];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [node, bits, depth] = next;
    for (const side of [0, 1]) {
      const offset = (node * 2 + side) * RECORD_BYTES;
      const child = flat.readUIntBE(offset, RECORD_BYTES);
      const path = (bits << 1n) | BigInt(side);
      if (child < nodes) {
        // IPv4 is also reachable by aliases of IPv6 (2002::/16 and others): one way is enough.
        if (child > node) stack.push([child, path, depth + 1]);
      } else if (child > nodes) {
        if (!moved.has(child)) {
          moved.set(child, nodes + GAP + size);
          const { country, continent } = places.find(addressOf(path << BigInt(127 - depth)));
          data.push(map({ continent: map({ code: text(continent) }), country: map({ iso_code: text(country) }) }));
          size += data.at(-1)!.length;
        }
        tree.writeUIntBE(moved.get(child)!, offset, RECORD_BYTES);
      }
    }
  }
  return { bytes: Buffer.concat([tree, Buffer.alloc(GAP), ...data, metadata]), places };
}

/** An unsigned number of the metadata. */
function number(metadata: Buffer, key: string): number {
  const at = metadata.indexOf(key) + key.length;
  return metadata.readUIntBE(at + 1, metadata[at] & 31);
}

function addressOf(bits: bigint): string {
  const digits = bits.toString(16).padStart(32, '0');
  if (digits.startsWith('0'.repeat(24))) {
    const low = Number(bits & 0xffffffffn);
    return [24, 16, 8, 0].map((shift) => (low >>> shift) & 255).join('.');
  }
  return digits.match(/.{4}/g)!.join(':');
}

const text = (value: string): Buffer => Buffer.concat([Buffer.of((2 << 5) | value.length), Buffer.from(value)]);
const map = (pairs: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat([
    Buffer.of((7 << 5) | Object.keys(pairs).length),
    ...Object.entries(pairs).flatMap(([key, value]) => [text(key), value]),
  ]);
