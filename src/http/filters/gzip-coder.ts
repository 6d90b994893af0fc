// Owns gzip without waiting: one of Node's inner handles, used again and again, because making one anew costs as much as a short body
// takes (256 KiB that are cleared), and a thread's hop costs more than a piece takes. What is known of these handles is here, and is
// proven once by coding something; where they have changed, whoever asks gets nothing and takes Node's own streams.

import { constants, createGzip, gunzipSync } from 'node:zlib';

interface Handle {
  reset(): void;
  /** Fills `out`; what is left of both is in the write state. */
  writeSync(flush: number, bytes: Buffer, at: number, length: number, out: Buffer, outAt: number, room: number): void;
}

interface Inner {
  readonly _handle: Handle;
  /** Room left of the output, bytes left of the input. */
  readonly _writeState: Uint32Array;
}

/** Handles that wait for the next body, per level. */
const MOST_IDLE = 16;
const OUT_BYTES = 64 * 1024;
const idle = new Map<number, GzipCoder[]>();
let out: Buffer | undefined;
let works: boolean | undefined;

export class GzipCoder {
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  readonly #level: number;

  private constructor(level: number) {
    const { _handle, _writeState } = createGzip({ level }) as unknown as Inner;
    this.#handle = _handle;
    this.#state = _writeState;
    this.#level = level;
  }

  /** Undefined where the handles are not what is known of them. */
  static take(level: number): GzipCoder | undefined {
    works ??= proves();
    if (!works) return undefined;
    const coder = idle.get(level)?.pop() ?? new GzipCoder(level);
    coder.#handle.reset();
    return coder;
  }

  /** Nobody else uses it any more. */
  give(): void {
    const others = idle.get(this.#level);
    if (others === undefined) idle.set(this.#level, [this]);
    else if (others.length < MOST_IDLE) others.push(this);
  }

  /** `sync`: everything so far can be read by whoever gets it. */
  code(bytes: Buffer, end: 'more' | 'sync' | 'finish', next: (coded: Buffer) => void): void {
    const flush =
      end === 'finish' ? constants.Z_FINISH : end === 'sync' ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
    out ??= Buffer.allocUnsafeSlow(OUT_BYTES);
    let at = 0;
    for (;;) {
      this.#handle.writeSync(flush, bytes, at, bytes.length - at, out, 0, OUT_BYTES);
      const [room, left] = this.#state;
      at = bytes.length - left;
      if (room < OUT_BYTES) next(Buffer.from(out.subarray(0, OUT_BYTES - room)));
      // A full buffer: there may be more.
      if (room > 0) return;
    }
  }

  static code(level: number, bytes: Buffer): Buffer | undefined {
    const coder = GzipCoder.take(level);
    if (coder === undefined) return undefined;
    const pieces: Buffer[] = [];
    coder.code(bytes, 'finish', (piece) => pieces.push(piece));
    coder.give();
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }
}

/** Codes more than one buffer's worth, twice with the same handle. */
function proves(): boolean {
  try {
    works = true;
    const sample = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i * 31) & 0xff));
    for (let i = 0; i < 2; i++) {
      const coded = GzipCoder.code(1, sample);
      if (coded === undefined || !gunzipSync(coded).equals(sample)) return false;
    }
    return true;
  } catch {
    return false;
  }
}
