// Owns what all sockets of one thread share: the read buffer, the free list of larger buffers for busy bodies, and the
// one coarse timer behind every deadline. A deadline is a number on the connection; arming one costs a store, and one
// sweep over all connections a few times a second finds those that passed. Nothing here knows a protocol.

import type { Clock, Timer } from '../core/env.ts';

export const SHARED_READ_BYTES = 64 * 1024;
export const BODY_BUFFER_BYTES = 128 * 1024;
/** A full read, and a head before it. */
const SCRATCH_BYTES = SHARED_READ_BYTES + 16 * 1024;
const SWEEP_MS = 100;
const FREE_BUFFERS = 64;

/** Something that may expire. `deadline` is monotonic ms; 0 means never. */
export interface Expiring {
  deadline: number;
  expire(now: number): void;
}

export class NetLoop {
  readonly clock: Clock;
  /** Read into by every socket that waits for a head; valid only during the callback that received it. */
  readonly shared: Buffer = Buffer.allocUnsafeSlow(SHARED_READ_BYTES);
  /** Monotonic ms, at most one sweep old: for arming deadlines, not for measuring. */
  now: number;
  readonly #watched = new Set<Expiring>();
  readonly #free: Buffer[] = [];
  #scratch: Buffer | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.now = clock.now();
  }

  watch(item: Expiring): void {
    this.#watched.add(item);
    if (this.#timer === undefined) {
      this.now = this.clock.now();
      this.#timer = this.clock.after(SWEEP_MS, this.#sweep);
    }
  }

  unwatch(item: Expiring): void {
    this.#watched.delete(item);
  }

  get watched(): number {
    return this.#watched.size;
  }

  /** A private buffer for a connection that streams a body; give it back with `release`. */
  borrow(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BODY_BUFFER_BYTES);
  }

  release(buffer: Buffer): void {
    if (this.#free.length < FREE_BUFFERS) this.#free.push(buffer);
  }

  /** To copy into: the caller's until it is put back, or for good where a write still reads from it. */
  takeScratch(bytes: number): Buffer {
    const scratch = this.#scratch;
    if (scratch === undefined || bytes > scratch.length) return Buffer.allocUnsafeSlow(Math.max(bytes, SCRATCH_BYTES));
    this.#scratch = undefined;
    return scratch;
  }

  putScratch(scratch: Buffer): void {
    if (scratch.length === SCRATCH_BYTES) this.#scratch = scratch;
  }

  readonly #sweep = (): void => {
    const now = this.clock.now();
    this.now = now;
    for (const item of this.#watched) {
      if (item.deadline !== 0 && item.deadline <= now) {
        item.deadline = 0;
        item.expire(now);
      }
    }
    this.#timer = this.#watched.size > 0 ? this.clock.after(SWEEP_MS, this.#sweep) : undefined;
  };
}
