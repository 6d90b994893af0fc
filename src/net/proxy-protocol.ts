// Owns the PROXY protocol, versions 1 and 2, as bytes: reading a header and writing one. It knows no sockets and does not
// decide whose header is believed. Source: "The PROXY protocol", Willy Tarreau, 2020 (haproxy's doc/proxy-protocol.txt).

import type { Address } from '../core/address.ts';
import { formatIp, readIp } from '../core/ip.ts';
import { crc32c } from './crc32c.ts';

export interface ProxyHeader {
  /** Bytes of the header; what follows belongs to the connection. */
  readonly length: number;
  /** `local`: the proxy speaks for itself (a health check), so the addresses are those of the connection. */
  readonly command: 'proxy' | 'local';
  /** Undefined when the proxy did not know or the family is none of IP. */
  readonly source: Address | undefined;
  readonly destination: Address | undefined;
  /** Type, length and value of each, as they came, without checksum and padding; empty for version 1. */
  readonly tlvs: Buffer;
}

export type ProxyHeaderFault =
  /** So far it is one. */
  | 'incomplete'
  /** It begins as one and is malformed. */
  | 'invalid'
  /** It is none. */
  | 'absent';

export const TLV = { alpn: 0x01, authority: 0x02, crc32c: 0x03, noop: 0x04 } as const;

const SIGNATURE_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const SIGNATURE_V1 = Buffer.from('PROXY ', 'latin1');
/** The longest line that version 1 allows, CRLF included. */
const LONGEST_V1 = 107;
/** Addresses and TLVs of version 2. The format allows 64 KiB, which nobody sends. */
const LONGEST_V2 = 16 * 1024;
const FIXED_V2 = 16;
const NO_TLVS = Buffer.alloc(0);

export function parseProxyHeader(buffer: Buffer, start: number, end: number): ProxyHeader | ProxyHeaderFault {
  if (begins(buffer, start, end, SIGNATURE_V2)) return parseV2(buffer, start, end);
  if (begins(buffer, start, end, SIGNATURE_V1)) return parseV1(buffer, start, end);
  return 'absent';
}

function begins(buffer: Buffer, start: number, end: number, signature: Buffer): boolean {
  const length = Math.min(end - start, signature.length);
  return buffer.compare(signature, 0, length, start, start + length) === 0;
}

function parseV1(buffer: Buffer, start: number, end: number): ProxyHeader | ProxyHeaderFault {
  const last = Math.min(end, start + LONGEST_V1);
  const at = buffer.subarray(start, last).indexOf('\r\n');
  if (at < 0) return end - start >= LONGEST_V1 ? 'invalid' : 'incomplete';
  const length = at + 2;
  const parts = buffer.latin1Slice(start, start + at).split(' ');
  // Whatever follows UNKNOWN is to be ignored.
  if (parts[1] === 'UNKNOWN') {
    return { length, command: 'proxy', source: undefined, destination: undefined, tlvs: NO_TLVS };
  }
  const family = parts[1] === 'TCP4' ? 4 : parts[1] === 'TCP6' ? 16 : 0;
  if (family === 0 || parts.length !== 6) return 'invalid';
  const source = addressV1(parts[2], parts[4], family);
  const destination = addressV1(parts[3], parts[5], family);
  if (source === undefined || destination === undefined) return 'invalid';
  return { length, command: 'proxy', source, destination, tlvs: NO_TLVS };
}

const scratch = new Uint8Array(16);

function addressV1(host: string, port: string, family: 4 | 16): Address | undefined {
  const length = readIp(host, scratch);
  // A mapped address is one of 16 bytes that counts as one of 4.
  if (length === 0 || (family === 4) === host.includes(':')) return undefined;
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return undefined;
  return { host: formatIp(scratch, 0, length), port: Number(port) };
}

function parseV2(buffer: Buffer, start: number, end: number): ProxyHeader | ProxyHeaderFault {
  if (end - start < FIXED_V2) return 'incomplete';
  const command = buffer[start + 12] & 15;
  if (buffer[start + 12] >> 4 !== 2 || command > 1) return 'invalid';
  const family = buffer[start + 13] >> 4;
  const transport = buffer[start + 13] & 15;
  const size = buffer.readUInt16BE(start + 14);
  if (size > LONGEST_V2 || family > 3 || transport > 2) return 'invalid';
  const length = FIXED_V2 + size;
  if (end - start < length) return 'incomplete';
  const bytes = family === 1 ? 4 : family === 2 ? 16 : 0;
  const fixed = family === 3 ? 216 : bytes === 0 ? 0 : 2 * bytes + 4;
  if (size < fixed) return 'invalid';
  const at = start + FIXED_V2;
  // Of a header without addresses the receiver has to ignore the rest.
  const tlvs = family === 0 ? NO_TLVS : readTlvs(buffer, start, at + fixed, start + length);
  if (tlvs === undefined) return 'invalid';
  if (command === 0 || bytes === 0) {
    return { length, command: command === 0 ? 'local' : 'proxy', source: undefined, destination: undefined, tlvs };
  }
  const ports = at + 2 * bytes;
  const source = { host: formatIp(buffer, at, bytes), port: buffer.readUInt16BE(ports) };
  const destination = { host: formatIp(buffer, at + bytes, bytes), port: buffer.readUInt16BE(ports + 2) };
  return { length, command: 'proxy', source, destination, tlvs };
}

/** A copy of the TLVs in [from, end); undefined when one is cut or the checksum over the header is wrong. */
function readTlvs(buffer: Buffer, header: number, from: number, end: number): Buffer | undefined {
  if (from === end) return NO_TLVS;
  const kept: Buffer[] = [];
  for (let at = from; at < end; ) {
    if (end - at < 3) return undefined;
    const next = at + 3 + buffer.readUInt16BE(at + 1);
    if (next > end) return undefined;
    if (buffer[at] === TLV.crc32c) {
      if (next - at !== 7) return undefined;
      const whole = Buffer.from(buffer.subarray(header, end)).fill(0, at + 3 - header, next - header);
      if (crc32c(whole) !== buffer.readUInt32BE(at + 3)) return undefined;
    } else if (buffer[at] !== TLV.noop) {
      kept.push(buffer.subarray(at, next));
    }
    at = next;
  }
  return Buffer.concat(kept);
}

export function hasTlv(tlvs: Buffer, type: number): boolean {
  for (let at = 0; at + 3 <= tlvs.length; at += 3 + tlvs.readUInt16BE(at + 1)) if (tlvs[at] === type) return true;
  return false;
}

export function tlv(type: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  const out = Buffer.allocUnsafe(3 + bytes.length);
  out[0] = type;
  out.writeUInt16BE(bytes.length, 1);
  out.set(bytes, 3);
  return out;
}

/** Both ends of the client's connection. */
export interface ProxiedEnds {
  readonly source: Address;
  readonly destination: Address;
}

export function encodeV1({ source, destination }: ProxiedEnds): Buffer {
  const ends = endsOf(source, destination);
  if (ends === undefined) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const { bytes, length } = ends;
  const host = (at: number): string => (length === 4 ? formatIp(bytes, at, 4) : fullIPv6(bytes, at));
  const line = `PROXY TCP${length === 4 ? 4 : 6} ${host(0)} ${host(length)} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(line, 'latin1');
}

/** A mapped IPv4 address has to look like IPv6 in a line that says TCP6. */
function fullIPv6(bytes: Uint8Array, at: number): string {
  const text = formatIp(bytes, at, 16);
  return text.includes(':') ? text : `::ffff:${text}`;
}

export function encodeV2(
  transport: 'tcp' | 'udp',
  { source, destination }: ProxiedEnds,
  tlvs: Buffer = NO_TLVS,
): Buffer {
  const ends = endsOf(source, destination);
  const addresses = ends === undefined ? 0 : 2 * ends.length + 4;
  const out = Buffer.allocUnsafe(FIXED_V2 + addresses + (ends === undefined ? 0 : tlvs.length));
  out.set(SIGNATURE_V2, 0);
  out[12] = 0x21;
  out[13] = ends === undefined ? 0 : ((ends.length === 4 ? 1 : 2) << 4) | (transport === 'tcp' ? 1 : 2);
  out.writeUInt16BE(out.length - FIXED_V2, 14);
  if (ends === undefined) return out;
  out.set(ends.bytes.subarray(0, 2 * ends.length), FIXED_V2);
  out.writeUInt16BE(source.port, FIXED_V2 + 2 * ends.length);
  out.writeUInt16BE(destination.port, FIXED_V2 + 2 * ends.length + 2);
  out.set(tlvs, FIXED_V2 + addresses);
  return out;
}

/** What a health check says in front: nobody is behind it. */
export function encodeLocal(version: 1 | 2): Buffer {
  if (version === 1) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const out = Buffer.alloc(FIXED_V2);
  out.set(SIGNATURE_V2, 0);
  out[12] = 0x20;
  return out;
}

/** Both addresses in the same family: an IPv4 one is mapped when the other is IPv6. Undefined when one is none. */
function endsOf(source: Address, destination: Address): { bytes: Uint8Array; length: 4 | 16 } | undefined {
  const a = new Uint8Array(16);
  const b = new Uint8Array(16);
  const lengths = [readIp(withoutZone(source.host), a), readIp(withoutZone(destination.host), b)];
  if (lengths.includes(0)) return undefined;
  const bytes = new Uint8Array(32);
  if (lengths[0] === 4 && lengths[1] === 4) {
    bytes.set(a.subarray(0, 4), 0);
    bytes.set(b.subarray(0, 4), 4);
    return { bytes, length: 4 };
  }
  bytes.set(lengths[0] === 4 ? mapped(a) : a, 0);
  bytes.set(lengths[1] === 4 ? mapped(b) : b, 16);
  return { bytes, length: 16 };
}

function mapped(ipv4: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  out[10] = out[11] = 255;
  out.set(ipv4.subarray(0, 4), 12);
  return out;
}

function withoutZone(host: string): string {
  const zone = host.indexOf('%');
  return zone < 0 ? host : host.slice(0, zone);
}
