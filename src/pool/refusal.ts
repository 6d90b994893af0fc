// Owns the answers of a pool that gives no endpoint. Made once: refusing must be cheap when everything is overloaded.

import { type ErrorCode, type ProxyError, proxyError } from '../core/error.ts';

export type RefusalCode = Extract<
  ErrorCode,
  | 'pool-empty'
  | 'pool-down'
  | 'breaker-open'
  | 'pinned-down'
  | 'pool-saturated'
  | 'tried-all'
  | 'queue-timeout'
  | 'draining'
>;

export interface Refusal {
  readonly refused: true;
  readonly code: RefusalCode;
  readonly error: ProxyError;
}

const refusal = (code: RefusalCode): Refusal => ({ refused: true, code, error: proxyError(code) });

export const REFUSALS: { readonly [C in RefusalCode]: Refusal } = {
  'pool-empty': refusal('pool-empty'),
  'pool-down': refusal('pool-down'),
  'breaker-open': refusal('breaker-open'),
  'pinned-down': refusal('pinned-down'),
  'pool-saturated': refusal('pool-saturated'),
  'tried-all': refusal('tried-all'),
  'queue-timeout': refusal('queue-timeout'),
  draining: refusal('draining'),
};
