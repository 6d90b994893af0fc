// Owns SipHash-2-4 (Aumasson, Bernstein) with its 64-bit words as pairs of 32-bit numbers. For cookies, which other servers check.

/** Halves of the state: v0 low, v0 high, v1 low, ... Reused, as everything here runs to its end at once. */
const v = new Int32Array(8);

/** Hash of `data[0, length)` under a key of 16 bytes, as 8 bytes in SipHash's order. */
export function sipHash24(key: Uint8Array, data: Uint8Array, length: number, out: Uint8Array, at: number): void {
  const k0 = word(key, 0);
  const k1 = word(key, 4);
  const k2 = word(key, 8);
  const k3 = word(key, 12);
  v[0] = k0 ^ 0x70736575;
  v[1] = k1 ^ 0x736f6d65;
  v[2] = k2 ^ 0x6e646f6d;
  v[3] = k3 ^ 0x646f7261;
  v[4] = k0 ^ 0x6e657261;
  v[5] = k1 ^ 0x6c796765;
  v[6] = k2 ^ 0x79746573;
  v[7] = k3 ^ 0x74656462;
  const whole = length & ~7;
  for (let i = 0; i < whole; i += 8) absorb(word(data, i), word(data, i + 4));
  let low = 0;
  let high = length << 24;
  for (let i = 0; i < (length & 7); i++) {
    if (i < 4) low |= data[whole + i] << (8 * i);
    else high |= data[whole + i] << (8 * (i - 4));
  }
  absorb(low, high);
  v[4] ^= 0xff;
  round();
  round();
  round();
  round();
  for (let half = 0; half < 2; half++) {
    const value = v[half] ^ v[2 + half] ^ v[4 + half] ^ v[6 + half];
    for (let i = 0; i < 4; i++) out[at + half * 4 + i] = value >>> (8 * i);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function absorb(low: number, high: number): void {
  v[6] ^= low;
  v[7] ^= high;
  round();
  round();
  v[0] ^= low;
  v[1] ^= high;
}

/** v[a] += v[b], 64 bits. */
function add(a: number, b: number): void {
  const low = (v[a] >>> 0) + (v[b] >>> 0);
  v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
  v[a] = low;
}

/** Rotates v[a] left by less than 32 bits, then mixes v[b] in. */
function turn(a: number, bits: number, b: number): void {
  const low = v[a];
  const high = v[a + 1];
  v[a] = ((low << bits) | (high >>> (32 - bits))) ^ v[b];
  v[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[b + 1];
}

function swap(a: number): void {
  const low = v[a];
  v[a] = v[a + 1];
  v[a + 1] = low;
}

function round(): void {
  add(0, 2);
  turn(2, 13, 0);
  swap(0);
  add(4, 6);
  turn(6, 16, 4);
  add(0, 6);
  turn(6, 21, 0);
  add(4, 2);
  turn(2, 17, 4);
  swap(4);
}
