// Owns one end of a TCP connection as tests want it: every byte that came is kept, waiting is for a condition and never
// for a time, and it can end in each way that TCP knows. `RawClient` and `FakeUpstream` are built from it.

import type { Socket } from 'node:net';

const PATIENCE_MS = 15_000;

export class RawSocket {
  readonly socket: Socket;
  /** How the peer ended it so far. */
  ending: 'open' | 'end' | 'reset' = 'open';
  closed = false;
  /** Grows by doubling; the first `#kept` bytes are filled. */
  #store: Buffer = Buffer.alloc(4096);
  #kept = 0;
  #taken = 0;
  #total = 0;
  readonly #waiters = new Set<() => void>();
  /** Set to look at bytes as they come instead of keeping them. */
  sink: ((chunk: Buffer) => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#total += chunk.length;
      if (this.sink === undefined) this.#keep(chunk);
      else this.sink(chunk);
      this.#wake();
    });
    socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'end';
      this.#wake();
    });
    socket.on('error', () => {
      this.ending = 'reset';
      this.#wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Bytes received in all. */
  get total(): number {
    return this.#total;
  }

  /** What was received and not taken. */
  get bytes(): Buffer {
    return this.#store.subarray(this.#taken, this.#kept);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Everything received, taken or not. */
  get all(): Buffer {
    return this.#store.subarray(0, this.#kept);
  }

  #keep(chunk: Buffer): void {
    if (this.#kept + chunk.length > this.#store.length) {
      const larger = Buffer.alloc(Math.max(this.#store.length * 2, this.#kept + chunk.length));
      this.#store.copy(larger, 0, 0, this.#kept);
      this.#store = larger;
    }
    this.#kept += chunk.copy(this.#store, this.#kept);
  }

  take(count: number): Buffer {
    const bytes = this.bytes.subarray(0, count);
    this.#taken += bytes.length;
    return bytes;
  }

  /** Latin-1 text or bytes. */
  write(data: string | Uint8Array): this {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
    return this;
  }

  /** One write a piece, each after the one before has left, so that the peer sees them apart. */
  async writePieces(pieces: readonly (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed) return;
      await new Promise<void>((resolve) => {
        this.socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece, () => resolve());
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** FIN: nothing more from this side. */
  end(): void {
    this.socket.end();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until `condition` holds; it is asked again after everything that happens on the connection. */
  until(condition: () => boolean, what = 'condition'): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        try {
          if (condition()) done();
          else if (this.closed) done(new Error(`closed (${this.ending}) before ${what}; got ${this.#excerpt()}`));
        } catch (error) {
          done(error as Error);
        }
      };
      const timer = setTimeout(() => done(new Error(`no ${what}; got ${this.#excerpt()}`)), PATIENCE_MS);
      this.#waiters.add(look);
    });
  }

  untilText(text: string): Promise<void> {
    return this.until(() => this.bytes.includes(text, 0, 'latin1'), JSON.stringify(text));
  }

  /** Waits for the peer's FIN or RST; returns which. */
  async untilEnded(): Promise<'end' | 'reset'> {
    await this.until(() => this.ending !== 'open' || this.closed, 'end');
    return this.ending === 'reset' ? 'reset' : 'end';
  }

  #wake(): void {
    for (const look of this.#waiters) look();
  }

  #excerpt(): string {
    return JSON.stringify(this.text.slice(0, 300));
  }
}
