// Owns making databases in MaxMind's format for tests: networks with what is said of them, the longer network inside the
// shorter. Follows the specification (version 2.0), and is checked against readers of others.

import { parseCidr } from '../core/cidr.ts';

export interface MmdbOptions {
  readonly type?: string;
  readonly ipVersion?: 4 | 6;
  readonly recordSize?: 24 | 28 | 32;
}

/** A leaf: offset of its data, or -1 for nothing. */
interface Leaf {
  readonly data: number;
}
type Node = [left: Node | Leaf, right: Node | Leaf];

const NOTHING: Leaf = { data: -1 };
const isLeaf = (one: Node | Leaf): one is Leaf => !Array.isArray(one);

export function mmdb(
  entries: readonly (readonly [cidr: string, record: unknown])[],
  options: MmdbOptions = {},
): Buffer {
  const { type = 'Test-City', ipVersion = 6, recordSize = 24 } = options;
  const data: Buffer[] = [];
  let size = 0;
  const networks = entries.map(([text, record]) => {
    const parsed = parseCidr(text);
    if (!parsed.ok) throw new TypeError(`${text} ${parsed.error}`);
    const { bytes, prefix } = parsed.value;
    const encoded = encode(record);
    data.push(encoded);
    size += encoded.length;
    const pad = ipVersion === 6 && bytes.length === 4 ? 96 : 0;
    const bits = [...new Array<number>(pad).fill(0), ...bitsOf(bytes, prefix)];
    return { bits, offset: size - encoded.length };
  });
  const root: Node = [NOTHING, NOTHING];
  networks.sort((a, b) => a.bits.length - b.bits.length);
  for (const { bits, offset } of networks) insert(root, bits, { data: offset });
  const nodes: Node[] = [];
  const numbers = new Map<Node, number>();
  const number = (node: Node): void => {
    numbers.set(node, nodes.push(node) - 1);
    for (const child of node) if (!isLeaf(child)) number(child);
  };
  number(root);
  const value = (child: Node | Leaf): number =>
    isLeaf(child) ? (child.data < 0 ? nodes.length : nodes.length + 16 + child.data) : numbers.get(child)!;
  const tree = Buffer.concat(nodes.map(([left, right]) => pair(value(left), value(right), recordSize)));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_780_000_000,
    database_type: type,
    description: { en: 'a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: recordSize,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

function bitsOf(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

function insert(root: Node, bits: readonly number[], leaf: Leaf): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const child = node[bit];
    // What the shorter network says holds on both sides until something longer says otherwise.
    const next: Node = isLeaf(child) ? [child, child] : child;
    node[bit] = next;
    node = next;
  }
  node[bits.at(-1)!] = leaf;
}

function pair(left: number, right: number, recordSize: 24 | 28 | 32): Buffer {
  const out = Buffer.alloc(recordSize / 4);
  if (recordSize === 32) {
    out.writeUInt32BE(left, 0);
    out.writeUInt32BE(right, 4);
    return out;
  }
  out.writeUIntBE(left & 0xffffff, 0, 3);
  out.writeUIntBE(right & 0xffffff, recordSize === 24 ? 3 : 4, 3);
  if (recordSize === 28) out[3] = ((left >>> 24) << 4) | (right >>> 24);
  return out;
}

const TYPE = { text: 2, double: 3, uint32: 6, map: 7, array: 11, boolean: 14 } as const;

function encode(value: unknown): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(TYPE.text, bytes.length), bytes]);
  }
  if (typeof value === 'boolean') return control(TYPE.boolean, value ? 1 : 0);
  if (typeof value === 'number') {
    const whole = Number.isInteger(value) && value >= 0;
    const bytes = Buffer.alloc(whole ? 4 : 8);
    if (whole) bytes.writeUInt32BE(value);
    else bytes.writeDoubleBE(value);
    return Buffer.concat([control(whole ? TYPE.uint32 : TYPE.double, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(TYPE.array, value.length), ...value.map(encode)]);
  const pairs = Object.entries(value as object);
  return Buffer.concat([control(TYPE.map, pairs.length), ...pairs.flat().map(encode)]);
}

function control(type: number, size: number): Buffer {
  const short = size < 29 ? size : 29;
  const rest = size < 29 ? [] : [size - 29];
  return type < 8 ? Buffer.from([(type << 5) | short, ...rest]) : Buffer.from([short, type - 7, ...rest]);
}
