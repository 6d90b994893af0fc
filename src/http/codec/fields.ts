// Owns the field section of a message head: finds and validates every field in one pass over the bytes, and answers
// questions by offset into one latin-1 string, so that a field costs no allocation until somebody asks for it.
// Strict by default: obs-fold, bare CR or LF, space before the colon, control bytes and empty names are refused.

import { COLON, CR, HTAB, LF, SP, TOKEN, VALUE } from './chars.ts';

/** Fields the proxy itself must understand; every other is OTHER. */
export const F = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  keepAlive: 8,
  proxyConnection: 9,
  xForwardedFor: 10,
  xForwardedProto: 11,
  xForwardedHost: 12,
  forwarded: 13,
  via: 14,
  date: 15,
  trailer: 16,
  requestId: 17,
  proxyAuthorization: 18,
  xRealIp: 19,
  xForwardedPort: 20,
  strictTransportSecurity: 22,
  clientCertSubject: 23,
  clientCertFingerprint: 24,
  /** One of the above written with `_` for `-`, which many servers fold: never understood, never passed on. */
  folded: 21,
} as const;

const KNOWN: readonly (readonly [string, number])[] = [
  ['host', F.host],
  ['connection', F.connection],
  ['content-length', F.contentLength],
  ['transfer-encoding', F.transferEncoding],
  ['expect', F.expect],
  ['upgrade', F.upgrade],
  ['te', F.te],
  ['keep-alive', F.keepAlive],
  ['proxy-connection', F.proxyConnection],
  ['x-forwarded-for', F.xForwardedFor],
  ['x-forwarded-proto', F.xForwardedProto],
  ['x-forwarded-host', F.xForwardedHost],
  ['x-forwarded-port', F.xForwardedPort],
  ['forwarded', F.forwarded],
  ['via', F.via],
  ['date', F.date],
  ['trailer', F.trailer],
  ['x-request-id', F.requestId],
  ['proxy-authorization', F.proxyAuthorization],
  ['x-real-ip', F.xRealIp],
  ['strict-transport-security', F.strictTransportSecurity],
  ['x-client-cert-subject', F.clientCertSubject],
  ['x-client-cert-fingerprint', F.clientCertFingerprint],
];

interface Known {
  readonly bytes: Uint8Array;
  readonly kind: number;
}
const BY_LENGTH: (readonly Known[] | undefined)[] = [];
for (const [name, kind] of KNOWN) {
  const entry = { bytes: Uint8Array.from(name, (c) => c.charCodeAt(0)), kind };
  BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), entry];
}
const LONGEST_KNOWN = BY_LENGTH.length - 1;

function classify(buffer: Uint8Array, start: number, length: number): number {
  if (length > LONGEST_KNOWN) return F.other;
  const candidates = BY_LENGTH[length];
  if (candidates === undefined) return F.other;
  next: for (const known of candidates) {
    let folded = false;
    for (let i = 0; i < length; i++) {
      let byte = buffer[start + i];
      if (byte === 0x5f) {
        byte = 0x2d;
        folded = true;
      }
      // | 0x20 lower-cases letters and leaves `-` alone.
      if ((byte | 0x20) !== known.bytes[i]) continue next;
    }
    return folded ? F.folded : known.kind;
  }
  return F.other;
}

export const INCOMPLETE = 0;
export const MALFORMED = -1;
export const TOO_MANY = -2;

/** Offsets are into the text that starts at `base` in the parsed buffer. */
export class Fields {
  count = 0;
  /** Whole section (or head) as latin-1 text; set by the owner after a successful parse. */
  text = '';
  readonly kind: Uint8Array;
  /** Four numbers a field: name start, name end (= colon), value start, value end. */
  readonly at: Int32Array;
  /** First index of each known kind, or -1; second ones are only counted. */
  readonly first = new Int16Array(32).fill(-1);
  readonly times = new Uint16Array(32);
  readonly #max: number;

  constructor(maxFields: number) {
    this.#max = maxFields;
    this.kind = new Uint8Array(maxFields);
    this.at = new Int32Array(maxFields * 4);
  }

  /**
   * Parses fields from `start` up to the empty line. Returns the offset after the empty line (relative to the buffer),
   * or INCOMPLETE, MALFORMED or TOO_MANY.
   */
  parse(buffer: Uint8Array, base: number, start: number, end: number, limit = this.#max): number {
    this.clear();
    const at = this.at;
    let p = start;
    for (;;) {
      if (p >= end) return INCOMPLETE;
      const lead = buffer[p];
      if (lead === CR) {
        if (p + 1 >= end) return INCOMPLETE;
        return buffer[p + 1] === LF ? p + 2 : MALFORMED;
      }
      const nameStart = p;
      while (p < end && TOKEN[buffer[p]] === 1) p++;
      if (p >= end) return INCOMPLETE;
      if (buffer[p] !== COLON || p === nameStart) return MALFORMED;
      const nameEnd = p++;
      while (p < end && (buffer[p] === SP || buffer[p] === HTAB)) p++;
      const valueStart = p;
      while (p < end && VALUE[buffer[p]] === 1) p++;
      if (p + 1 >= end) {
        return p < end && buffer[p] !== CR ? MALFORMED : INCOMPLETE;
      }
      if (buffer[p] !== CR || buffer[p + 1] !== LF) return MALFORMED;
      let valueEnd = p;
      while (valueEnd > valueStart && (buffer[valueEnd - 1] === SP || buffer[valueEnd - 1] === HTAB)) valueEnd--;
      p += 2;
      const i = this.count;
      if (i >= limit) return TOO_MANY;
      this.count = i + 1;
      const kind = classify(buffer, nameStart, nameEnd - nameStart);
      this.kind[i] = kind;
      if (kind !== F.other) {
        if (this.times[kind]++ === 0) this.first[kind] = i;
      }
      const o = i << 2;
      at[o] = nameStart - base;
      at[o + 1] = nameEnd - base;
      at[o + 2] = valueStart - base;
      at[o + 3] = valueEnd - base;
    }
  }

  clear(): void {
    const { kind, first, times } = this;
    for (let i = this.count - 1; i >= 0; i--) {
      first[kind[i]] = -1;
      times[kind[i]] = 0;
    }
    this.count = 0;
  }

  /** The same fields as `other` has now. */
  take(other: Fields): void {
    this.count = other.count;
    this.text = other.text;
    this.kind.set(other.kind.subarray(0, other.count));
    this.at.set(other.at.subarray(0, other.count << 2));
    this.first.set(other.first);
    this.times.set(other.times);
  }

  has(kind: number): boolean {
    return this.times[kind] !== 0;
  }

  value(index: number): string {
    return this.text.slice(this.at[(index << 2) + 2], this.at[(index << 2) + 3]);
  }

  /** The value with the whitespace around it, which is no part of it, but which not every parser takes off. */
  around(index: number): string {
    const o = index << 2;
    return this.text.slice(this.at[o + 1] + 1, this.text.indexOf('\r', this.at[o + 3]));
  }

  name(index: number): string {
    return this.text.slice(this.at[index << 2], this.at[(index << 2) + 1]);
  }

  /** The first field of a known kind, or undefined. */
  known(kind: number): string | undefined {
    const index = this.first[kind];
    return index < 0 ? undefined : this.value(index);
  }

  /** All fields of a known kind joined by `, ` (RFC 9110 §5.3). */
  joined(kind: number): string | undefined {
    if (this.times[kind] <= 1) return this.known(kind);
    let all = '';
    for (let i = 0; i < this.count; i++) {
      if (this.kind[i] === kind) all = all === '' ? this.value(i) : `${all}, ${this.value(i)}`;
    }
    return all;
  }

  /** All fields with this lower-case name joined by `, `, or by `; ` for Cookie (RFC 9110 §5.3, RFC 6265). */
  get(name: string): string | undefined {
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      const o = i << 2;
      if (this.at[o + 1] - this.at[o] !== name.length) continue;
      if (this.name(i).toLowerCase() !== name) continue;
      found = found === undefined ? this.value(i) : `${found}${name === 'cookie' ? '; ' : ', '}${this.value(i)}`;
    }
    return found;
  }
}

/** Splits a comma list (`Connection`, `Transfer-Encoding`) into lower-case members, leaving empty ones out. */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  for (const part of value.split(',')) {
    // Only SP and HTAB are whitespace here; `trim` would take off others, such as a no-break space.
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase();
    if (member !== '') members.push(member);
  }
  return members;
}

/** What a Connection field asks for. Remembers the last value, because peers send the same one again and again. */
export class ConnectionField {
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Other members: names of fields that end here. */
  names: readonly string[] = [];
  #value = '';

  read(value: string): void {
    if (value === this.#value) return;
    this.#value = value;
    const members = listMembers(value);
    this.close = members.includes('close');
    this.keepAlive = members.includes('keep-alive');
    this.upgrade = members.includes('upgrade');
    this.names = members.filter((member) => member !== 'close' && member !== 'keep-alive' && member !== 'upgrade');
  }
}
