// Owns network prefixes (`10.0.0.0/8`, `2001:db8::/32`) and sets of them: strict reading, and membership in time bounded by
// the length of an address. IPv4-mapped IPv6 counts as IPv4. Caches nothing and never resolves a name.

import { readIp } from './ip.ts';
import { err, ok, type Result } from './result.ts';

export interface Cidr {
  /** 4 or 16 bytes, network order, zero beyond the prefix. */
  readonly bytes: Uint8Array;
  /** Leading bits that count: 0-32 or 0-128. */
  readonly prefix: number;
}

/** Reads `address/prefix`, or an address alone, which stands for itself. The error is for who wrote the configuration. */
export function parseCidr(text: string): Result<Cidr, string> {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const buffer = new Uint8Array(16);
  const length = readIp(address, buffer);
  if (length === 0) return err(`has "${address}", which is no IP address`);
  const bytes = buffer.slice(0, length);
  if (slash < 0) return ok({ bytes, prefix: length * 8 });
  const prefixText = text.slice(slash + 1);
  const mapped = length === 4 && address.includes(':');
  const prefix = Number(prefixText) - (mapped ? 96 : 0);
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || prefix < 0 || prefix > length * 8) {
    return err(`has "/${prefixText}" where a prefix length of ${mapped ? '96-128' : `0-${length * 8}`} belongs`);
  }
  for (let bit = prefix; bit < length * 8; bit++) {
    if (bitOf(bytes, bit) === 1) return err(`has bits of the address set beyond /${prefixText}`);
  }
  return ok({ bytes, prefix });
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;
}

const IN_SET = -1;

/** A set of networks as two binary tries, one per address family. */
export class CidrSet {
  /** Child of node n for bit b at 2n + b: 0 = none, IN_SET = every address below is in the set. Roots: 0 (v4), 1 (v6). */
  readonly #nodes: number[] = [0, 0, 0, 0];
  readonly #whole = { 4: false, 16: false };
  readonly #buffer = new Uint8Array(16);

  constructor(cidrs: Iterable<Cidr>) {
    for (const cidr of cidrs) this.#add(cidr);
  }

  /** A set of texts that were checked before; throws on one that is no CIDR. */
  static of(texts: readonly string[]): CidrSet {
    return new CidrSet(
      texts.map((text) => {
        const result = parseCidr(text);
        if (!result.ok) throw new TypeError(`"${text}" ${result.error}`);
        return result.value;
      }),
    );
  }

  /** Whether the address is in one of the networks. A zone (`fe80::1%eth0`) is ignored; what is no address is in none. */
  has(address: string): boolean {
    const zone = address.indexOf('%');
    const buffer = this.#buffer;
    const length = readIp(zone < 0 ? address : address.slice(0, zone), buffer);
    if (length === 0) return false;
    if (this.#whole[length]) return true;
    let node = length === 4 ? 0 : 1;
    for (let bit = 0; bit < length * 8; bit++) {
      node = this.#nodes[2 * node + bitOf(buffer, bit)];
      if (node <= 0) return node === IN_SET;
    }
    return false;
  }

  #add({ bytes, prefix }: Cidr): void {
    const nodes = this.#nodes;
    const family = bytes.length === 4 ? 4 : 16;
    if (prefix === 0) this.#whole[family] = true;
    let node = family === 4 ? 0 : 1;
    for (let bit = 0; bit < prefix; bit++) {
      const at = 2 * node + bitOf(bytes, bit);
      if (nodes[at] === IN_SET) return;
      if (bit === prefix - 1) {
        nodes[at] = IN_SET;
      } else if (nodes[at] === 0) {
        nodes[at] = nodes.length / 2;
        nodes.push(0, 0);
      }
      node = nodes[at];
    }
  }
}
