// Owns the byte classes of HTTP/1.1 (RFC 9110 §5.6.2, RFC 9112) as lookup tables.

const table = (accept: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, i) => (accept(i) ? 1 : 0));
const among = (text: string) => (byte: number) => text.includes(String.fromCharCode(byte));
const alnum = (b: number) => (b >= 0x30 && b <= 0x39) || (b >= 0x41 && b <= 0x5a) || (b >= 0x61 && b <= 0x7a);

/** tchar: what methods and field names are made of. */
export const TOKEN = table((b) => alnum(b) || (b > 0x20 && b < 0x7f && among("!#$%&'*+-.^_`|~")(b)));
/** What a field value may hold: visible ASCII, space, tab and obs-text; no other control, no DEL. */
export const VALUE = table((b) => b === 0x09 || (b >= 0x20 && b !== 0x7f));
/** What a request target may hold: visible ASCII. Raw bytes ≥ 0x80 must come percent-encoded (RFC 3986). */
export const TARGET = table((b) => b > 0x20 && b < 0x7f && b !== 0x23);

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;
