// Owns the only doors to impurity: time and chance.
// Pure slices receive an Env and never touch Date, performance, setTimeout or Math.random themselves,
// so that tests and the simulator own both. Only `main.ts` (through `runtime/real-env.ts`) builds a real one.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds, comparable between the threads of one process. */
  now(): number;
  /** Wall-clock milliseconds since 1970; only for people to read. */
  epoch(): number;
  after(delayMs: number, fn: () => void): Timer;
}

export interface Random {
  /** Uniform integer in [0, 2^32). */
  u32(): number;
  /** Uniform number in [0, 1). */
  unit(): number;
}

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
}
