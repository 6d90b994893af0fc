// Owns the last values of a number, one a second, in a ring that never grows.

export class History {
  readonly #values: Float32Array;
  #next = 0;
  #count = 0;

  constructor(size: number) {
    this.#values = new Float32Array(size);
  }

  /** NaN: there was none. */
  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    if (this.#count < this.#values.length) this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  /** From the oldest (0) on. */
  at(index: number): number {
    const { length } = this.#values;
    return this.#values[(this.#next - this.#count + index + length) % length];
  }
}
