// Owns a rate limit in one shared number: the generic cell rate algorithm (ITU-T I.371). Evenly spread; a tenth of a
// second's worth may come at once. Workers agree through compare-and-swap, so the limit is exact over all of them.

const US = 1000;
/** Times live in 32 bits of microseconds, so only differences within half an hour mean something; nothing valid is longer. */
const LONGEST_US = 2_000_000;

/** What of `perSecond` may come at once, in µs of the schedule. */
function burstUs(perSecond: number): number {
  return Math.max(0, Math.min(100_000, LONGEST_US) - 1_000_000 / perSecond);
}

/** µs from now until the time from which the next one would be on schedule; an idle or stale cell is on schedule now. */
function aheadUs(cells: Int32Array, at: number, nowUs: number): number {
  const ahead = (Atomics.load(cells, at) - nowUs) | 0;
  return ahead < 0 || ahead > LONGEST_US ? 0 : ahead;
}

/** Whether one more may begin now. `now` is monotonic ms. */
export function conforms(cells: Int32Array, at: number, perSecond: number, now: number): boolean {
  return aheadUs(cells, at, (now * US) | 0) <= burstUs(perSecond);
}

/** Takes one, if it may begin now. */
export function take(cells: Int32Array, at: number, perSecond: number, now: number): boolean {
  const nowUs = (now * US) | 0;
  for (;;) {
    const before = Atomics.load(cells, at);
    const ahead = aheadUs(cells, at, nowUs);
    if (ahead > burstUs(perSecond)) return false;
    const after = (nowUs + ahead + 1_000_000 / perSecond) | 0;
    if (Atomics.compareExchange(cells, at, before, after) === before) return true;
  }
}
