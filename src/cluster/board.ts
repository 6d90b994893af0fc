// Owns how this balancer reads from and writes to the Redis that all share: names of keys (all in one place of a cluster of Redis),
// questions with a deadline, news to all others. Nothing that comes from there is believed before its shape was looked at.

import { NO_ANSWER, type Reply, type SharedRedis } from '../store/redis.ts';
import type { Seal } from './seal.ts';

export interface BoardOptions {
  readonly redis: Pick<SharedRedis, 'ask' | 'subscribe' | 'up'>;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly seal: Seal;
  /** Of this process; news of our own are not for us. */
  readonly instance: string;
}

export type Fields = Readonly<Record<string, unknown>>;
const MOST_NEWS = 4 * 1024 * 1024;

export class Board {
  readonly #options: BoardOptions;
  readonly #heard = new Map<string, (node: string, body: Fields) => void>();

  constructor(options: BoardOptions) {
    this.#options = options;
    options.redis.subscribe(this.key('news'), (text) => this.#take(text));
  }

  get up(): boolean {
    return this.#options.redis.up;
  }

  get seal(): Seal {
    return this.#options.seal;
  }

  key(name: string): string {
    return `${this.#options.prefix}{cluster}:${name}`;
  }

  /** NO_ANSWER when nobody could be asked in time, or Redis said no. */
  ask(...command: readonly string[]): Promise<Reply> {
    return new Promise((resolve) => this.#options.redis.ask(command, this.#options.timeoutMs, resolve));
  }

  /** What `field` of the hash `name` holds, if it is from one of us. */
  async read(name: string, field: string): Promise<Fields | undefined> {
    const reply = await this.ask('HGET', this.key(name), field);
    return typeof reply === 'string' ? fieldsOf(this.seal.unpack(name, reply)) : undefined;
  }

  async write(name: string, field: string, value: unknown): Promise<boolean> {
    return (await this.ask('HSET', this.key(name), field, this.seal.pack(name, value))) !== NO_ANSWER;
  }

  /** To all others that are there at this moment. */
  async tell(kind: string, node: string, body: Fields): Promise<boolean> {
    const news = this.seal.pack('news', { kind, node, instance: this.#options.instance, body });
    return (await this.ask('PUBLISH', this.key('news'), news)) !== NO_ANSWER;
  }

  on(kind: string, listener: (node: string, body: Fields) => void): void {
    this.#heard.set(kind, listener);
  }

  #take(text: string): void {
    if (text.length > MOST_NEWS) return;
    const news = fieldsOf(this.seal.unpack('news', text));
    const body = fieldsOf(news?.body);
    if (news === undefined || body === undefined || news.instance === this.#options.instance) return;
    const { kind, node } = news;
    if (typeof kind === 'string' && typeof node === 'string') this.#heard.get(kind)?.(node, body);
  }
}

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** Text of others goes to logs and pages: no control characters, not too long. */
export function tame(value: unknown, most = 300): string {
  return typeof value === 'string' ? value.slice(0, most).replace(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd') : '';
}
