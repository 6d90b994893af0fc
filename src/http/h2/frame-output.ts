// Owns what leaves a connection of HTTP/2: all frames of one turn of the event loop in one write. Frames are text, which is
// the cheapest thing to join; only bodies that had to wait are bytes.

import type { Conn } from '../../net/conn.ts';

export interface FlushUser {
  /** What else is due once this turn is through. */
  onFlush(): void;
  /** What was written left at once: there is room for more. */
  onRoom(): void;
}

export class FrameOutput {
  /** Not handed to the connection yet. */
  bytes = 0;
  readonly #conn: Conn;
  readonly #user: FlushUser;
  #text = '';
  #parts: Buffer[] = [];
  #due = false;
  #held = false;

  constructor(conn: Conn, user: FlushUser) {
    this.#conn = conn;
    this.#user = user;
  }

  write(text: string): void {
    this.#text += text;
    this.bytes += text.length;
    this.schedule();
  }

  writeData(head: string, bytes: Buffer): void {
    this.#parts.push(Buffer.from(this.#text + head, 'latin1'), bytes);
    this.#text = '';
    this.bytes += head.length + bytes.length;
    this.schedule();
  }

  /** There will be a flush within this turn. */
  schedule(): void {
    if (this.#due) return;
    this.#due = true;
    if (!this.#held) flushSoon(this);
  }

  /** Until `release` nothing leaves: more will be written at once. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (this.#due) this.flush();
  }

  flush(): void {
    this.#due = false;
    this.#user.onFlush();
    if (this.bytes === 0 || this.#conn.closed) return;
    const text = this.#text;
    const parts = this.#parts;
    this.#text = '';
    this.bytes = 0;
    if (parts.length === 0) this.#conn.sendText(text);
    else {
      this.#parts = [];
      if (text !== '') parts.push(Buffer.from(text, 'latin1'));
      this.#conn.sendOwned(Buffer.concat(parts));
    }
    if (!this.#conn.blocked && !this.#conn.closed) this.#user.onRoom();
  }
}

let pending: FrameOutput[] = [];

function flushAll(): void {
  const outputs = pending;
  pending = [];
  for (const output of outputs) output.flush();
}

function flushSoon(output: FrameOutput): void {
  if (pending.length === 0) setImmediate(flushAll);
  pending.push(output);
}
