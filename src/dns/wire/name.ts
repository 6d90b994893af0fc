// Owns domain names as bytes: reading and writing their text, comparing without case, and the hashes of a name and of every
// name above it. Compression is the writer's. A name here is labels with their lengths, and the root's zero byte.

export const MAX_NAME = 255;
export const MAX_LABEL = 63;

/** ASCII letters in lower case; the lengths of labels are below 64 and stay. */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 65 && byte <= 90 ? byte + 32 : byte,
);

const HASH_START = 0x811c9dc5 | 0;

/** Where the labels of a name begin, and the hash of the name from each label on. The last entry is the root. */
export interface Labels {
  readonly starts: Uint8Array;
  readonly hashes: Int32Array;
  /** Without the root. */
  count: number;
}

export function newLabels(): Labels {
  return { starts: new Uint8Array(129), hashes: new Int32Array(129), count: 0 };
}

/** Of a well-formed name at `at`. */
export function indexName(bytes: Uint8Array, at: number, labels: Labels): void {
  const { starts } = labels;
  let count = 0;
  let position = at;
  while (bytes[position] !== 0) {
    starts[count++] = position - at;
    position += bytes[position] + 1;
  }
  starts[count] = position - at;
  labels.count = count;
  hashLabels(bytes, at, labels);
}

/** Fills the hashes when the starts are known. */
export function hashLabels(bytes: Uint8Array, at: number, labels: Labels): void {
  const { starts, hashes, count } = labels;
  let hash = HASH_START;
  hashes[count] = hash;
  for (let label = count - 1; label >= 0; label--) {
    const end = at + starts[label + 1];
    for (let i = at + starts[label]; i < end; i++) hash = Math.imul(hash ^ LOWER[bytes[i]], 0x01000193);
    hash = hash ^ (hash >>> 15);
    hashes[label] = hash;
  }
}

/** Bytes with the root's. */
export function nameLength(bytes: Uint8Array, at: number): number {
  let position = at;
  while (bytes[position] !== 0) position += bytes[position] + 1;
  return position + 1 - at;
}

export function sameName(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = 0; ; i++) {
    const byte = LOWER[a[aAt + i]];
    if (byte !== LOWER[b[bAt + i]]) return false;
    // Lengths and letters share the loop; only a length can be zero at the end of both, for a zero inside a label is
    // reached after the same length in both.
    if (byte === 0 && isRootAt(a, aAt, i)) return true;
  }
}

function isRootAt(bytes: Uint8Array, at: number, offset: number): boolean {
  let position = 0;
  while (position < offset) position += bytes[at + position] + 1;
  return position === offset;
}

/** Whether the name is `apex` or below it. */
export function isWithin(name: Uint8Array, apex: Uint8Array): boolean {
  let at = 0;
  while (name.length - at > apex.length) at += name[at] + 1;
  return name.length - at === apex.length && sameName(name, at, apex, 0);
}

export function lowered(name: Uint8Array): Uint8Array {
  return name.map((byte) => LOWER[byte]);
}

/**
 * Reads the text of a name (RFC 1035 §5.1: `\.` and `\046` escape) between two places into `out`; one without a dot at its end goes on with
 * `origin`. Returns its length, or a text that says what is wrong.
 */
export function readName(
  text: string,
  from: number,
  to: number,
  origin: Uint8Array | undefined,
  out: Uint8Array,
  at: number,
): number | string {
  if (from === to) return 'is an empty name';
  if (to - from === 1) {
    const only = text.charCodeAt(from);
    if (only === 46) {
      out[at] = 0;
      return 1;
    }
    if (only === 64) return origin === undefined ? 'is relative, and there is no origin' : append(origin, out, at, at);
  }
  let label = at;
  let end = at + 1;
  const most = at + MAX_NAME - 1;
  for (let i = from; i < to; i++) {
    let code = text.charCodeAt(i);
    if (code === 46) {
      const fault = closeLabel(out, label, end);
      if (fault !== '') return fault;
      label = end++;
      if (i + 1 < to) continue;
      out[label] = 0;
      return end - at;
    }
    if (code === 92) {
      const escaped = readEscape(text, i + 1, to);
      if (escaped < 0) return 'has a "\\" that escapes nothing';
      if (isDigit(text.charCodeAt(i + 1))) i += 3;
      else i++;
      code = escaped;
    }
    if (code > 255) return `has "${text[i]}"; write internationalised names in their xn-- form`;
    if (end >= most) return 'is longer than 255 bytes';
    out[end++] = code;
  }
  const fault = closeLabel(out, label, end);
  if (fault !== '') return fault;
  return origin === undefined ? 'is relative, and there is no origin' : append(origin, out, at, end);
}

function closeLabel(out: Uint8Array, label: number, end: number): string {
  const length = end - label - 1;
  if (length === 0) return 'has an empty label';
  if (length > MAX_LABEL) return 'has a label longer than 63 bytes';
  out[label] = length;
  return '';
}

function append(origin: Uint8Array, out: Uint8Array, at: number, end: number): number | string {
  if (end - at + origin.length > MAX_NAME) return 'is longer than 255 bytes';
  for (let i = 0; i < origin.length; i++) out[end + i] = origin[i];
  return end - at + origin.length;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** What follows a backslash at `i`: three digits or any other character; -1 when it is neither. */
export function readEscape(text: string, i: number, to: number): number {
  if (i >= to) return -1;
  const first = text.charCodeAt(i);
  if (!isDigit(first)) return first;
  if (i + 3 > to) return -1;
  const value = Number(text.slice(i, i + 3));
  return /^\d{3}$/.test(text.slice(i, i + 3)) && value < 256 ? value : -1;
}

/** A whole text as a name; `origin` for relative ones. */
export function parseName(text: string, origin?: Uint8Array): Uint8Array | string {
  const out = new Uint8Array(MAX_NAME + 1);
  const length = readName(text, 0, text.length, origin, out, 0);
  return typeof length === 'string' ? length : out.slice(0, length);
}

/** With a dot at its end, and escapes where a character would mean something else. */
export function formatName(bytes: Uint8Array, at = 0): string {
  if (bytes[at] === 0) return '.';
  let text = '';
  let position = at;
  while (bytes[position] !== 0) {
    const end = position + 1 + bytes[position];
    for (let i = position + 1; i < end; i++) text += formatByte(bytes[i]);
    text += '.';
    position = end;
  }
  return text;
}

function formatByte(byte: number): string {
  if (byte <= 32 || byte >= 127) return `\\${String(byte).padStart(3, '0')}`;
  const character = String.fromCharCode(byte);
  return '."\\();@$'.includes(character) ? `\\${character}` : character;
}
