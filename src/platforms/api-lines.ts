// Owns a body that goes on for as long as there is news, one JSON value a line: read by whoever pulls, a batch at a time, so that
// many changes at once are one piece of work. Who does not pull holds the sender up, not our memory.

import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What comes within this time of the first line belongs to one batch. */
const SETTLE_MS = 30;
const MOST_LINE = 8 * 1024 * 1024;
const MOST_WAITING = 16 * 1024 * 1024;

export class ApiLines {
  readonly #response: IncomingMessage;
  readonly #clock: Clock;
  #lines: string[] = [];
  #size = 0;
  /** The line that has no end yet. */
  #parts: string[] = [];
  #partSize = 0;
  /** Why there is no more; '' when it simply ended. */
  #ended: string | undefined;
  #waiting: ((result: Result<readonly string[], string>) => void) | undefined;
  #timer: Timer | undefined;

  constructor(response: IncomingMessage, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', (error) => this.#end(error.message));
    response.on('close', () => this.#end(''));
  }

  /** Lines that came, at least one; none when the stream is over. */
  next(): Promise<Result<readonly string[], string>> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#response.resume();
      if (this.#lines.length > 0 || this.#ended !== undefined) this.#settle();
    });
  }

  close(): void {
    this.#end('');
    this.#response.destroy();
  }

  #take(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; from = at + 1, at = text.indexOf('\n', from)) {
      const line = this.#parts.join('') + text.slice(from, at);
      this.#parts = [];
      this.#partSize = 0;
      if (line.trim() === '') continue;
      this.#lines.push(line);
      this.#size += line.length;
    }
    if (from < text.length) {
      this.#parts.push(text.slice(from));
      this.#partSize += text.length - from;
    }
    if (this.#partSize > MOST_LINE) {
      this.#end(`a line is longer than ${MOST_LINE} characters`);
      this.#response.destroy();
    } else if (this.#size > MOST_WAITING) this.#response.pause();
    if (this.#lines.length > 0) this.#settle();
  }

  #settle(): void {
    if (this.#waiting === undefined || this.#timer !== undefined) return;
    if (this.#ended !== undefined) return this.#give();
    this.#timer = this.#clock.after(SETTLE_MS, () => this.#give());
  }

  #give(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const lines = this.#lines;
    this.#lines = [];
    this.#size = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    // What came before the end is given first.
    if (lines.length === 0 && this.#ended !== undefined && this.#ended !== '') waiting?.(err(this.#ended));
    else waiting?.(ok(lines));
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    if (this.#waiting !== undefined) this.#give();
  }
}
