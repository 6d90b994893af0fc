// Owns reading and writing the little of DER (X.690) that OCSP needs. Every length is checked; what does not fit is an error.

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

export class DerError extends Error {}

export interface Element {
  readonly tag: number;
  /** Without tag and length. */
  readonly content: Buffer;
  /** With them. */
  readonly whole: Buffer;
}

/** Goes through the elements that stand one behind the other. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Of the next element; -1 at the end. */
  get tag(): number {
    return this.done ? -1 : this.#bytes[this.#at];
  }

  next(tag?: number): Element {
    const bytes = this.#bytes;
    const start = this.#at;
    if (start + 2 > bytes.length) throw new DerError('it breaks off');
    const found = bytes[start];
    if (tag !== undefined && found !== tag) throw new DerError(`it has ${found} where ${tag} should be`);
    let length = bytes[start + 1];
    let from = start + 2;
    if (length > 0x80) {
      const size = length & 0x7f;
      if (size > 4 || from + size > bytes.length) throw new DerError('it has a length that is none');
      length = bytes.readUIntBE(from, size);
      from += size;
    } else if (length === 0x80) throw new DerError('it has a length that is none');
    const end = from + length;
    if (end > bytes.length) throw new DerError('it breaks off');
    this.#at = end;
    return { tag: found, content: bytes.subarray(from, end), whole: bytes.subarray(start, end) };
  }

  /** The inside of the next element. */
  enter(tag: number = TAG.sequence): DerReader {
    return new DerReader(this.next(tag).content);
  }

  /** The next one if it has this tag. */
  optional(tag: number): Element | undefined {
    return this.tag === tag ? this.next() : undefined;
  }
}

/** Context-specific and constructed: `[n]`. */
export const context = (n: number): number => 0xa0 | n;

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  let head: number[];
  if (length < 0x80) head = [tag, length];
  else if (length < 0x100) head = [tag, 0x81, length];
  else head = [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(TAG.sequence, ...parts);
}

/** `1.2.840...` */
export function oidOf({ tag, content }: Element): string {
  if (tag !== TAG.oid || content.length === 0) throw new DerError('it has no name where one should be');
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      numbers.push(first, value - 40 * first);
    } else numbers.push(value);
    value = 0;
  }
  return numbers.join('.');
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Ms since 1970. */
export function timeOf({ tag, content }: Element): number {
  const parts = tag === TAG.generalizedTime ? TIME.exec(content.toString('latin1')) : null;
  if (parts === null) throw new DerError('it has a time that is none');
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
