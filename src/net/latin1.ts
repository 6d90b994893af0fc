// Owns the one way bytes become text on the hot path. `latin1Slice` is what `buffer.toString('latin1', a, b)` calls
// after its argument checks; every byte is one character, so offsets into bytes and text agree.

declare global {
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
  }
}

export function latin1(buffer: Buffer, start: number, end: number): string {
  return buffer.latin1Slice(start, end);
}
