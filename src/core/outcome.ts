// Owns Outcome: what one attempt proved, and about whom. A client abort is `cancelled` and never counts against an endpoint.

import type { ProxyError } from './error.ts';

export type Outcome =
  /** `firstByteMs` is the time from sending the request to the first byte of the answer. */
  | { readonly kind: 'ok'; readonly status: number; readonly firstByteMs: number }
  | { readonly kind: 'failed'; readonly error: ProxyError }
  | { readonly kind: 'cancelled' };

export const CANCELLED: Outcome = { kind: 'cancelled' };
