// Owns the chunked coding (RFC 9112 §7.1): follows it byte by byte, strictly, and says how far the bytes may be passed
// on as they came. Bodies are forwarded verbatim, so anything two parsers could read differently must be refused here.
//
//   size ──hex──▶ size ──';'──▶ extension ──CR──▶ sizeLf ──LF──▶ data ──all read──▶ dataCr ─CR▶ dataLf ─LF─▶ size
//                                                       └─LF, size 0─▶ trailer ──empty line──▶ done

import { CR, LF, VALUE } from './chars.ts';

const S = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailer: 6, done: 7 } as const;

const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 10; i++) HEX[0x30 + i] = i;
for (let i = 0; i < 6; i++) HEX[0x41 + i] = HEX[0x61 + i] = 10 + i;

const MAX_SIZE_DIGITS = 13;
const MAX_EXTENSION = 512;

export class ChunkedDecoder {
  #state: number = S.size;
  #digits = 0;
  #extension = 0;
  /** Bytes left in the current chunk. */
  #left = 0;
  /** Payload bytes seen so far. */
  payload = 0;

  get done(): boolean {
    return this.#state === S.done;
  }

  /** True once the last chunk was read: what follows is the trailer section, which the caller parses. */
  get atTrailer(): boolean {
    return this.#state === S.trailer;
  }

  finish(): void {
    this.#state = S.done;
  }

  reset(): void {
    this.#state = S.size;
    this.#digits = 0;
    this.#extension = 0;
    this.#left = 0;
    this.payload = 0;
  }

  /**
   * Follows the coding from `start`. Returns the offset up to which it understood the bytes: `end`, or less when the
   * trailer section begins there; -1 when the coding is broken. `runs`, if given, receives
   * the offsets of each run of payload.
   */
  consume(buffer: Uint8Array, start: number, end: number, runs?: number[]): number {
    let p = start;
    while (p < end) {
      if (this.#state === S.data) {
        const take = Math.min(this.#left, end - p);
        if (runs !== undefined) runs.push(p, p + take);
        this.payload += take;
        this.#left -= take;
        p += take;
        if (this.#left === 0) this.#state = S.dataCr;
        continue;
      }
      if (this.#state === S.trailer) return p;
      if (!this.#step(buffer[p++])) return -1;
    }
    return p;
  }

  #step(byte: number): boolean {
    switch (this.#state) {
      case S.size: {
        const digit = HEX[byte];
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          return ++this.#digits <= MAX_SIZE_DIGITS;
        }
        if (this.#digits === 0) return false;
        if (byte === CR) this.#state = S.sizeLf;
        else if (byte === 0x3b) this.#state = S.extension;
        else return false;
        return true;
      }
      case S.extension:
        if (byte === CR) {
          this.#state = S.sizeLf;
          // A `;` with nothing behind it is no extension (RFC 9112 §7.1.1), and servers disagree about it.
          if (this.#extension === 0) return false;
        } else if (VALUE[byte] !== 1 || ++this.#extension > MAX_EXTENSION) return false;
        return true;
      case S.sizeLf:
        this.#digits = 0;
        this.#extension = 0;
        this.#state = this.#left === 0 ? S.trailer : S.data;
        return byte === LF;
      case S.dataCr:
        this.#state = S.dataLf;
        return byte === CR;
      default:
        this.#state = S.size;
        return byte === LF;
    }
  }
}
