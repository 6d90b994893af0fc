// Owns which datagrams belong together: a table of flows, by sender. Inputs are calls (a datagram of a client, a datagram of
// an endpoint, the time), outputs are the flow's number, or why there is none, and `ended` for every flow that goes. Sans
// I/O: it knows no sockets, no endpoints and no clock. Everything is constant time and bounded by `max`.
//
//                    first datagram of a sender
//                              │
//                              ▼      the sender sends again after it was answered
//                          unproven ─────────────────────────────────────────────▶ proven
//                              │ last expected response · silence for `idleMs` ·      │ the same,
//                              │ the room is needed · closed                          │ but for the room
//                              └──────────────▶ ended(flow, why) ◀────────────────────┘
//
// Why two lists: a flood of forged senders never answers what it is sent, so its flows stay unproven, and a new flow may take
// the place of the oldest unproven one. Flows of clients that are known to be there are never given up for new ones.

import type { FlowConfig } from '../config/types.ts';
import { FlowLists } from './flow-lists.ts';
import { FlowMap } from './flow-map.ts';

/** `evicted`: its room was needed. `closed`: whoever owns the table ended it. */
export type FlowEnd = 'responses' | 'idle' | 'evicted' | 'closed';

export interface FlowSink {
  /** Called exactly once a flow, when its number is free already. */
  ended(flow: number, why: FlowEnd): void;
}

export const REFUSED_FULL = -1;
export const REFUSED_CLOSED = -2;

const UNPROVEN = 0;
const PROVEN = 1;
const FIRST_CAPACITY = 1024;

export class FlowTable {
  /** Of the last datagram that `fromClient` took: it opened its flow. */
  fresh = false;
  /** False refuses new flows; those that are open go on. */
  accepting = true;
  limits: FlowConfig;
  readonly #sink: FlowSink;
  readonly #lists: FlowLists;
  readonly #map: FlowMap;
  #capacity = FIRST_CAPACITY;
  /** Monotonic ms of the last datagram either way. */
  #seenAt: Float64Array<ArrayBuffer>;
  /** Responses still expected. */
  #expected: Float64Array<ArrayBuffer>;
  /** An answer was sent to the client. */
  #answered: Uint8Array<ArrayBuffer>;
  /** Stack of free numbers. */
  #free: Int32Array<ArrayBuffer>;
  #freeCount: number;

  /** `seed` is secret chance: it keeps outsiders from aiming at one chain of the hash table. */
  constructor(limits: FlowConfig, sink: FlowSink, seed: number) {
    this.limits = limits;
    this.#sink = sink;
    this.#lists = new FlowLists(2, FIRST_CAPACITY);
    this.#map = new FlowMap(FIRST_CAPACITY, seed);
    this.#seenAt = new Float64Array(FIRST_CAPACITY);
    this.#expected = new Float64Array(FIRST_CAPACITY);
    this.#answered = new Uint8Array(FIRST_CAPACITY);
    this.#free = freeNumbers(0, FIRST_CAPACITY);
    this.#freeCount = FIRST_CAPACITY;
  }

  get size(): number {
    return this.#capacity - this.#freeCount;
  }

  get proven(): number {
    return this.#lists.size(PROVEN);
  }

  /** The flow of this datagram, opened if need be (`fresh` says so), or REFUSED_FULL or REFUSED_CLOSED. */
  fromClient(host: string, port: number, proxied: boolean, now: number): number {
    const { key, responses } = this.limits;
    const known = this.#map.find(host, key === 'address' ? 0 : port, proxied);
    if (known >= 0) {
      this.fresh = false;
      this.#touch(known, now, this.#answered[known] === 1 ? PROVEN : this.#lists.of(known)!);
      this.#expected[known] += responses;
      return known;
    }
    if (!this.accepting) return REFUSED_CLOSED;
    if (this.size >= this.limits.max && !this.evictOldest()) return REFUSED_FULL;
    if (this.#freeCount === 0) this.#grow();
    const flow = this.#free[--this.#freeCount];
    this.#map.addAsked(flow);
    this.#answered[flow] = 0;
    this.#expected[flow] = responses;
    this.#touch(flow, now, UNPROVEN);
    this.fresh = true;
    return flow;
  }

  /** A datagram of the endpoint was passed on to the client. With the last one expected the flow ends. */
  fromEndpoint(flow: number, now: number): void {
    this.#answered[flow] = 1;
    this.#touch(flow, now, this.#lists.of(flow)!);
    // With `responses` 0 the number stays at 0 or below, which never equals what ends a flow.
    if (this.limits.responses > 0 && --this.#expected[flow] <= 0) this.#end(flow, 'responses');
  }

  /** Ends the flow that was silent for longest among those nobody has proven. False when there is none. */
  evictOldest(): boolean {
    const oldest = this.#lists.first(UNPROVEN);
    if (oldest < 0) return false;
    this.#end(oldest, 'evicted');
    return true;
  }

  /** Ends what was silent for too long. */
  expire(now: number): void {
    for (const list of [UNPROVEN, PROVEN]) {
      for (let flow = this.#lists.first(list); flow >= 0; flow = this.#lists.first(list)) {
        if (this.#seenAt[flow] + this.limits.idleMs > now) break;
        this.#end(flow, 'idle');
      }
    }
  }

  /** No flow ends of silence before then; infinity when there is no flow. */
  get nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const list of [UNPROVEN, PROVEN]) {
      const flow = this.#lists.first(list);
      if (flow >= 0) next = Math.min(next, this.#seenAt[flow] + this.limits.idleMs);
    }
    return next;
  }

  /** Ends one flow from outside: its endpoint is gone and there is no other. */
  close(flow: number): void {
    if (this.#lists.of(flow) !== undefined) this.#end(flow, 'closed');
  }

  closeAll(): void {
    for (const list of [UNPROVEN, PROVEN]) {
      for (let flow = this.#lists.first(list); flow >= 0; flow = this.#lists.first(list)) this.#end(flow, 'closed');
    }
  }

  /** The flows from the one silent for longest: first the unproven, then the proven. */
  *flows(): Generator<{ readonly flow: number; readonly proven: boolean; readonly seenAt: number }> {
    for (const list of [UNPROVEN, PROVEN]) {
      for (const flow of this.#lists.walk(list)) {
        yield { flow, proven: list === PROVEN, seenAt: this.#seenAt[flow] };
      }
    }
  }

  #touch(flow: number, now: number, list: number): void {
    this.#seenAt[flow] = now;
    this.#lists.append(list, flow);
  }

  #end(flow: number, why: FlowEnd): void {
    this.#lists.remove(flow);
    this.#map.delete(flow);
    this.#free[this.#freeCount++] = flow;
    this.#sink.ended(flow, why);
  }

  #grow(): void {
    const before = this.#capacity;
    const capacity = before * 2;
    this.#capacity = capacity;
    this.#lists.grow(capacity);
    this.#map.grow(capacity);
    this.#seenAt = longer(this.#seenAt, capacity);
    this.#expected = longer(this.#expected, capacity);
    const answered = new Uint8Array(capacity);
    answered.set(this.#answered);
    this.#answered = answered;
    // All of the old numbers are taken, or there would be no need to grow.
    const free = new Int32Array(capacity);
    free.set(freeNumbers(before, capacity));
    this.#free = free;
    this.#freeCount = capacity - before;
  }
}

/** The lowest is on top. */
function freeNumbers(from: number, to: number): Int32Array<ArrayBuffer> {
  const numbers = new Int32Array(to - from);
  for (let i = 0; i < numbers.length; i++) numbers[i] = to - 1 - i;
  return numbers;
}

function longer(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(length);
  out.set(array);
  return out;
}
