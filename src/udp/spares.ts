// Owns the sockets that finished flows left behind, by endpoint. Opening, connecting and closing a socket costs more than
// relaying a question and its answer, and a flow of one question that got its one expected answer leaves a socket on which
// nothing more is due. So it serves again, after a rest.
//
// The rest is the trade: a late duplicate of the answer would reach the next client of the same socket. So the one that
// rested longest is taken first, and not before it rested for a while, or many others wait behind it. Whatever arrives during
// the rest is dropped, and its socket closed. Flows that ended in any other way never leave their socket here.

import type { Endpoint } from '../core/endpoint.ts';
import type { Upstream } from './upstream.ts';

/** A socket may be used again after so long ... */
const REST_MS = 100;
/** ... or when so many others rest. At 25,000 flows a second that is 10 ms. */
const REST_COUNT = 256;
/** By endpoint. */
const MOST = 512;
/** Unused sockets are closed. */
const IDLE_MS = 10_000;

export class SpareSockets {
  /** By endpoint slot, the one that rests longest first. */
  readonly #resting = new Map<number, Upstream[]>();

  get size(): number {
    let size = 0;
    for (const list of this.#resting.values()) size += list.length;
    return size;
  }

  /** A rested socket of this endpoint. */
  take(endpoint: Endpoint, now: number): Upstream | undefined {
    const list = this.#resting.get(endpoint.slot);
    if (list === undefined) return undefined;
    for (let oldest = list[0]; oldest !== undefined; oldest = list[0]) {
      const usable = !oldest.tainted && isOf(oldest, endpoint);
      if (usable && list.length <= REST_COUNT && now - oldest.restingSince < REST_MS) return undefined;
      list.shift();
      if (usable) return oldest;
      oldest.close();
    }
    return undefined;
  }

  give(upstream: Upstream, now: number): void {
    const { slot } = upstream.endpoint;
    let list = this.#resting.get(slot);
    if (list === undefined) {
      list = [];
      this.#resting.set(slot, list);
    }
    if (list.length >= MOST) return upstream.close();
    upstream.rest(now);
    list.push(upstream);
  }

  expire(now: number): void {
    for (const [slot, list] of this.#resting) {
      while (list.length > 0 && (list[0].tainted || now - list[0].restingSince >= IDLE_MS)) list.shift()!.close();
      if (list.length === 0) this.#resting.delete(slot);
    }
  }

  /** Closes those of all other endpoints. */
  retain(endpoints: readonly Endpoint[]): void {
    const kept = new Map(endpoints.map((endpoint) => [endpoint.slot, endpoint]));
    for (const [slot, list] of this.#resting) {
      const endpoint = kept.get(slot);
      if (endpoint !== undefined && list.every((upstream) => isOf(upstream, endpoint))) continue;
      for (const upstream of list) upstream.close();
      this.#resting.delete(slot);
    }
  }

  close(): void {
    this.retain([]);
  }
}

/** Slots change their tenants. */
function isOf({ endpoint: { address } }: Upstream, endpoint: Endpoint): boolean {
  return address.host === endpoint.address.host && address.port === endpoint.address.port;
}
