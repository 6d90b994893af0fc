// Owns the normalized form of a Redis that balancers share.

export interface RedisConfig {
  /** `redis://` or `rediss://`, perhaps with a password. */
  readonly url: string;
  /** In front of every key. */
  readonly prefix: string;
  /** So long a request waits for an answer; then it goes on with what is known here. */
  readonly timeoutMs: number;
}
