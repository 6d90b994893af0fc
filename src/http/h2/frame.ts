// Owns the frames of HTTP/2 (RFC 9113 §4, §6, §7): numbers, and writing them as latin-1 text, which is the cheapest thing to
// join and to send.

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const REASON = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
} as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

export const FRAME_HEAD = 9;
/** What everybody must take (RFC 9113 §4.2); nobody is asked for more. */
export const MOST_FRAME_BYTES = 16_384;
export const DEFAULT_WINDOW = 65_535;
export const MOST_WINDOW = 2 ** 31 - 1;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function frameHead(length: number, type: number, flags: number, id: number): string {
  return String.fromCharCode(
    length >>> 16,
    (length >>> 8) & 255,
    length & 255,
    type,
    flags,
    (id >>> 24) & 127,
    (id >>> 16) & 255,
    (id >>> 8) & 255,
    id & 255,
  );
}

export function u32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function settingsFrame(settings: readonly (readonly [number, number])[]): string {
  let body = '';
  for (const [id, value] of settings) body += String.fromCharCode(id >>> 8, id & 255) + u32(value);
  return frameHead(body.length, FRAME.settings, 0, 0) + body;
}

export const SETTINGS_ACK = frameHead(0, FRAME.settings, FLAG.ack, 0);

/** HEADERS, and CONTINUATION for what does not fit (RFC 9113 §6.2, §6.10). */
export function headersFrames(id: number, block: string, endStream: boolean): string {
  const end = endStream ? FLAG.endStream : 0;
  if (block.length <= MOST_FRAME_BYTES)
    return frameHead(block.length, FRAME.headers, FLAG.endHeaders | end, id) + block;
  let out = frameHead(MOST_FRAME_BYTES, FRAME.headers, end, id) + block.slice(0, MOST_FRAME_BYTES);
  for (let at = MOST_FRAME_BYTES; at < block.length; at += MOST_FRAME_BYTES) {
    const part = block.slice(at, at + MOST_FRAME_BYTES);
    const flags = at + part.length === block.length ? FLAG.endHeaders : 0;
    out += frameHead(part.length, FRAME.continuation, flags, id) + part;
  }
  return out;
}

export const rstStream = (id: number, reason: number): string => frameHead(4, FRAME.rstStream, 0, id) + u32(reason);

export const windowUpdate = (id: number, bytes: number): string => frameHead(4, FRAME.windowUpdate, 0, id) + u32(bytes);

export const goaway = (lastId: number, reason: number): string =>
  frameHead(8, FRAME.goaway, 0, 0) + u32(lastId) + u32(reason);

export const ping = (opaque: string, ack: boolean): string => frameHead(8, FRAME.ping, ack ? FLAG.ack : 0, 0) + opaque;
