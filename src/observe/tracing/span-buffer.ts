// Owns spans on their way from a data-plane thread to the main thread: gathered, passed on in batches, and bounded. What the main
// thread has not taken counts as waiting; beyond the bound spans are dropped and counted, and traffic never waits.

import type { Clock, Timer } from '../../core/env.ts';
import type { SpanRecord } from '../../core/tracer.ts';

export interface SpanBufferOptions {
  readonly clock: Clock;
  readonly post: (spans: readonly SpanRecord[]) => void;
  /** How many the main thread has taken since the beginning of time. */
  readonly taken: () => number;
  readonly onDrop: () => void;
}

export const BATCH_SPANS = 256;
export const MOST_WAITING = 4096;
const PAUSE_MS = 1000;

export class SpanBuffer {
  readonly #options: SpanBufferOptions;
  #held: SpanRecord[] = [];
  #posted: number;
  #timer: Timer | undefined;

  constructor(options: SpanBufferOptions) {
    this.#options = options;
    this.#posted = options.taken();
  }

  add(span: SpanRecord): void {
    const { clock, taken, onDrop } = this.#options;
    if (this.#held.length + this.#posted - taken() >= MOST_WAITING) return onDrop();
    this.#held.push(span);
    if (this.#held.length >= BATCH_SPANS) return this.flush();
    this.#timer ??= clock.after(PAUSE_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#held.length === 0) return;
    const spans = this.#held;
    this.#held = [];
    this.#posted += spans.length;
    this.#options.post(spans);
  }
}
