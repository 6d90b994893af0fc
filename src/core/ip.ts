// Owns IP addresses as bytes: reading and writing their text. IPv4-mapped IPv6 counts as IPv4. Never resolves a name.

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

/** The text of 4 or 16 bytes in network order; IPv6 as RFC 5952 has it, IPv4-mapped as IPv4. */
export function formatIp(bytes: Uint8Array, at: number, length: 4 | 16): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const words = Array.from({ length: 8 }, (_, i) => (bytes[at + 2 * i] << 8) | bytes[at + 2 * i + 1]);
  if (words[5] === 0xffff && words.slice(0, 5).every((word) => word === 0)) return formatIp(bytes, at + 12, 4);
  const [from, run] = longestZeros(words);
  const text = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':');
  return run < 2 ? text(words) : `${text(words.slice(0, from))}::${text(words.slice(from + run))}`;
}

/** The first of the longest runs of zero words: where it begins, and its length. */
function longestZeros(words: readonly number[]): readonly [number, number] {
  let best: readonly [number, number] = [0, 0];
  let from = 0;
  for (let i = 0; i <= words.length; i++) {
    if (i < words.length && words[i] === 0) continue;
    if (i - from > best[1]) best = [from, i - from];
    from = i + 1;
  }
  return best;
}
