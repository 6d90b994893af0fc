// Owns the ways in which a text from outside may be read by whoever is behind us: what an attack is hidden in that no rule knows.
// Each reading that differs is looked at. Nothing here throws, and all of it is linear in the text.

/** Attacks are not hidden deeper by anybody who wants them to work. */
const MOST_DECODINGS = 3;

/** A text in all its readings: one text where they are one. */
export type Readings = string | readonly string[];

/** `encoded`: with `%XX`, as a part of a URL or a form; one byte a character. `+` is a space where `plus` says so. */
export function readingsOf(encoded: string, plus: boolean): Readings {
  const first = percentDecoded(plus && encoded.includes('+') ? encoded.replaceAll('+', ' ') : encoded);
  return further(first);
}

/** Of a text that is decoded as it should be. */
export function further(text: string): Readings {
  if (!/[%\\\0\u0080-\uffff]/.test(text)) return text;
  const all = new Set([text]);
  let last = text;
  for (let i = 1; i < MOST_DECODINGS && /%(?:[0-9a-f]{2}|u[0-9a-f]{4})/i.test(last); i++) {
    last = percentDecoded(last);
    all.add(last);
  }
  if (/\\(?:u\{?[0-9a-f]|x[0-9a-f])/i.test(last)) {
    last = unescaped(last);
    all.add(last);
  }
  if (last.includes('\0')) {
    last = last.replaceAll('\0', '');
    all.add(last);
  }
  // Full-width letters and the like, which some databases and frameworks take for plain ones.
  if (/[\u0080-\uffff]/.test(last)) {
    const plain = last.normalize('NFKC');
    if (plain !== last) all.add(plain);
  }
  return all.size === 1 ? text : [...all];
}

/** `%XX` and `%uXXXX`; what is no encoding stays. Bytes are read as UTF-8, overlong forms as what they stand for. */
export function percentDecoded(text: string): string {
  if (!text.includes('%')) return isAscii(text) ? text : fromBytes(Buffer.from(text, 'utf8'));
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== 0x25) {
      push(bytes, code);
      continue;
    }
    const wide = /^%u[0-9a-f]{4}/i.test(text.slice(i, i + 6));
    if (wide) {
      push(bytes, Number.parseInt(text.slice(i + 2, i + 6), 16));
      i += 5;
    } else if (/^%[0-9a-f]{2}/i.test(text.slice(i, i + 3))) {
      bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(0x25);
  }
  return fromBytes(Uint8Array.from(bytes));
}

function push(bytes: number[], code: number): void {
  if (code < 0x80) bytes.push(code);
  else for (const byte of Buffer.from(String.fromCharCode(code), 'utf8')) bytes.push(byte);
}

/** UTF-8, read by somebody who does not look whether a form is the shortest. */
export function fromBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!text.includes('\ufffd')) return text;
  let out = '';
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i];
    const length = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    let code = length === 1 ? lead : lead & (0xff >> (length + 1));
    let used = 1;
    while (used < length && i + used < bytes.length && (bytes[i + used] & 0xc0) === 0x80) {
      code = (code << 6) | (bytes[i + used] & 0x3f);
      used++;
    }
    if (used !== length || code > 0x10ffff) {
      out += String.fromCharCode(lead);
      continue;
    }
    out += String.fromCodePoint(code);
    i += length - 1;
  }
  return out;
}

/** `\u003c`, `\u{3c}` and `\x3c`, as JSON and JavaScript write them. */
export function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2}))/gi, (whole, four, braced, two) => {
    const code = Number.parseInt((four ?? braced ?? two) as string, 16);
    return code > 0x10ffff ? (whole as string) : String.fromCodePoint(code);
  });
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}
