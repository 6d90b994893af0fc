// Owns reading what a TLS client says in the clear before anything is encrypted: the server name (SNI) and the protocols
// it offers (ALPN), from its ClientHello. It decrypts nothing, changes nothing and keeps nothing.
// Sources: RFC 8446 §4.1.2 and §5.1 (records, and messages cut over several of them), RFC 6066 §3, RFC 7301 §3.1.
// Values that a client made up to keep us honest (GREASE, RFC 8701) are extensions and protocols like any other.

export interface ClientHello {
  /** Lower case, without a dot at the end; '' when the client named nobody. */
  readonly sni: string;
  /** In the client's order of preference. */
  readonly alpn: readonly string[];
}

export type HelloFault =
  /** It begins as one and is malformed, longer than `MOST_HELLO_BYTES`, or in more than `MOST_RECORDS`. */
  | 'invalid'
  /** It is no TLS. */
  | 'absent';

/** So far it is one; there is no point in looking again before so many bytes are there in all. */
export type BytesWanted = number;

/** Records and all; with post-quantum key shares a real one has about 2 KiB. */
export const MOST_HELLO_BYTES = 16 * 1024;

/** Nobody cuts a hello into more; looking at each again and again would cost us more than sending it costs. */
export const MOST_RECORDS = 32;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
const LARGEST_RECORD = 16 * 1024;
const SERVER_NAME = 0;
const ALPN = 16;

export function parseClientHello(buffer: Buffer, start: number, end: number): ClientHello | HelloFault | BytesWanted {
  const message = handshake(buffer, start, end);
  return typeof message === 'object' ? readHello(message) : message;
}

/** The first handshake message without its head, put together from as many records as it was cut into. */
function handshake(buffer: Buffer, start: number, end: number): Buffer | HelloFault | BytesWanted {
  const parts: Buffer[] = [];
  let have = 0;
  let want = -1;
  for (let at = start; ; ) {
    if (parts.length === MOST_RECORDS) return 'invalid';
    const fault = recordFault(buffer, at, end, at === start);
    if (fault !== undefined) return fault;
    if (end < at + RECORD_HEAD) return at + RECORD_HEAD - start;
    const size = buffer.readUInt16BE(at + 3);
    const from = at + RECORD_HEAD;
    const part = buffer.subarray(from, Math.min(end, from + size));
    parts.push(part);
    have += part.length;
    if (want < 0 && have >= MESSAGE_HEAD) {
      const head = parts.length === 1 ? part : Buffer.concat(parts);
      if (head[0] !== CLIENT_HELLO) return 'invalid';
      want = MESSAGE_HEAD + head.readUIntBE(1, 3);
      if (want > MOST_HELLO_BYTES) return 'invalid';
    }
    if (want >= 0 && have >= want) {
      const whole = parts.length === 1 ? part : Buffer.concat(parts);
      return whole.subarray(MESSAGE_HEAD, want);
    }
    at = from + size;
    if (at - start > MOST_HELLO_BYTES) return 'invalid';
    if (at >= end) return (at === end ? at + RECORD_HEAD : at) - start;
  }
}

function recordFault(buffer: Buffer, at: number, end: number, first: boolean): HelloFault | undefined {
  const none = first ? 'absent' : 'invalid';
  if (end > at && buffer[at] !== HANDSHAKE) return none;
  if (end > at + 1 && buffer[at + 1] !== 3) return none;
  if (end < at + RECORD_HEAD) return undefined;
  const size = buffer.readUInt16BE(at + 3);
  return size === 0 || size > LARGEST_RECORD ? 'invalid' : undefined;
}

/** Reads on in a block of bytes; past its end everything is -1 or undefined, which ends up as 'invalid'. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  number(size: 1 | 2): number {
    if (this.left < size) return -1;
    this.at += size;
    return this.#bytes.readUIntBE(this.at - size, size);
  }

  block(size: number): Buffer | undefined {
    if (size < 0 || this.left < size) return undefined;
    this.at += size;
    return this.#bytes.subarray(this.at - size, this.at);
  }
}

function readHello(message: Buffer): ClientHello | 'invalid' {
  const reader = new Reader(message);
  // Version and random, session, cipher suites, compression methods.
  if (reader.block(34) === undefined) return 'invalid';
  if (reader.block(reader.number(1)) === undefined) return 'invalid';
  if (reader.block(reader.number(2)) === undefined) return 'invalid';
  if (reader.block(reader.number(1)) === undefined) return 'invalid';
  if (reader.left === 0) return { sni: '', alpn: [] };
  const extensions = reader.block(reader.number(2));
  if (extensions === undefined || reader.left > 0) return 'invalid';
  return readExtensions(new Reader(extensions));
}

function readExtensions(reader: Reader): ClientHello | 'invalid' {
  let sni: string | undefined;
  let alpn: readonly string[] | undefined;
  while (reader.left > 0) {
    const type = reader.number(2);
    const body = reader.block(reader.number(2));
    if (body === undefined) return 'invalid';
    if (type === SERVER_NAME) {
      // Twice would let us and the server believe different ones.
      if (sni !== undefined) return 'invalid';
      sni = readServerName(new Reader(body));
      if (sni === undefined) return 'invalid';
    } else if (type === ALPN) {
      if (alpn !== undefined) return 'invalid';
      alpn = readProtocols(new Reader(body));
      if (alpn === undefined) return 'invalid';
    }
  }
  return { sni: sni ?? '', alpn: alpn ?? [] };
}

function readServerName(reader: Reader): string | undefined {
  const list = reader.block(reader.number(2));
  if (list === undefined || reader.left > 0) return undefined;
  const names = new Reader(list);
  const type = names.number(1);
  const name = names.block(names.number(2));
  if (type !== 0 || name === undefined || names.left > 0) return undefined;
  const text = name.latin1Slice().toLowerCase();
  return /^[!-~]{1,255}$/.test(text) ? text.replace(/\.$/, '') : undefined;
}

function readProtocols(reader: Reader): readonly string[] | undefined {
  const list = reader.block(reader.number(2));
  if (list === undefined || reader.left > 0) return undefined;
  const protocols: string[] = [];
  for (const names = new Reader(list); names.left > 0; ) {
    const name = names.block(names.number(1));
    if (name === undefined || name.length === 0) return undefined;
    protocols.push(name.latin1Slice());
  }
  return protocols.length > 0 ? protocols : undefined;
}
