// Owns the normalized form of how measurements for the `latency` policy come in.

export interface LatencyConfig {
  /** Files with measurements of others, as the configuration has their paths. */
  readonly file: readonly string[];
  /** How often the round trips of our own clients are read. */
  readonly intervalMs: number;
}
