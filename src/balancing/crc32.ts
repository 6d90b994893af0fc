// Owns CRC-32 (ISO 3309, reflected polynomial 0xEDB88320), as nginx and memcached clients use it to place keys.

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Start of a checksum that is fed piece by piece. */
export const CRC32_START = -1;

export function crc32Text(state: number, text: string): number {
  let crc = state;
  // The low byte of each UTF-16 unit: exact for latin-1 text, which is what the HTTP slice hands over.
  for (let i = 0; i < text.length; i++) crc = TABLE[(crc ^ text.charCodeAt(i)) & 0xff] ^ (crc >>> 8);
  return crc;
}

/** Feeds the four bytes of a u32, lowest first. */
export function crc32U32(state: number, value: number): number {
  let crc = state;
  for (let shift = 0; shift < 32; shift += 8) crc = TABLE[(crc ^ (value >>> shift)) & 0xff] ^ (crc >>> 8);
  return crc;
}

export function crc32End(state: number): number {
  return ~state >>> 0;
}

export function crc32(text: string): number {
  return crc32End(crc32Text(CRC32_START, text));
}
