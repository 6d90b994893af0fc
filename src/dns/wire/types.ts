// Owns the numbers of DNS and their names: record types, classes, response codes, opcodes. No logic but looking up.

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  CDS: 59,
  CDNSKEY: 60,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  CAA: 257,
  /** Only inside zones, never on the wire: what stands for A and AAAA. */
  ALIAS: 65401,
  STEER: 65402,
} as const;

export const RCODE = {
  noerror: 0,
  formerr: 1,
  servfail: 2,
  nxdomain: 3,
  notimp: 4,
  refused: 5,
  notauth: 9,
  badvers: 16,
  badcookie: 23,
} as const;

export const OPCODE = { query: 0, notify: 4 } as const;
export const CLASS = { IN: 1, CH: 3, ANY: 255 } as const;

/** Bits of the second and third word of a header. */
export const FLAG = { qr: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ad: 0x0020, cd: 0x0010 } as const;

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));
const CODES = new Map<string, number>(Object.entries(TYPE));

/** `A`, `AAAA`, ... or `TYPE1234` (RFC 3597). */
export function typeName(code: number): string {
  return NAMES.get(code) ?? `TYPE${code}`;
}

/** Undefined when the text names no type. Case does not matter. */
export function typeCode(text: string): number | undefined {
  const upper = text.toUpperCase();
  const known = CODES.get(upper);
  if (known !== undefined) return known;
  const match = /^TYPE(\d{1,5})$/.exec(upper);
  const code = match === null ? 65536 : Number(match[1]);
  return code < 65536 ? code : undefined;
}

const RCODES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name.toUpperCase()]));

export function rcodeName(code: number): string {
  return RCODES.get(code) ?? `RCODE${code}`;
}
