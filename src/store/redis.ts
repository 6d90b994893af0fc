// Owns one connection to a Redis that balancers share: made when it is first needed, made again when it breaks, with pauses that
// grow. Whoever asks is answered soon in any case: with NO_ANSWER at once while there is no connection, and after the deadline
// when Redis is slow; one that is slow again and again is left alone for a while. It knows nothing of what is kept there.
//
//   connecting ──ready──▶ up ──three answers late in a row──▶ resting ──a second──▶ up
//        ▲                 └──── broken ────▶ down ──pause──▶ connecting

import type { RedisClientType } from '@redis/client';
import type { Env } from '../core/env.ts';

/** Nobody could be asked, or the answer took too long, or it was an error. */
export const NO_ANSWER = Symbol('no answer');
export type Reply = string | number | null | readonly unknown[] | typeof NO_ANSWER;

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** So many late answers in a row, and it is left alone. */
const LATE = 3;
const REST_MS = 1000;
/** Commands under way; more are not sent. */
const MOST_WAITING = 10_000;

export interface SharedRedisOptions {
  readonly url: string;
  readonly env: Env;
  /** `up` has changed. */
  readonly onChange: () => void;
}

export class SharedRedis {
  readonly #options: SharedRedisOptions;
  #client: RedisClientType | undefined;
  #ready = false;
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
    const client = this.#client;
    if (client === undefined || !this.#ready || clock.now() < this.#restsUntil) return done(NO_ANSWER);
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
    client.sendCommand([...command]).then(
      (reply) => {
        this.#answered();
        finish(reply as unknown as Reply);
      },
      () => finish(NO_ANSWER),
    );
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    const client = this.#client;
    this.#client = undefined;
    if (client?.isOpen === true) client.destroy();
  }

  async #connect(): Promise<void> {
    const { url, env } = this.#options;
    // Only who shares something pays for the library. Addresses were checked with the configuration.
    const { createClient } = await import('@redis/client');
    if (this.#closed) return;
    const client = createClient({
      url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      commandsQueueMaxLength: MOST_WAITING,
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: (retries) =>
          Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(retries, 10)) * (0.5 + env.random.unit()),
      },
    }) as unknown as RedisClientType;
    this.#client = client;
    // Without a listener an error would end the process; what it says is told by the state.
    client.on('error', () => this.#setReady(client.isReady));
    client.on('end', () => this.#setReady(false));
    client.on('reconnecting', () => this.#setReady(false));
    client.on('ready', () => this.#setReady(true));
    client.connect().catch(() => this.#setReady(false));
  }

  #setReady(ready: boolean): void {
    if (this.#closed) return;
    if (ready && !this.#ready) {
      this.#late = 0;
      this.#restsUntil = 0;
    }
    this.#ready = ready;
    this.#tell(ready);
  }

  #wasLate(): void {
    if (++this.#late < LATE) return;
    this.#late = 0;
    this.#restsUntil = this.#options.env.clock.now() + REST_MS;
    this.#tell(false);
  }

  #answered(): void {
    this.#late = 0;
    if (!this.#up && this.#ready && this.#options.env.clock.now() >= this.#restsUntil) this.#tell(true);
  }

  #tell(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    if (!this.#closed) this.#options.onChange();
  }
}
