// Owns the few figures taken from rounds: medians, and ratios that are made within one round, with their spread.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** Ratios of values measured beside each other. */
export function ratios(values: readonly number[], against: readonly number[]): Spread {
  return spread(values.map((value, round) => value / against[round]));
}
