// Owns the verdict that an endpoint is slow: compared with the median of the others in its pool, over the last seconds, so that one
// slow answer marks nobody.

export interface Paced {
  /** p95 over the last seconds; NaN when it answered nothing. */
  readonly pace: number;
  readonly serves: boolean;
  /** So many times the median of the others; 0 when it is not slow. */
  slow: number;
}

const FACTOR = 2;
/** Below, nobody would notice. */
const LEAST_MS = 3;

export function markSlow(rows: readonly Paced[]): void {
  const known: Paced[] = [];
  for (const row of rows) {
    row.slow = 0;
    if (row.serves && row.pace > 0) known.push(row);
  }
  if (known.length < 2) return;
  known.sort((a, b) => a.pace - b.pace);
  const others = known.length - 1;
  for (let i = known.length - 1; i >= 0; i--) {
    // Of the others, in order: i is left out.
    const nth = (k: number): number => known[k < i ? k : k + 1].pace;
    const median = others % 2 === 1 ? nth((others - 1) / 2) : (nth(others / 2 - 1) + nth(others / 2)) / 2;
    const { pace } = known[i];
    if (pace < FACTOR * median || pace - median < LEAST_MS) {
      // The faster ones are not slow either.
      if (pace <= median) return;
      continue;
    }
    known[i].slow = pace / median;
  }
}
