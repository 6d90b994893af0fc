// Owns the hashes that place keys. They must give the same value in every process, thread and version: a changed
// value moves clients between endpoints. Never used for secrets.

/** MurmurHash3 x86 32-bit (Appleby) over the low bytes of each UTF-16 unit; exact for latin-1 text. Uniform u32. */
export function hash32(text: string, seed = 0): number {
  let h = seed | 0;
  const length = text.length;
  const blocks = length & ~3;
  let i = 0;
  for (; i < blocks; i += 4) {
    const k =
      (text.charCodeAt(i) & 0xff) |
      ((text.charCodeAt(i + 1) & 0xff) << 8) |
      ((text.charCodeAt(i + 2) & 0xff) << 16) |
      (text.charCodeAt(i + 3) << 24);
    h ^= mixBlock(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  const rest = length & 3;
  if (rest === 3) tail ^= (text.charCodeAt(i + 2) & 0xff) << 16;
  if (rest >= 2) tail ^= (text.charCodeAt(i + 1) & 0xff) << 8;
  if (rest >= 1) h ^= mixBlock(tail ^ (text.charCodeAt(i) & 0xff));
  return mix32(h ^ length);
}

/** Murmur3's finalizer: a bijection on u32 in which every input bit reaches every output bit. */
export function mix32(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mixBlock(block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  return Math.imul(k, 0x1b873593);
}
