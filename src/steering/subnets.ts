// Owns a map from networks to values: the longest network that holds an address, and how many bits of the address decided
// that, which is what an answer may honestly claim as its scope (RFC 7871 §7.2.1).

import { type Cidr, parseCidr } from '../core/cidr.ts';
import { readIp } from '../core/ip.ts';

interface Node<T> {
  children: [Node<T> | undefined, Node<T> | undefined];
  value: T | undefined;
}

export interface Found<T> {
  /** Every network that holds the address, the longest first. */
  readonly values: readonly T[];
  /** No other answer is possible for addresses that share so many leading bits. */
  readonly prefix: number;
}

const newNode = <T>(): Node<T> => ({ children: [undefined, undefined], value: undefined });

export class Subnets<T> {
  readonly #roots: { readonly 4: Node<T>; readonly 16: Node<T> } = { 4: newNode(), 16: newNode() };
  readonly #buffer = new Uint8Array(16);

  /** Texts that were checked before; throws on one that is no CIDR. A network given twice keeps its first value. */
  constructor(entries: Iterable<readonly [cidr: string, value: T]>) {
    for (const [text, value] of entries) {
      const parsed = parseCidr(text);
      if (!parsed.ok) throw new TypeError(`"${text}" ${parsed.error}`);
      this.#add(parsed.value, value);
    }
  }

  #add({ bytes, prefix }: Cidr, value: T): void {
    let node = this.#roots[bytes.length === 4 ? 4 : 16];
    for (let bit = 0; bit < prefix; bit++) {
      const side = bitOf(bytes, bit);
      node.children[side] ??= newNode();
      node = node.children[side];
    }
    node.value ??= value;
  }

  find(address: string): Found<T> {
    const length = readIp(address, this.#buffer);
    if (length === 0) return { values: [], prefix: 0 };
    const values: T[] = [];
    let node: Node<T> | undefined = this.#roots[length];
    let depth = 0;
    for (let bit = 0; ; bit++) {
      if (node.value !== undefined) values.unshift(node.value);
      if (node.children[0] === undefined && node.children[1] === undefined) break;
      depth = bit + 1;
      node = node.children[bitOf(this.#buffer, bit)];
      if (node === undefined) break;
    }
    return { values, prefix: depth };
  }
}

function bitOf(bytes: Uint8Array, bit: number): 0 | 1 {
  return ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1) as 0 | 1;
}
