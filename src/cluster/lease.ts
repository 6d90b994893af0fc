// Owns the right to act for all: one balancer has it at a time, for a few seconds, and asks for it again before they are over. Who cannot
// renew stops acting by its own clock before anybody else may begin: what holds is counted from before it was asked for. Each new
// holder gets a higher number, by which whoever is acted upon can tell a late order from a current one.
//
//   waiting ──nobody has it──▶ held ──renewed in time──▶ held ──not in time, by our own clock──▶ waiting

import type { Clock, Timer } from '../core/env.ts';
import type { Board } from './board.ts';

/**
 * Keys: holder, number. Arguments: who, ms. Held by us: longer. Held by nobody: ours, with a higher number. A Redis that knows no number
 * is new, or lost what it had: then somebody may still believe that it is his, and nobody gets it until that is over.
 */
const TAKE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local held = redis.call('GET', KEYS[1])
local last = redis.call('GET', KEYS[2])
if held == ARGV[1] and last then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return tonumber(last) end
if held then return 0 end
if not last then
  redis.call('SET', KEYS[2], string.format('%.0f', now))
  redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
  return 0
end
local next = math.max(tonumber(last) + 1, now)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], string.format('%.0f', next))
return next`;

const GIVE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

export interface LeaseOptions {
  readonly board: Pick<Board, 'ask' | 'key'>;
  readonly clock: Clock;
  readonly name: string;
  /** Of this process: one that comes back is another. */
  readonly instance: string;
  readonly ttlMs: number;
}

/** Clocks of two machines may not run equally fast. */
const MARGIN = 0.1;

export class Lease {
  readonly #options: LeaseOptions;
  #deadline = Number.NEGATIVE_INFINITY;
  #token = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Ask right before acting: after a pause of the process it is no longer so. */
  get held(): boolean {
    return this.#options.clock.now() < this.#deadline;
  }

  /** Grows with each holder; 0: not held. */
  get token(): number {
    return this.held ? this.#token : 0;
  }

  start(): void {
    void this.#round();
  }

  /** Others may have it at once. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const { board, instance } = this.#options;
    const wasHeld = this.held;
    this.#deadline = Number.NEGATIVE_INFINITY;
    if (wasHeld) await board.ask('EVAL', GIVE, '1', this.#key('lease'), instance);
  }

  #key(kind: string): string {
    return this.#options.board.key(`${kind}:${this.#options.name}`);
  }

  async #round(): Promise<void> {
    const { board, clock, instance, ttlMs } = this.#options;
    const asked = clock.now();
    const reply = await board.ask('EVAL', TAKE, '2', this.#key('lease'), this.#key('fence'), instance, `${ttlMs}`);
    if (this.#closed) return;
    // No answer says nothing: what was granted before holds for as long as it was granted.
    if (typeof reply === 'number') {
      this.#deadline = reply > 0 ? asked + ttlMs * (1 - MARGIN) : Number.NEGATIVE_INFINITY;
      this.#token = reply;
    }
    this.#timer = clock.after(ttlMs / 3, () => void this.#round());
  }
}
