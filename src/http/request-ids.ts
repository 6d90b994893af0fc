// Owns the ids that requests get: a prefix that no other worker or process has, and a count in base 36. Made for speed:
// numbers become text two digits at a time from a table.

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const PAIRS: readonly string[] = Array.from({ length: 36 * 36 }, (_, i) => DIGITS[Math.floor(i / 36)] + DIGITS[i % 36]);

/** Each call returns a new id. */
export function requestIds(prefix: string): () => string {
  let high = 0;
  let low = 0;
  let head = prefix + high.toString(36);
  return () => {
    if (low === PAIRS.length) {
      low = 0;
      head = prefix + (++high).toString(36);
    }
    return head + PAIRS[low++];
  };
}
