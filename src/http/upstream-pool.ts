// Owns the connections to endpoints that this thread keeps: which idle one to use next, when one is too old, how long
// each upstream lets a connection idle. It never picks an endpoint.
//
// The idle race: an upstream may close a kept connection in the moment we use it. Two things keep that rare: its own
// `Keep-Alive: timeout` is honoured with a second to spare, and when it closes idle connections earlier than we would,
// that age is learned. What still happens is retried (see `exchange.ts`).

import type { UpstreamConnectionConfig } from '../config/types.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { NetLoop } from '../net/loop.ts';
import type { ClientTerms } from '../tls/client.ts';
import { UpstreamSession, type UpstreamSessionHome } from './h2/upstream-session.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamConn, type UpstreamHome } from './upstream-conn.ts';

/** An idle limit learned from the upstream's own closes is believed for so long. */
const LEARNED_FOR_MS = 600_000;
const SHORTEST_LEARNED_MS = 1000;

/** How an endpoint is spoken to. */
export interface UpstreamTerms {
  readonly config: UpstreamConnectionConfig;
  /** Undefined: in the clear. */
  readonly tls: ClientTerms | undefined;
}

class Shelf implements UpstreamHome, UpstreamSessionHome {
  /** Idle ones, the most recently used last. */
  readonly idle: UpstreamConn[] = [];
  /** Connections that take several requests at once (pipelining). */
  readonly lines: UpstreamConn[] = [];
  /** Of HTTP/2, with room for more requests or not. */
  readonly sessions: UpstreamSession[] = [];
  /** Id of the endpoint whose connections these are. */
  readonly tenant: string;
  terms: UpstreamTerms;
  open = 0;
  retired = false;
  #learnedMs = 0;
  #learnedAt = 0;
  readonly #loop: NetLoop;

  constructor(loop: NetLoop, tenant: string, terms: UpstreamTerms) {
    this.#loop = loop;
    this.tenant = tenant;
    this.terms = terms;
  }

  get config(): UpstreamConnectionConfig {
    return this.terms.config;
  }

  usable(upstream: UpstreamConn): boolean {
    const now = this.#loop.now;
    if (upstream.conn.closed || upstream.last) return false;
    return now - upstream.createdAt < this.config.maxAgeMs && now - upstream.idleSince < this.#idleLimit(upstream);
  }

  #idleLimit(upstream: UpstreamConn): number {
    let limit = this.config.idleMs;
    if (upstream.peerIdleMs > 0) limit = Math.min(limit, Math.max(500, upstream.peerIdleMs - 1000));
    if (this.#learnedMs > 0 && this.#loop.now - this.#learnedAt < LEARNED_FOR_MS)
      limit = Math.min(limit, this.#learnedMs);
    return limit;
  }

  free(upstream: UpstreamConn): void {
    if (upstream.outstanding > 0) return;
    const tooOld = this.#loop.now - upstream.createdAt >= this.config.maxAgeMs;
    if (upstream.last || this.retired || tooOld) return upstream.conn.destroy();
    upstream.conn.expireIn(this.#idleLimit(upstream));
    if (this.lines.includes(upstream)) return;
    if (this.idle.length >= this.config.maxIdle) return upstream.conn.destroy();
    this.idle.push(upstream);
  }

  left(session: UpstreamSession): void {
    remove(this.sessions, session);
  }

  closed(upstream: UpstreamConn | UpstreamSession, byPeer = false): void {
    this.open--;
    if (upstream instanceof UpstreamSession) return;
    remove(this.lines, upstream);
    if (!remove(this.idle, upstream) || !byPeer) return;
    const idled = this.#loop.now - upstream.idleSince;
    if (idled < SHORTEST_LEARNED_MS || idled >= this.#idleLimit(upstream)) return;
    this.#learnedMs = Math.max(SHORTEST_LEARNED_MS, idled * 0.9);
    this.#learnedAt = this.#loop.now;
  }
}

function remove<T>(list: T[], upstream: T): boolean {
  const index = list.indexOf(upstream);
  if (index < 0) return false;
  list.splice(index, 1);
  return true;
}

export class UpstreamPool {
  readonly #loop: NetLoop;
  readonly #shelves: (Shelf | undefined)[] = [];

  constructor(loop: NetLoop) {
    this.#loop = loop;
  }

  /** A connection for one request at a time: a kept one, or a new one that is still connecting. */
  take(endpoint: Endpoint, terms: UpstreamTerms, fresh: boolean): UpstreamConn {
    const shelf = this.#shelf(endpoint, terms);
    if (!fresh) {
      for (let kept = shelf.idle.pop(); kept !== undefined; kept = shelf.idle.pop()) {
        if (shelf.usable(kept)) return kept;
        kept.conn.destroy();
      }
    }
    return this.#dial(shelf, endpoint);
  }

  /** A connection that may carry other requests already: the fullest that has room, so that few are needed. */
  takeLine(endpoint: Endpoint, terms: UpstreamTerms): UpstreamConn {
    const shelf = this.#shelf(endpoint, terms);
    const { config } = terms;
    for (const line of shelf.lines) {
      if (line.outstanding < config.pipelining && !line.last && !line.conn.closed) return line;
    }
    const line = this.#dial(shelf, endpoint);
    shelf.lines.push(line);
    return line;
  }

  /** A stream on a connection of HTTP/2: the first with room, so that few are needed. */
  takeStream(endpoint: Endpoint, terms: UpstreamTerms): Upstream {
    const shelf = this.#shelf(endpoint, terms);
    // One that failed a request has left the shelf, so none of these is it.
    const known = Array.from(shelf.sessions).find((session) => session.hasRoom);
    if (known !== undefined) return known.stream();
    shelf.open++;
    const session = new UpstreamSession(this.#loop, endpoint, terms.config, terms.tls, shelf);
    shelf.sessions.push(session);
    return session.stream();
  }

  #shelf(endpoint: Endpoint, terms: UpstreamTerms): Shelf {
    const known = this.#shelves[endpoint.slot];
    // A slot may have a new tenant while a request of the former one is tried again: never mix their connections.
    // Connections that were made on other terms prove something else.
    const other = known?.tenant !== endpoint.id || known.terms.tls?.signature !== terms.tls?.signature;
    if (known !== undefined && other) this.evict(endpoint.slot);
    else if (known !== undefined) {
      known.terms = terms;
      return known;
    }
    const shelf = new Shelf(this.#loop, endpoint.id, terms);
    this.#shelves[endpoint.slot] = shelf;
    return shelf;
  }

  #dial(shelf: Shelf, endpoint: Endpoint): UpstreamConn {
    shelf.open++;
    return new UpstreamConn(this.#loop, endpoint, shelf.terms, shelf);
  }

  /** Closes what is idle for this endpoint and keeps nothing more for it; running requests finish. */
  evict(slot: number): void {
    const shelf = this.#shelves[slot];
    if (shelf === undefined) return;
    shelf.retired = true;
    this.#shelves[slot] = undefined;
    for (const kept of [...shelf.idle, ...shelf.lines]) if (kept.outstanding === 0) kept.conn.destroy();
    for (const session of Array.from(shelf.sessions)) session.leave();
  }

  close(): void {
    for (let slot = 0; slot < this.#shelves.length; slot++) this.evict(slot);
  }
}
