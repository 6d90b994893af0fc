// Owns the order of requests that wait for an endpoint below its limit: a bounded doubly linked list, so that joining,
// leaving and taking the first are all constant time. It knows nothing of endpoints; pool.ts decides who is served.

import type { Timer } from '../core/env.ts';
import type { Lease } from './lease.ts';
import type { Refusal } from './refusal.ts';

export interface AcquireRequest {
  /** What hash kinds hash; '' for the others. */
  readonly key: string;
  /** Slots of the endpoints that this request was sent to before. */
  readonly tried: readonly number[];
  /** Slot of the endpoint that this client is pinned to; absent or -1 for none. */
  readonly pinned?: number;
  /** Nobody else will do: the request waits for it, or is refused. */
  readonly strict?: boolean;
  /** It will take long (a WebSocket): how many run matters more than how many came. */
  readonly lasting?: boolean;
}

export interface Waiter {
  readonly request: AcquireRequest;
  readonly callback: (answer: Lease | Refusal) => void;
  /** Monotonic ms. */
  readonly deadline: number;
  timer: Timer | undefined;
  /** The queue it stands in; undefined once it was answered or left. */
  queue: WaitQueue | undefined;
  cancelled: boolean;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

/** A retry cannot take every endpoint, nor can who is bound to one: others may pass while the ones it could take are busy. */
export function isRestricted(waiter: Waiter): boolean {
  const { tried, strict, pinned = -1 } = waiter.request;
  return tried.length > 0 || (strict === true && pinned >= 0);
}

export class WaitQueue {
  readonly capacity: number;
  head: Waiter | undefined;
  #tail: Waiter | undefined;
  #size = 0;
  #plain = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** Waiters that are not restricted. */
  get plain(): number {
    return this.#plain;
  }

  get full(): boolean {
    return this.#size >= this.capacity;
  }

  push(waiter: Waiter): void {
    waiter.queue = this;
    waiter.previous = this.#tail;
    if (this.#tail) this.#tail.next = waiter;
    else this.head = waiter;
    this.#tail = waiter;
    this.#size++;
    if (!isRestricted(waiter)) this.#plain++;
  }

  remove(waiter: Waiter): void {
    if (waiter.queue !== this) return;
    waiter.queue = undefined;
    if (waiter.previous) waiter.previous.next = waiter.next;
    else this.head = waiter.next;
    if (waiter.next) waiter.next.previous = waiter.previous;
    else this.#tail = waiter.previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    waiter.timer?.cancel();
    waiter.timer = undefined;
    this.#size--;
    if (!isRestricted(waiter)) this.#plain--;
  }
}
