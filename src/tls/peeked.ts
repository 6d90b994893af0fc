// Owns the beginning of a connection while it is collected: one growing buffer, looked at only when enough is there.

export class Peeked {
  /** Bytes that must be there before the next look. */
  wanted = 0;
  #bytes = Buffer.alloc(512);
  #length = 0;

  /** Everything so far, or undefined when it is not enough. */
  add(buffer: Buffer, length: number): Buffer | undefined {
    if (this.#length + length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#length + length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += buffer.copy(this.#bytes, this.#length, 0, length);
    return this.#length < this.wanted ? undefined : this.#bytes.subarray(0, this.#length);
  }
}
