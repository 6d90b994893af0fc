// Owns one of Node's transforms as a stage of a body, with its backpressure and its failures.

import type { Transform } from 'node:stream';
import type { BodyStage } from '../filter.ts';

export class TransformStage implements BodyStage {
  readonly #stream: Transform;
  #fault: Error | undefined;
  #done: ((fault?: Error) => void) | undefined;
  #listens = false;

  constructor(stream: Transform) {
    this.#stream = stream;
    stream.on('error', (error: Error) => {
      this.#fault = error;
      this.#done?.(error);
    });
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  whenReady(ready: () => void): void {
    this.#stream.on('drain', ready);
  }

  #listen(next: (bytes: Buffer) => void): void {
    if (this.#listens) return;
    this.#listens = true;
    this.#stream.on('data', next);
  }

  push(bytes: Buffer, next: (bytes: Buffer) => void): void {
    this.#listen(next);
    this.#stream.write(Buffer.from(bytes));
  }

  end(next: (bytes: Buffer) => void, done: (fault?: Error) => void): void {
    if (this.#fault !== undefined) return done(this.#fault);
    this.#listen(next);
    this.#done = done;
    this.#stream.on('end', () => done());
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.destroy();
  }
}
