// Owns what the other side of a connection of HTTP/2 has said that it can do (RFC 9113 §6.5.2, RFC 8441 §3).

import { DEFAULT_WINDOW, MOST_FRAME_BYTES, MOST_WINDOW, REASON, SETTING } from './frame.ts';

export class PeerSettings {
  /** Bytes that each of its streams takes at first. */
  window = DEFAULT_WINDOW;
  /** Streams that it takes at once. */
  streams = 100;
  /** It takes extended CONNECT. */
  tunnels = false;
  /** It has said something. */
  known = false;

  /** Reads pairs of number and value. Returns the reason why they cannot be, or none. */
  read(buffer: Buffer, start: number, end: number): number {
    this.known = true;
    for (let at = start; at < end; at += 6) {
      const reason = this.#one(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
      if (reason !== REASON.none) return reason;
    }
    return REASON.none;
  }

  #one(id: number, value: number): number {
    switch (id) {
      case SETTING.enablePush:
        return value > 1 ? REASON.protocol : REASON.none;
      case SETTING.maxConcurrentStreams:
        this.streams = value;
        return REASON.none;
      case SETTING.maxFrameSize:
        return value < MOST_FRAME_BYTES || value > 2 ** 24 - 1 ? REASON.protocol : REASON.none;
      case SETTING.enableConnectProtocol:
        this.tunnels = value === 1;
        return value > 1 ? REASON.protocol : REASON.none;
      case SETTING.initialWindowSize:
        this.window = value;
        return value > MOST_WINDOW ? REASON.flowControl : REASON.none;
      default:
        return REASON.none;
    }
  }
}
