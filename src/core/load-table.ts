// Owns the numbers that change while traffic flows: a struct of typed arrays over one (shared) buffer, so that every
// worker thread balances on the same numbers and they survive reloads. It knows nothing of pools or policies.
//
// Sharing rules: integers are changed with Atomics. Float64 cells may be written by several threads without locking;
// a lost update of a moving average costs one sample and is accepted. `own` belongs to one worker: the main thread
// reads it only to give back the leases of a worker that died.

/**
 * Bits of `state[slot]`, written by the main thread only (health, operator), read by every worker. Bits 8 to 29 are taken:
 * health/left-over.ts keeps a count there.
 */
export const STATE = {
  /** The slot belongs to a configured endpoint. */
  used: 1,
  /** Active and passive checks agree that traffic may go there. */
  up: 2,
  /** No probe has answered yet. */
  checking: 4,
  /** Back from ejection: one request at a time until one succeeds. */
  trial: 8,
  /** Operator or reload: no new work, finish what runs. */
  draining: 16,
  /** Operator: out, whatever the checks say. */
  maintenance: 32,
  /** Checks may change the verdict soon: answers that are kept elsewhere (DNS) should not be kept for long. */
  pending: 64,
} as const;

/** Values of `gate[pool]`; above `none`, so many requests may pass to find out. */
export const GATE = { closed: 0, open: 1, none: 2 } as const;

/** `latency` counts tenths of milliseconds. */
export const LATENCY_UNITS_PER_MS = 10;

/** What the newest samples say decides; half of an older average is forgotten in this time (ms). */
export const EWMA_HALF_LIFE_MS = 5000;
const DECAY_PER_MS = Math.LN2 / EWMA_HALF_LIFE_MS;

export interface LoadTableShape {
  /** Endpoint slots. */
  readonly capacity: number;
  /** Pool slots. */
  readonly pools: number;
  readonly workers: number;
}

export class LoadTable {
  readonly shape: LoadTableShape;
  readonly buffer: ArrayBufferLike;
  /** Requests running on the endpoint, over all workers. */
  readonly inFlight: Int32Array;
  /** This worker's part of `inFlight`. */
  readonly own: Int32Array;
  /** STATE bits. */
  readonly state: Int32Array;
  /** Failures seen by traffic since start; the main thread reads the differences. */
  readonly failures: Int32Array;
  /** Successes seen while STATE.trial was set. */
  readonly trialSuccesses: Int32Array;
  /** Time to first byte, exponentially weighted, in ms; 0 before the first sample. */
  readonly ewmaMs: Float64Array;
  /** Peak-sensitive average of the same samples (see peak-ewma), in ms. */
  readonly peakMs: Float64Array;
  /** Monotonic ms of the newest sample; 0 before the first. */
  readonly sampledAt: Float64Array;
  /** Monotonic ms since when the endpoint takes traffic, for slow start; 0 when it needs none. */
  readonly upSince: Float64Array;
  /** Schedule of endpoints whose rate is limited; see limits/gcra.ts. */
  readonly rate: Int32Array;
  /** Attempts that proved something, those of them that failed, and those that were slow; for breakers. */
  readonly answers: Int32Array;
  readonly errors: Int32Array;
  readonly slow: Int32Array;
  /** Good answers and the sum of their times to the first byte; for adaptive limits. */
  readonly samples: Int32Array;
  readonly latency: Int32Array;
  /** Most requests in flight since the main thread looked; may be a little low. */
  readonly peak: Int32Array;
  /** Adaptive limit in flight, written by the main thread; 0 for none. */
  readonly limit: Int32Array;
  /** By pool slot: the pool's breaker, a value of GATE. */
  readonly gate: Int32Array;
  /** By pool slot: requests that passed a half-open breaker and were fine, or were not. */
  readonly triedGood: Int32Array;
  readonly triedBad: Int32Array;
  /** By pool slot: raised whenever what may be picked changed. Workers rebuild their view when it moved. */
  readonly poolVersion: Int32Array;

  /** `worker` selects which `own` counters are this thread's: 0 … workers − 1. */
  constructor(buffer: ArrayBufferLike, shape: LoadTableShape, worker: number) {
    const { capacity, pools, workers } = shape;
    this.buffer = buffer;
    this.shape = shape;
    let at = 0;
    const f64 = (length: number) => {
      const view = new Float64Array(buffer, at, length);
      at += length * 8;
      return view;
    };
    const i32 = (length: number) => {
      const view = new Int32Array(buffer, at, length);
      at += length * 4;
      return view;
    };
    this.ewmaMs = f64(capacity);
    this.peakMs = f64(capacity);
    this.sampledAt = f64(capacity);
    this.upSince = f64(capacity);
    this.inFlight = i32(capacity);
    this.state = i32(capacity);
    this.failures = i32(capacity);
    this.trialSuccesses = i32(capacity);
    this.rate = i32(capacity);
    this.answers = i32(capacity);
    this.errors = i32(capacity);
    this.slow = i32(capacity);
    this.samples = i32(capacity);
    this.latency = i32(capacity);
    this.peak = i32(capacity);
    this.limit = i32(capacity);
    this.gate = i32(pools);
    this.triedGood = i32(pools);
    this.triedBad = i32(pools);
    this.poolVersion = i32(pools);
    const owns = i32(capacity * workers);
    this.own = owns.subarray(worker * capacity, (worker + 1) * capacity);
  }

  static byteLength({ capacity, pools, workers }: LoadTableShape): number {
    return capacity * (4 * 8 + 12 * 4) + pools * 4 * 4 + capacity * workers * 4;
  }

  /** A table of one thread on a plain buffer, for tests and simulations. */
  static local(capacity: number, pools = 16): LoadTable {
    const shape = { capacity, pools, workers: 1 };
    return new LoadTable(new ArrayBuffer(LoadTable.byteLength(shape)), shape, 0);
  }

  begin(slot: number): number {
    this.own[slot]++;
    return Atomics.add(this.inFlight, slot, 1) + 1;
  }

  end(slot: number): void {
    this.own[slot]--;
    Atomics.sub(this.inFlight, slot, 1);
  }

  /** Teaches the averages one time to first byte. */
  sample(slot: number, firstByteMs: number, now: number): void {
    const last = this.sampledAt[slot];
    if (last === 0) {
      this.ewmaMs[slot] = firstByteMs;
      this.peakMs[slot] = firstByteMs;
    } else {
      // Samples within one millisecond still count: at least 1 % of the newest always enters.
      const keep = Math.min(0.99, Math.exp(-Math.max(0, now - last) * DECAY_PER_MS));
      this.ewmaMs[slot] = firstByteMs + (this.ewmaMs[slot] - firstByteMs) * keep;
      const peak = this.peakMs[slot];
      this.peakMs[slot] = firstByteMs >= peak ? firstByteMs : firstByteMs + (peak - firstByteMs) * keep;
    }
    this.sampledAt[slot] = now;
  }

  /** Forgets everything a former tenant of the slot left behind. In-flight counts must be zero. */
  reset(slot: number): void {
    this.ewmaMs[slot] = 0;
    this.peakMs[slot] = 0;
    this.sampledAt[slot] = 0;
    this.upSince[slot] = 0;
    Atomics.store(this.state, slot, 0);
    Atomics.store(this.failures, slot, 0);
    Atomics.store(this.trialSuccesses, slot, 0);
    Atomics.store(this.rate, slot, 0);
    Atomics.store(this.peak, slot, 0);
    Atomics.store(this.limit, slot, 0);
  }

  /** Gives back the leases of a worker that died; call with a table built for that worker. */
  returnLeases(): void {
    for (let slot = 0; slot < this.own.length; slot++) {
      const held = this.own[slot];
      if (held !== 0) Atomics.sub(this.inFlight, slot, held);
      this.own[slot] = 0;
    }
  }
}
