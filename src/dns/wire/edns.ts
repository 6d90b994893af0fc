// Owns EDNS(0) (RFC 6891) as bytes: what a query's OPT record says (client subnet, RFC 7871; cookie, RFC 7873; NSID, RFC 5001), and
// the checks of its form. What to answer is the engine's.

import { formatIp } from '../../core/ip.ts';
import { u16 } from './bytes.ts';

export const OPTION = { nsid: 3, ecs: 8, cookie: 10, ede: 15 } as const;
export const DO_BIT = 0x8000;

export class EdnsIn {
  present = false;
  /** What the client can take. */
  udpSize = 512;
  version = 0;
  dnssecOk = false;
  nsid = false;
  /** Client subnet: family 0 when there is none, or when it is a prefix of no bits of no family. */
  ecs = false;
  ecsFamily = 0;
  ecsPrefix = 0;
  /** 16 bytes: the address, zero beyond the prefix. */
  readonly ecsAddress = new Uint8Array(16);
  /** 0 without one; else 8, or 16-40 with a server's part. */
  cookieLength = 0;
  readonly cookie = new Uint8Array(40);

  reset(): void {
    this.present = false;
    this.udpSize = 512;
    this.version = 0;
    this.dnssecOk = false;
    this.nsid = false;
    this.ecs = false;
    this.cookieLength = 0;
  }

  /** From the class and the TTL of an OPT record. */
  begin(size: number, ttl: number): void {
    this.present = true;
    this.udpSize = Math.max(512, size);
    this.version = (ttl >>> 16) & 255;
    this.dnssecOk = (ttl & DO_BIT) !== 0;
  }

  /** Text of the subnet's address. */
  get ecsText(): string {
    return formatIp(this.ecsAddress, 0, this.ecsFamily === 2 ? 16 : 4);
  }
}

/** False when the record is malformed. Options that nobody knows are skipped. */
export function readOptions(packet: Uint8Array, from: number, end: number, into: EdnsIn): boolean {
  let at = from;
  while (at < end) {
    if (at + 4 > end) return false;
    const code = u16(packet, at);
    const length = u16(packet, at + 2);
    at += 4;
    if (at + length > end) return false;
    if (code === OPTION.ecs) {
      if (!readSubnet(packet, at, length, into)) return false;
    } else if (code === OPTION.cookie) {
      if (length !== 8 && (length < 16 || length > 40)) return false;
      into.cookieLength = length;
      for (let i = 0; i < length; i++) into.cookie[i] = packet[at + i];
    } else if (code === OPTION.nsid) {
      into.nsid = true;
    }
    at += length;
  }
  return true;
}

/** RFC 7871 §6 and §7.1: as many bytes as the prefix needs, no bits beyond it, no scope in a query. */
function readSubnet(packet: Uint8Array, at: number, length: number, into: EdnsIn): boolean {
  if (length < 4) return false;
  const family = u16(packet, at);
  const prefix = packet[at + 2];
  if (packet[at + 3] !== 0) return false;
  // `dig +subnet=0` says: no family, no bits.
  const most = family === 1 ? 32 : family === 2 ? 128 : family === 0 ? 0 : -1;
  if (prefix > most) return false;
  const bytes = (prefix + 7) >> 3;
  if (length !== 4 + bytes) return false;
  const address = into.ecsAddress;
  address.fill(0);
  for (let i = 0; i < bytes; i++) address[i] = packet[at + 4 + i];
  if ((prefix & 7) !== 0 && (address[bytes - 1] & (0xff >> (prefix & 7))) !== 0) return false;
  into.ecs = true;
  into.ecsFamily = family;
  into.ecsPrefix = prefix;
  return true;
}
