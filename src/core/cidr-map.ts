// Owns a map from networks to values, for lookups by address: the longest network that holds it. Time is bounded by the length
// of an address, however many networks there are.

import { parseCidr } from './cidr.ts';
import { readIp } from './ip.ts';

export class CidrMap<V> {
  /** Child of node n for bit b at 2n + b; 0 = none. Roots: 0 (IPv4) and 1 (IPv6). */
  readonly #nodes: number[] = [0, 0, 0, 0];
  /** By node. */
  readonly #values: (V | undefined)[] = [undefined, undefined];
  readonly #buffer = new Uint8Array(16);

  /** Texts that were checked before; throws on one that is no CIDR. A network given twice keeps its first value. */
  constructor(entries: Iterable<readonly [cidr: string, value: V]>) {
    for (const [text, value] of entries) {
      const parsed = parseCidr(text);
      if (!parsed.ok) throw new TypeError(`"${text}" ${parsed.error}`);
      this.#add(parsed.value.bytes, parsed.value.prefix, value);
    }
  }

  /** A zone (`fe80::1%eth0`) is ignored; what is no address is in no network. */
  get(address: string): V | undefined {
    const buffer = this.#buffer;
    const zone = address.indexOf('%');
    const length = readIp(zone < 0 ? address : address.slice(0, zone), buffer);
    if (length === 0) return undefined;
    const nodes = this.#nodes;
    const values = this.#values;
    let node = length === 4 ? 0 : 1;
    let found = values[node];
    for (let bit = 0; bit < length * 8; bit++) {
      node = nodes[2 * node + ((buffer[bit >> 3] >> (7 - (bit & 7))) & 1)];
      if (node === 0) break;
      found = values[node] ?? found;
    }
    return found;
  }

  #add(bytes: Uint8Array, prefix: number, value: V): void {
    const nodes = this.#nodes;
    let node = bytes.length === 4 ? 0 : 1;
    for (let bit = 0; bit < prefix; bit++) {
      const at = 2 * node + ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1);
      if (nodes[at] === 0) {
        nodes[at] = nodes.length / 2;
        nodes.push(0, 0);
        this.#values.push(undefined);
      }
      node = nodes[at];
    }
    this.#values[node] ??= value;
  }
}
