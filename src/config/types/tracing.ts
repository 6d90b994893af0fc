// Owns the normalized form of tracing.

export interface TracingConfig {
  /** Where batches are posted to, with its path. */
  readonly otlp: string;
  /** Share of requests, connections and questions that are traced, 0 to 1. */
  readonly sample: number;
  /** Requests carry `traceparent` upstream; otherwise what clients sent of it passes as it came. */
  readonly propagate: boolean;
  /** Whoever sends `traceparent` decides whether its trace is recorded, not trusted proxies alone. */
  readonly trustClients: boolean;
  readonly service: string;
  /** Sent to the collector; secrets among them. */
  readonly headers: Readonly<Record<string, string>>;
}
