// Owns who waits for the thread that compares passwords: started when it is first asked, one question at a time, so many waiting
// and no more. Does not keep the process alive while nobody asks.

import { Worker } from 'node:worker_threads';
import type { PasswordQuestion } from './password-thread.ts';
import type { Resource } from './resources.ts';

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './password-thread.ts' : './password-thread.js',
  import.meta.url,
);
/** With the one that is being looked at: seconds of work. */
const MOST_WAITING = 64;

interface Waiting extends PasswordQuestion {
  readonly answer: (fits: boolean | undefined) => void;
}

export class PasswordDesk implements Resource {
  #thread: Worker | undefined;
  #waiting: Waiting[] = [];
  #closed = false;

  /** Undefined: too many wait already, or nobody can tell. */
  fits(password: string, hash: string): Promise<boolean | undefined> {
    if (this.#closed || this.#waiting.length >= MOST_WAITING) return Promise.resolve(undefined);
    return new Promise((answer) => {
      this.#waiting.push({ password, hash, answer });
      if (this.#waiting.length === 1) this.#next();
    });
  }

  #next(): void {
    const first = this.#waiting.at(0);
    if (first === undefined) {
      this.#thread?.unref();
      if (this.#closed) this.#end();
      return;
    }
    this.#thread ??= this.#start();
    this.#thread.ref();
    this.#thread.postMessage({ password: first.password, hash: first.hash } satisfies PasswordQuestion);
  }

  #start(): Worker {
    const thread = new Worker(ENTRY, { name: 'passwords' });
    thread.on('message', (fits: boolean) => {
      this.#waiting.shift()!.answer(fits);
      this.#next();
    });
    // Its end follows, and tells all who wait.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      const lost = this.#waiting;
      this.#waiting = [];
      for (const { answer } of lost) answer(undefined);
    });
    return thread;
  }

  #end(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    void thread?.terminate();
  }

  /** Who waits already is still answered. */
  close(): void {
    this.#closed = true;
    if (this.#waiting.length === 0) this.#end();
  }
}
