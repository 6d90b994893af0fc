// Owns network prefixes (`10.0.0.0/8`, `2001:db8::/32`) and sets of them: strict reading, and membership in time bounded by
// the length of an address. IPv4-mapped IPv6 counts as IPv4. Caches nothing and never resolves a name.

import { err, ok, type Result } from './result.ts';

export interface Cidr {
  /** 4 or 16 bytes, network order, zero beyond the prefix. */
  readonly bytes: Uint8Array;
  /** Leading bits that count: 0-32 or 0-128. */
  readonly prefix: number;
}

/** Reads an address into `out` (at least 16 bytes) and returns its length in bytes: 4, 16, or 0 if it is none. */
export function readIp(text: string, out: Uint8Array): 0 | 4 | 16 {
  if (!text.includes(':')) return readIPv4(text, 0, out, 0) ? 4 : 0;
  if (!readIPv6(text, out)) return 0;
  for (let i = 0; i < 10; i++) if (out[i] !== 0) return 16;
  if (out[10] !== 255 || out[11] !== 255) return 16;
  out.copyWithin(0, 12, 16);
  return 4;
}

/** Dotted decimal from `from` to the end of the text; no leading zeros, which some read as octal. */
function readIPv4(text: string, from: number, out: Uint8Array, at: number): boolean {
  let value = -1;
  let parts = 0;
  for (let i = from; i <= text.length; i++) {
    const code = i === text.length ? 46 : text.charCodeAt(i);
    if (code === 46) {
      if (value < 0 || parts === 4) return false;
      out[at + parts++] = value;
      value = -1;
    } else if (code >= 48 && code <= 57 && value !== 0) {
      value = (value < 0 ? 0 : value * 10) + code - 48;
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  return parts === 4;
}

/** RFC 4291 §2.2, without a zone. */
function readIPv6(text: string, out: Uint8Array): boolean {
  let at = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (at === 16) return false;
    let value = 0;
    const start = i;
    let digit = hexDigit(text.charCodeAt(i));
    while (digit >= 0 && i < start + 4) {
      value = value * 16 + digit;
      digit = hexDigit(text.charCodeAt(++i));
    }
    if (i < text.length && text.charCodeAt(i) === 46) {
      if (at > 12 || !readIPv4(text, start, out, at)) return false;
      at += 4;
      break;
    }
    if (i === start) return false;
    out[at++] = value >> 8;
    out[at++] = value & 255;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== 58) return false;
    if (text.charCodeAt(i) === 58) {
      if (gap >= 0) return false;
      gap = at;
      i++;
    } else if (i === text.length) {
      return false;
    }
  }
  if (gap < 0) return at === 16;
  if (at === 16) return false;
  out.copyWithin(16 - (at - gap), gap, at);
  out.fill(0, gap, 16 - (at - gap));
  return true;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
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
