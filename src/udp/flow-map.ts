// Owns finding a flow by who sends: a chained hash table over typed arrays, so that a million flows are a few arrays and no
// garbage, and a flood of new senders costs the collector nothing. The hash is seeded: nobody outside can aim for one
// chain. It keeps no order and no time.

import { mix32 } from '../core/hash.ts';
import { readIp } from '../core/ip.ts';

const NONE = -1;
/** Four words of address, and one of port, zone and origin. */
const WORDS = 5;

export class FlowMap {
  #buckets: Int32Array<ArrayBuffer>;
  #next: Int32Array<ArrayBuffer>;
  #keys: Uint32Array<ArrayBuffer>;
  readonly #seed: number;
  /** The key asked for last. */
  readonly #asked = new Uint32Array(WORDS);
  #hash = 0;
  readonly #bytes = new Uint8Array(16);
  /** Zones of link-local addresses; as many as there are interfaces. */
  readonly #zones = new Map<string, number>();

  /** `capacity` is a power of two. */
  constructor(capacity: number, seed: number) {
    this.#buckets = new Int32Array(capacity).fill(NONE);
    this.#next = new Int32Array(capacity);
    this.#keys = new Uint32Array(capacity * WORDS);
    this.#seed = seed;
  }

  grow(capacity: number): void {
    const keys = new Uint32Array(capacity * WORDS);
    keys.set(this.#keys);
    const old = this.#buckets;
    const oldNext = this.#next;
    this.#keys = keys;
    this.#buckets = new Int32Array(capacity).fill(NONE);
    this.#next = new Int32Array(capacity);
    for (const head of old) {
      for (let flow = head; flow !== NONE; flow = oldNext[flow]) this.#link(flow, this.#hashAt(flow));
    }
  }

  /**
   * The flow of this sender; -1 when there is none. Datagrams that came through a proxy are never those of a direct
   * sender, whatever address they name: `proxied` is part of the key.
   */
  find(host: string, port: number, proxied: boolean): number {
    this.#read(host, port, proxied);
    const asked = this.#asked;
    const keys = this.#keys;
    for (let flow = this.#buckets[this.#hash & this.#mask]; flow !== NONE; flow = this.#next[flow]) {
      const at = flow * WORDS;
      if (
        keys[at + 4] === asked[4] &&
        keys[at] === asked[0] &&
        keys[at + 1] === asked[1] &&
        keys[at + 2] === asked[2] &&
        keys[at + 3] === asked[3]
      )
        return flow;
    }
    return NONE;
  }

  /** Enters the sender that was just looked for, and not found, as `flow`. */
  addAsked(flow: number): void {
    this.#keys.set(this.#asked, flow * WORDS);
    this.#link(flow, this.#hash);
  }

  delete(flow: number): void {
    const bucket = this.#hashAt(flow) & this.#mask;
    const next = this.#next[flow];
    if (this.#buckets[bucket] === flow) {
      this.#buckets[bucket] = next;
      return;
    }
    let before = this.#buckets[bucket];
    while (this.#next[before] !== flow) before = this.#next[before];
    this.#next[before] = next;
  }

  get #mask(): number {
    return this.#buckets.length - 1;
  }

  #link(flow: number, hash: number): void {
    const bucket = hash & this.#mask;
    this.#next[flow] = this.#buckets[bucket];
    this.#buckets[bucket] = flow;
  }

  #hashAt(flow: number): number {
    return hashOf(this.#keys, flow * WORDS, this.#seed);
  }

  #read(host: string, port: number, proxied: boolean): void {
    const bytes = this.#bytes;
    const asked = this.#asked;
    let zone = 0;
    const percent = host.indexOf('%');
    if (percent >= 0) {
      zone = this.#zoneOf(host.slice(percent + 1));
      host = host.slice(0, percent);
    }
    const v4 = readIp(host, bytes) === 4;
    for (let word = 0; word < 4; word++) {
      const at = word * 4;
      asked[word] =
        v4 && word > 0 ? 0 : (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    // Bit 16 tells the proxied from the direct, bit 17 IPv4 from the IPv6 addresses that begin with the same bytes.
    asked[4] = (port | (proxied ? 0x10000 : 0) | (v4 ? 0x20000 : 0) | (zone << 18)) >>> 0;
    this.#hash = hashOf(asked, 0, this.#seed);
  }

  #zoneOf(name: string): number {
    let zone = this.#zones.get(name);
    if (zone === undefined) {
      zone = (this.#zones.size + 1) & 0x3fff;
      this.#zones.set(name, zone);
    }
    return zone;
  }
}

/** Every word passes the finalizer with the secret in front of it, so that differences cannot be made to cancel out. */
function hashOf(words: Uint32Array, at: number, seed: number): number {
  let hash = mix32(words[at] ^ seed);
  hash = mix32(hash ^ words[at + 4]);
  // IPv4 has nothing there.
  if ((words[at + 4] & 0x20000) !== 0) return hash;
  hash = mix32(hash ^ words[at + 1]);
  hash = mix32(hash ^ words[at + 2]);
  return mix32(hash ^ words[at + 3]);
}
