// Owns rate limits that balancers share in a Redis: the generic cell rate algorithm in a script there, by its clock, so that all who
// ask agree. Keys are hashed, and go by themselves when nothing is used up any more.

import { createHash } from 'node:crypto';
import type { RedisConfig } from '../config/types.ts';
import type { Rate, RateAnswer } from '../limits/rate-table.ts';
import { NO_ANSWER, type SharedRedis } from './redis.ts';

/** Keys: the cell. Arguments: µs that one takes, µs that may be used up at once, how many are taken. */
const TAKE = `
local now = redis.call('TIME')
local at = now[1] * 1000000 + now[2]
local used = math.max(at, tonumber(redis.call('GET', KEYS[1]) or at))
local next = used + ARGV[1] * ARGV[3]
if next - at > tonumber(ARGV[2]) then return {0, used - at, next - at - ARGV[2]} end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - at) / 1000) + 1)
return {1, next - at, 0}`;

export class RedisRates {
  readonly #redis: SharedRedis;
  readonly #prefix: string;
  readonly #timeoutMs: number;

  constructor(redis: SharedRedis, { prefix, timeoutMs }: RedisConfig) {
    this.#redis = redis;
    this.#prefix = `${prefix}rate:`;
    this.#timeoutMs = timeoutMs;
  }

  /** Undefined: nobody could be asked in time. */
  take(key: string, { limit, periodMs, burst }: Rate, cost: number): Promise<RateAnswer | undefined> {
    const each = (periodMs * 1000) / limit;
    const name = this.#prefix + createHash('sha256').update(key).digest('base64url');
    const command = ['EVAL', TAKE, '1', name, each.toFixed(3), (each * burst).toFixed(3), String(cost)];
    return new Promise((resolve) => {
      this.#redis.ask(command, this.#timeoutMs, (reply) => {
        if (reply === NO_ANSWER || !Array.isArray(reply)) return resolve(undefined);
        const [allowed, used, over] = (reply as unknown[]).map(Number);
        resolve({
          allowed: allowed === 1,
          remaining: Math.max(0, Math.floor((each * burst - used) / each + 1e-6)),
          resetMs: used / 1000,
          retryMs: over / 1000,
        });
      });
    });
  }
}
