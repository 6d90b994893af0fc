// Owns the normalized form of session persistence: what a client is known by, for how long, and where that is kept.

import type { RedisConfig } from './redis.ts';

export type AffinityBy = 'source' | 'header' | 'query' | 'cookie' | 'cookie-prefix' | 'cookie-learn';

export interface AffinityConfig {
  readonly by: AffinityBy;
  /** Of the cookie, field (lower case) or parameter; '' for `source`. */
  readonly name: string;
  /** Away for so long means forgotten. */
  readonly ttlMs: number;
  /** Forgotten after so long in any case; 0: never. */
  readonly maxAgeMs: number;
  /** What becomes of a session whose endpoint cannot serve: another endpoint, or a refusal until that one is back. */
  readonly onDown: 'repick' | 'fail';
  /** How an inserted cookie looks; undefined for kinds that insert none. */
  readonly cookie: AffinityCookieConfig | undefined;
  /** Who signs; undefined for kinds that sign nothing. */
  readonly secrets: AffinitySecretsConfig | undefined;
  /** Where a table is shared with other balancers; undefined: nowhere. */
  readonly store: RedisConfig | undefined;
}

export interface AffinityCookieConfig {
  /** '' for the host that was asked. */
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: boolean;
  /** `auto`: where the client speaks TLS. */
  readonly secure: 'auto' | boolean;
  readonly sameSite: 'lax' | 'strict' | 'none' | 'off';
  /** With Max-Age and Expires; false: the browser forgets it at its end. */
  readonly persistent: boolean;
}

export interface AffinitySecretsConfig {
  /** The first signs, all verify. None: see `keysFile`. */
  readonly keys: readonly string[];
  /** One key a line, made when it is missing; '' for none: then a key of this process is used. */
  readonly keysFile: string;
}
