// Owns requests that wait for an endpoint below its limit: who comes next, how long they may wait, and when to look again.
// What is free is asked of the pool through `take`; nobody is passed by a later request that takes the same things.
//
//   (new) ──▶ waiting ──▶ served | refused      queue full: pool-saturated, at once    deadline: queue-timeout
//                │                              pool closed: draining                  pool down: pool-down
//                └──────▶ cancelled             (or moves, in order, to the successor's room)

import type { QueueConfig } from '../config/types.ts';
import type { Clock, Timer } from '../core/env.ts';
import { CANCELLED } from '../core/outcome.ts';
import type { Lease } from './lease.ts';
import { type AcquireRequest, isRestricted, type Waiter, WaitQueue } from './queue.ts';
import { REFUSALS, type Refusal } from './refusal.ts';

/** Capacity may appear without a settle in this worker: by another worker's, a verdict, an operator. */
const POLL_MS = 5;

export interface WaitTicket {
  /** The client left: its callback will not be called any more. */
  cancel(): void;
}

interface Grant {
  readonly waiter: Waiter;
  readonly answer: Lease | Refusal;
}

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #config: QueueConfig;
  readonly #take: (request: AcquireRequest) => Lease | Refusal;
  readonly #queue: WaitQueue;
  #closed = false;
  #poll: Timer | undefined;
  #serving = false;
  #serveAgain = false;

  constructor(clock: Clock, config: QueueConfig, take: (request: AcquireRequest) => Lease | Refusal) {
    this.#clock = clock;
    this.#config = config;
    this.#take = take;
    this.#queue = new WaitQueue(config.size);
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Serves who can be served; true when a new request would then overtake somebody. */
  mustWait(): boolean {
    this.serve();
    return this.#queue.plain > 0;
  }

  wait(request: AcquireRequest, deadline: number, callback: (answer: Lease | Refusal) => void): WaitTicket {
    const waiter: Waiter = {
      request,
      callback,
      deadline: Math.min(deadline, this.#clock.now() + this.#config.timeoutMs),
      timer: undefined,
      queue: undefined,
      cancelled: false,
      previous: undefined,
      next: undefined,
    };
    this.#enter(waiter);
    return {
      cancel() {
        waiter.cancelled = true;
        waiter.queue?.remove(waiter);
      },
    };
  }

  /** Nobody enters any more; those who wait move to the successor's room or are refused. */
  close(successor: WaitingRoom | undefined): void {
    this.#closed = true;
    this.#poll?.cancel();
    this.#poll = undefined;
    const leaving: Waiter[] = [];
    for (let waiter = this.#queue.head; waiter !== undefined; waiter = this.#queue.head) {
      this.#queue.remove(waiter);
      leaving.push(waiter);
    }
    for (const waiter of leaving) {
      if (waiter.cancelled) continue;
      if (successor) successor.#enter(waiter);
      else waiter.callback(REFUSALS.draining);
    }
    successor?.serve();
  }

  /** Gives waiting requests, in order, whatever can be had. Callbacks run last: they may acquire, settle or cancel. */
  serve(): void {
    if (this.#serving) {
      this.#serveAgain = true;
      return;
    }
    this.#serving = true;
    try {
      do {
        this.#serveAgain = false;
        for (const { waiter, answer } of this.#grant()) {
          if (!waiter.cancelled) waiter.callback(answer);
          else if (!answer.refused) answer.settle(CANCELLED);
        }
      } while (this.#serveAgain && this.#queue.size > 0);
    } finally {
      this.#serving = false;
    }
  }

  #grant(): Grant[] {
    const granted: Grant[] = [];
    let plainBlocked = false;
    let next: Waiter | undefined;
    for (let waiter = this.#queue.head; waiter !== undefined; waiter = next) {
      next = waiter.next;
      if (plainBlocked && !isRestricted(waiter)) continue;
      const answer = this.#take(waiter.request);
      if (answer === REFUSALS['pool-saturated']) {
        plainBlocked ||= !isRestricted(waiter);
        if (plainBlocked && this.#queue.plain === this.#queue.size) break;
        continue;
      }
      this.#queue.remove(waiter);
      granted.push({ waiter, answer });
    }
    return granted;
  }

  #enter(waiter: Waiter): void {
    if (this.#closed) return waiter.callback(REFUSALS.draining);
    if (this.#queue.full) return waiter.callback(REFUSALS['pool-saturated']);
    const delay = waiter.deadline - this.#clock.now();
    if (delay <= 0) return waiter.callback(REFUSALS['queue-timeout']);
    waiter.timer = this.#clock.after(delay, () => {
      waiter.queue?.remove(waiter);
      waiter.callback(REFUSALS['queue-timeout']);
    });
    this.#queue.push(waiter);
    this.#armPoll();
  }

  #armPoll(): void {
    if (this.#poll !== undefined || this.#queue.size === 0 || this.#closed) return;
    this.#poll = this.#clock.after(POLL_MS, () => {
      this.#poll = undefined;
      this.serve();
      this.#armPoll();
    });
  }
}
