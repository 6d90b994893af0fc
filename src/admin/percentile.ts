// Owns percentiles from counts in buckets, in the way of Prometheus: a value lies evenly within its bucket.

/** `counts` has one more entry than `bounds`: what is above the last. Undefined when nothing was counted. */
export function percentile(counts: readonly number[], bounds: readonly number[], share: number): number | undefined {
  const total = counts.reduce((all, count) => all + count, 0);
  if (total <= 0) return undefined;
  const rank = share * total;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    if (below + count < rank || count === 0) {
      below += count;
      continue;
    }
    if (i >= bounds.length) return bounds.at(-1);
    const low = i === 0 ? 0 : bounds[i - 1];
    return low + ((bounds[i] - low) * (rank - below)) / count;
  }
  return bounds.at(-1);
}
