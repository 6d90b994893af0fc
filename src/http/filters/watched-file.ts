// Owns a file that a filter reads: read when a configuration is prepared, looked at again now and then. What has become unreadable
// changes nothing; what is read is parsed anew only when it changed.

import { readFileSync, statSync } from 'node:fs';
import type { Clock, Timer } from '../../core/env.ts';

const POLL_MS = 2000;
const MOST_BYTES = 16 * 1024 * 1024;

export class WatchedFile<T> {
  value: T;
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #clock: Clock;
  #stamp: string;
  #timer: Timer;

  /** Throws when the file cannot be read or parsed: the configuration is refused then. */
  constructor(path: string, clock: Clock, parse: (text: string) => T) {
    this.#path = path;
    this.#clock = clock;
    this.#parse = parse;
    this.#stamp = this.#stampNow();
    if (this.#stamp === '') throw new Error(`cannot read ${path}`);
    this.value = parse(readFileSync(path, 'utf8'));
    this.#timer = clock.after(POLL_MS, () => this.#look());
  }

  #stampNow(): string {
    try {
      const { size, mtimeMs, ino } = statSync(this.#path);
      return size > MOST_BYTES ? '' : `${size} ${mtimeMs} ${ino}`;
    } catch {
      return '';
    }
  }

  #look(): void {
    const stamp = this.#stampNow();
    if (stamp !== '' && stamp !== this.#stamp) {
      try {
        this.value = this.#parse(readFileSync(this.#path, 'utf8'));
        this.#stamp = stamp;
      } catch {
        // Half written, perhaps: the next look tells.
      }
    }
    this.#timer = this.#clock.after(POLL_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }
}
