// Owns endpoints from a key of Redis, read now and then: a hash (values, or fields, are endpoints), a set, or a sorted set whose
// scores say until when (seconds since 1970). Entries are `host:port` or JSON, which may have `expires` as well. A key that is
// not there is an error: Redis forgets empty ones, and everything when it starts anew.

import type { RedisDiscover } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { NO_ANSWER, type Reply, SharedRedis } from '../store/redis.ts';
import { type DiscoveryKind, type Look, MOST_ENDPOINTS, type Source, type SourceTools } from './discovery.ts';
import { Registrations } from './entries.ts';

export const redis: DiscoveryKind<RedisDiscover> = {
  name: 'redis',
  build: (config, tools) => new RedisSource(config, tools),
};

const SILENT = 'does not answer';
const COUNTS: Readonly<Record<string, string>> = { hash: 'HLEN', set: 'SCARD', zset: 'ZCARD' };

class RedisSource implements Source {
  readonly #config: RedisDiscover;
  readonly #tools: SourceTools;
  readonly #redis: SharedRedis;
  #onReady: (() => void) | undefined;

  constructor(config: RedisDiscover, tools: SourceTools) {
    this.#config = config;
    this.#tools = tools;
    this.#redis = new SharedRedis({
      url: config.url,
      env: tools.env,
      onChange: () => {
        if (this.#redis.up) this.#onReady?.();
      },
    });
  }

  async look(): Promise<Result<Look, string>> {
    await this.#ready();
    const { key, intervalMs: againMs, defaults } = this.#config;
    const type = await this.#ask(['TYPE', key]);
    if (!type.ok) return type;
    if (type.value === 'none') return err(`has no key "${key}"`);
    const count = COUNTS[String(type.value)];
    if (count === undefined) return err(`has a ${String(type.value)} at "${key}"; a hash, set or sorted set is read`);
    const size = await this.#ask([count, key]);
    if (!size.ok) return size;
    if (Number(size.value) > MOST_ENDPOINTS) return err(`has more than ${MOST_ENDPOINTS} entries, which are the limit`);
    const nowSeconds = this.#tools.env.clock.epoch() / 1000;
    const entries = await this.#entries(String(type.value), nowSeconds);
    if (!entries.ok) return entries;
    const registered = new Registrations(defaults);
    for (const [name, text] of entries.value) if (!isOver(text, nowSeconds)) registered.text(name, text);
    return ok({ endpoints: registered.endpoints, note: registered.note, againMs });
  }

  close(): void {
    this.#redis.close();
    this.#onReady?.();
  }

  /** A connection is made in the background; the first look waits for it a little. */
  #ready(): Promise<void> {
    if (this.#redis.up) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#onReady = undefined;
        timer.cancel();
        resolve();
      };
      const timer = this.#tools.env.clock.after(this.#config.timeoutMs, done);
      this.#onReady = done;
    });
  }

  async #entries(type: string, nowSeconds: number): Promise<Result<readonly (readonly [string, string])[], string>> {
    const { key } = this.#config;
    if (type === 'hash') {
      const read = await this.#ask(['HGETALL', key]);
      if (!read.ok) return read;
      const flat = (read.value as readonly unknown[]).map(String);
      return ok(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as const));
    }
    const read = await this.#ask(
      type === 'set' ? ['SMEMBERS', key] : ['ZRANGEBYSCORE', key, `(${Math.floor(nowSeconds)}`, '+inf'],
    );
    return read.ok ? ok((read.value as readonly unknown[]).map((one) => [String(one), String(one)] as const)) : read;
  }

  async #ask(command: readonly string[]): Promise<Result<Reply, string>> {
    const reply = await new Promise<Reply>((resolve) => this.#redis.ask(command, this.#config.timeoutMs, resolve));
    return reply === NO_ANSWER ? err(SILENT) : ok(reply);
  }
}

/** `expires`, in seconds since 1970, of an entry in JSON. What is no JSON is judged by whoever reads it. */
function isOver(text: string, nowSeconds: number): boolean {
  const expires = /"expires"\s*:\s*(\d+(?:\.\d+)?)/.exec(text)?.[1];
  return expires !== undefined && Number(expires) <= nowSeconds;
}
