// Owns following the frames of one direction of a WebSocket (RFC 6455 §5.2) without touching them: how many messages passed,
// and whether a frame of our own could stand here. It never keeps a byte of a message.

/** Opcodes from 8 on are control frames. */
const CONTROL = 8;
const FIN = 0x80;

/** 1001, "going away", as a server sends it and as a client does (masked, with a mask that changes nothing). */
export const GOING_AWAY_TO_CLIENT = '\x88\x02\x03\xe9';
export const GOING_AWAY_TO_SERVER = '\x88\x82\0\0\0\0\x03\xe9';

export class WebSocketMeter {
  /** Whole messages so far; control frames are none. */
  messages = 0;
  /** Bytes of the head so far, and how many it has as far as is known. */
  #head = 0;
  #headLength = 2;
  #first = 0;
  #lengthBytes = 0;
  #length = 0;
  #left = 0;

  /** No frame has begun that has not ended. */
  get atBoundary(): boolean {
    return this.#head === 0 && this.#left === 0;
  }

  follow(buffer: Uint8Array, end: number): void {
    let at = 0;
    while (at < end) {
      if (this.#left > 0) {
        const take = Math.min(this.#left, end - at);
        this.#left -= take;
        at += take;
        if (this.#left === 0) this.#ended();
      } else this.#step(buffer[at++]);
    }
  }

  #step(byte: number): void {
    const at = this.#head++;
    if (at === 0) {
      this.#first = byte;
      this.#headLength = 2;
    } else if (at === 1) {
      const length = byte & 0x7f;
      this.#lengthBytes = length === 127 ? 8 : length === 126 ? 2 : 0;
      this.#length = this.#lengthBytes === 0 ? length : 0;
      this.#headLength = 2 + this.#lengthBytes + ((byte & 0x80) === 0 ? 0 : 4);
    } else if (at < 2 + this.#lengthBytes) this.#length = this.#length * 256 + byte;
    if (this.#head < this.#headLength) return;
    this.#head = 0;
    this.#left = this.#length;
    if (this.#left === 0) this.#ended();
  }

  #ended(): void {
    if ((this.#first & FIN) !== 0 && (this.#first & 0x0f) < CONTROL) this.messages++;
  }
}
