// Owns the shared stores of one worker: one connection for each Redis that the configuration names, kept over reloads, closed when
// nobody names it any more; and tables of sessions in them. Keys are hashed, so that no secret of a client lies in a store.

import { createHash } from 'node:crypto';
import type { PinStore } from '../affinity/affinity.ts';
import type { Config, RateLimitSettings, RedisConfig } from '../config/types.ts';
import { type Counters, P, W } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import { NO_ANSWER, type Reply, SharedRedis } from './redis.ts';
import { RedisRates } from './redis-rates.ts';

/** What nobody waits for may take longer. */
const UNHURRIED_MS = 1000;

export class SharedStores {
  readonly #env: Env;
  readonly #counters: Counters;
  readonly #redis = new Map<string, SharedRedis>();

  constructor(env: Env, counters: Counters) {
    this.#env = env;
    this.#counters = counters;
  }

  /** The connection to it, whoever else uses that. */
  redis({ url }: RedisConfig): SharedRedis {
    let known = this.#redis.get(url);
    if (known === undefined) {
      known = new SharedRedis({ url, env: this.#env, onChange: () => this.#count() });
      this.#redis.set(url, known);
      this.#count();
    }
    return known;
  }

  /** The table of sessions of one pool. */
  pins(config: RedisConfig, pool: string, poolSlot: number): PinStore {
    return new RedisPins(this.redis(config), config, pool, (column) => this.#counters.pool(poolSlot, column));
  }

  /** Limits in it. */
  rates(config: RedisConfig): RedisRates {
    return new RedisRates(this.redis(config), config);
  }

  /** Closes those that this configuration does not name; undefined names none. */
  keepFor(config: StoreUsers | undefined): void {
    const used = config === undefined ? [] : storesOf(config);
    const urls = new Set(used.map(({ url }) => url));
    for (const [url, redis] of this.#redis) {
      if (urls.has(url)) continue;
      this.#redis.delete(url);
      redis.close();
    }
    this.#count();
  }

  #count(): void {
    const up = [...this.#redis.values()].filter((redis) => redis.up).length;
    this.#counters.worker(W.storesUp, up);
    this.#counters.worker(W.storesDown, this.#redis.size - up);
  }
}

type StoreUsers = Pick<Config, 'pools' | 'listeners'>;

/** Every store that a configuration names. */
export function storesOf({ pools, listeners }: StoreUsers): readonly RedisConfig[] {
  const sessions = Object.values(pools).flatMap(({ affinity }) => affinity?.store ?? []);
  const http = Object.values(listeners).filter((listener) => listener.protocol === 'http');
  const filters = [
    ...Object.values(pools).flatMap((pool) => pool.filters),
    ...http.flatMap((listener) => [...listener.filters, ...listener.routes.flatMap((route) => route.filters)]),
  ];
  const limits = filters.flatMap(({ kind, settings }) =>
    kind === 'rate-limit' ? ((settings as RateLimitSettings).store ?? []) : [],
  );
  return [...sessions, ...limits];
}

class RedisPins implements PinStore {
  readonly #redis: SharedRedis;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #count: (column: number) => void;

  constructor(redis: SharedRedis, { prefix, timeoutMs }: RedisConfig, pool: string, count: (column: number) => void) {
    this.#redis = redis;
    this.#prefix = `${prefix}affinity:${pool}:`;
    this.#timeoutMs = timeoutMs;
    this.#count = count;
  }

  lookup(key: string, done: (value: string | undefined) => void): void {
    this.#redis.ask(['GET', this.#name(key)], this.#timeoutMs, (reply) => {
      this.#count(reply === NO_ANSWER ? P.storeFailures : reply === null ? P.storeMisses : P.storeHits);
      done(textOf(reply));
    });
  }

  put(key: string, value: string, ttlMs: number, replace: boolean, done: (held: string) => void): void {
    const name = this.#name(key);
    const set = ['SET', name, value, 'PX', String(ttlMs)];
    this.#redis.ask(replace ? set : [...set, 'NX'], UNHURRIED_MS, (reply) => {
      if (reply === NO_ANSWER) this.#count(P.storeFailures);
      if (reply !== null) return;
      this.#redis.ask(['GET', name], UNHURRIED_MS, (held) => {
        const text = textOf(held);
        if (text !== undefined) done(text);
      });
    });
  }

  touch(key: string, ttlMs: number, done: (held: string | undefined) => void): void {
    this.#redis.ask(['GETEX', this.#name(key), 'PX', String(ttlMs)], UNHURRIED_MS, (reply) => {
      if (reply === NO_ANSWER) this.#count(P.storeFailures);
      else done(textOf(reply));
    });
  }

  #name(key: string): string {
    return this.#prefix + createHash('sha256').update(key).digest('base64url');
  }
}

function textOf(reply: Reply): string | undefined {
  return typeof reply === 'string' ? reply : undefined;
}
