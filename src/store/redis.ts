// Owns one connection to a Redis that balancers share (one server, a set with sentinels, a cluster): made when it is first needed,
// made again when it breaks, with pauses that grow. Whoever asks is answered soon in any case: with NO_ANSWER at once while there is no connection, and after the deadline
// when Redis is slow; one that is slow again and again is left alone for a while. It knows nothing of what is kept there.
//
//   connecting ──ready──▶ up ──three answers late in a row──▶ resting ──a second──▶ up
//        ▲                 └──── broken ────▶ down ──pause──▶ connecting

import type { Env } from '../core/env.ts';
import { parseRedisUrl } from '../core/redis-url.ts';
import { clusterLink, type LinkOptions, type RedisLink, singleLink } from './links.ts';
import { sentinelLink } from './sentinel-link.ts';

/** Nobody could be asked, or the answer took too long, or it was an error. */
export const NO_ANSWER = Symbol('no answer');
export type Reply = string | number | null | readonly unknown[] | typeof NO_ANSWER;

/** So many late answers in a row, and it is left alone. */
const LATE = 3;
const REST_MS = 1000;

export interface SharedRedisOptions {
  readonly url: string;
  readonly env: Env;
  /** `up` has changed. */
  readonly onChange: () => void;
}

export class SharedRedis {
  readonly #options: SharedRedisOptions;
  #link: RedisLink | undefined;
  readonly #channels: (readonly [string, (text: string) => void])[] = [];
  #ready = false;
  /** No part of it is missing. */
  #whole = false;
  #up = false;
  #late = 0;
  #restsUntil = 0;
  #closed = false;

  constructor(options: SharedRedisOptions) {
    this.#options = options;
    void this.#connect();
  }

  get up(): boolean {
    return this.#up;
  }

  /** `done` is called once. Arguments are sent as they are. */
  ask(command: readonly string[], timeoutMs: number, done: (reply: Reply) => void): void {
    const { clock } = this.#options.env;
    const link = this.#link;
    if (link === undefined || !this.#ready || clock.now() < this.#restsUntil) return done(NO_ANSWER);
    let open = true;
    const finish = (reply: Reply): void => {
      if (!open) return;
      open = false;
      timer.cancel();
      done(reply);
    };
    const timer = clock.after(timeoutMs, () => {
      this.#wasLate();
      finish(NO_ANSWER);
    });
    link.send(command).then(
      (reply) => {
        this.#answered();
        finish(reply as Reply);
      },
      () => finish(NO_ANSWER),
    );
  }

  /** From now on, also over connections that break; what is said meanwhile is missed. */
  subscribe(channel: string, onMessage: (text: string) => void): void {
    this.#channels.push([channel, onMessage]);
    this.#link?.subscribe(channel, onMessage);
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    this.#link?.close();
    this.#link = undefined;
  }

  async #connect(): Promise<void> {
    const { url, env } = this.#options;
    const link = await openLink(url, { env, onReady: (ready, whole = ready) => this.#setReady(ready, whole) });
    if (this.#closed) return link?.close();
    this.#link = link;
    for (const [channel, onMessage] of this.#channels) link?.subscribe(channel, onMessage);
  }

  #setReady(ready: boolean, whole: boolean): void {
    if (this.#closed) return;
    if (ready && !this.#ready) {
      this.#late = 0;
      this.#restsUntil = 0;
    }
    this.#ready = ready;
    this.#whole = whole;
    this.#tell(whole);
  }

  #wasLate(): void {
    if (++this.#late < LATE) return;
    this.#late = 0;
    this.#link?.doubt();
    this.#restsUntil = this.#options.env.clock.now() + REST_MS;
    this.#tell(false);
  }

  #answered(): void {
    this.#late = 0;
    if (!this.#up && this.#whole && this.#options.env.clock.now() >= this.#restsUntil) this.#tell(true);
  }

  #tell(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    if (!this.#closed) this.#options.onChange();
  }
}

/** Addresses were checked with the configuration. */
async function openLink(url: string, options: LinkOptions): Promise<RedisLink | undefined> {
  const place = parseRedisUrl(url);
  if (place === undefined) return undefined;
  if (place.kind === 'single') return singleLink(place.url, options);
  return place.kind === 'sentinel' ? sentinelLink(place, options) : clusterLink(place, options);
}
