// Owns the counters behind the metrics: plain numbers in typed arrays over one (shared) buffer, one region per worker,
// so that counting is a store without locks and a scrape adds the regions up without asking anybody.

import { ERROR_CODES, type ErrorCode } from './error.ts';

/** Columns of an endpoint's row; the histogram of times to the first byte follows. */
export const E = {
  requests: 0,
  /** 1xx (upgrades) … 5xx are at status1xx + (class − 1). */
  status1xx: 1,
  status2xx: 2,
  status3xx: 3,
  status4xx: 4,
  status5xx: 5,
  connectFailed: 6,
  reset: 7,
  timeout: 8,
  malformed: 9,
  cancelled: 10,
  connects: 11,
  reuses: 12,
  /** To the endpoint. */
  bytesSent: 13,
  /** From it. */
  bytesReceived: 14,
  datagramsSent: 15,
  datagramsReceived: 16,
  /** Upgraded connections (WebSockets) that are open now. */
  openStreams: 17,
  buckets: 20,
} as const;

/** Columns of a pool's row; the histogram's buckets follow. */
export const P = {
  requests: 0,
  retries: 1,
  retriesDenied: 2,
  queued: 3,
  durationMsSum: 4,
  /** Picks of sessions: where they were, elsewhere, for the first time; and requests that belong to none. */
  pinned: 5,
  moved: 6,
  begun: 7,
  unpinned: 8,
  /** What clients brought as a proof and is none. */
  forged: 9,
  expired: 10,
  oversized: 11,
  /** Sessions that a shared store was asked for: known there, unknown there, not answered in time or at all. */
  storeHits: 12,
  storeMisses: 13,
  storeFailures: 14,
  /** Second attempts beside a first one that was silent, and those that answered first. */
  hedges: 15,
  hedgesWon: 16,
  /** ms that requests waited for an endpoint below its limit. */
  queueMsSum: 17,
  buckets: 20,
} as const;

/** Upper bounds of the response-time histogram in ms; one more bucket holds the rest. */
export const LATENCY_BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000] as const;
/** Buckets of a histogram. */
export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1;
const E_COLUMNS = E.buckets + LATENCY_BUCKETS;
const P_COLUMNS = P.buckets + LATENCY_BUCKETS;

/** Columns of the row of a route or of a split's variant; the histogram's buckets follow (variants only). */
export const V = { requests: 0, failures: 1, durationMsSum: 2, buckets: 4 } as const;
const V_COLUMNS = V.buckets + LATENCY_BUCKETS;

/** Columns of a listener's row; one column per error code follows. */
export const L = {
  accepted: 0,
  refused: 1,
  open: 2,
  requests: 3,
  status1xx: 4,
  status2xx: 5,
  status3xx: 6,
  status4xx: 7,
  status5xx: 8,
  bytesIn: 9,
  bytesOut: 10,
  upgrades: 11,
  openUpgrades: 12,
  /** TLS handshakes that came to an end, and those of them that took up an earlier session. */
  tlsHandshakes: 13,
  tlsResumed: 14,
  /** Requests of HTTP/2. */
  h2Requests: 15,
  /** Of WebSockets: messages of clients, and to them. */
  messagesIn: 16,
  messagesOut: 17,
  /** One column for each status of gRPC, 0 to 16. */
  grpcStatus: 18,
  errors: 36,
} as const;

/** What filters count, by listener. */
export const FILTER_EVENTS = [
  'answered',
  'auth-accepted',
  'auth-refused',
  'cache-bypass',
  'cache-collapsed',
  'cache-hit',
  'cache-miss',
  'cache-revalidated',
  'cache-stale',
  'cache-stored',
  'compressed',
  'concurrency-refused',
  'cors-preflight',
  'cors-refused',
  'denied',
  'failed',
  'fault-injected',
  'limit-local',
  'mirrored',
  'mirror-dropped',
  'rate-limited',
  'redirected',
  'rewritten',
  'waf-blocked',
  'waf-detected',
  'waf-timeout',
] as const;
export type FilterEvent = (typeof FILTER_EVENTS)[number];

/** Columns of a worker's DNS row: questions by type, answers by response code, and what else there is to know. */
export const D = {
  typeA: 0,
  typeAAAA: 1,
  typeHTTPS: 2,
  typeNS: 3,
  typeSOA: 4,
  typeTXT: 5,
  typeMX: 6,
  typeSRV: 7,
  typeOther: 8,
  rcodeNoerror: 9,
  rcodeFormerr: 10,
  rcodeServfail: 11,
  rcodeNxdomain: 12,
  rcodeNotimp: 13,
  rcodeRefused: 14,
  rcodeOther: 15,
  udp: 16,
  tcp: 17,
  truncated: 18,
  slipped: 19,
  transfers: 20,
  steered: 21,
} as const;
const D_COLUMNS = 24;

/** Columns of a worker's own row. */
export const W = {
  loopDelayMs: 0,
  heapBytes: 1,
  logDropped: 2,
  plainSockets: 3,
  /** Shared stores that are connected, and that are not. */
  storesUp: 4,
  storesDown: 5,
  /** Of the configuration's own. */
  predicateThrows: 6,
  /** Spans that were left out because they came faster than they could be sent, and those that were sent. */
  spansDropped: 7,
  spansSent: 8,
  /** Spans of this worker that the main thread has taken; it alone writes this one. */
  spansTaken: 9,
} as const;
const W_COLUMNS = 12;

const L_EVENTS = L.errors + ERROR_CODES.length;
const L_COLUMNS = L_EVENTS + FILTER_EVENTS.length;
const EVENT_COLUMN = Object.fromEntries(FILTER_EVENTS.map((event, i) => [event, L_EVENTS + i])) as Record<
  FilterEvent,
  number
>;
const ERROR_COLUMN = Object.fromEntries(ERROR_CODES.map((code, i) => [code, L.errors + i])) as Record<
  ErrorCode,
  number
>;

export interface CountersShape {
  readonly endpoints: number;
  readonly pools: number;
  readonly listeners: number;
  readonly variants: number;
  readonly workers: number;
}

function cells(shape: CountersShape): number {
  const { endpoints, pools, listeners, variants } = shape;
  const rows = endpoints * E_COLUMNS + pools * P_COLUMNS + listeners * L_COLUMNS + variants * V_COLUMNS;
  return rows + W_COLUMNS + D_COLUMNS;
}

function bucketOf(ms: number): number {
  let bucket = 0;
  while (bucket < LATENCY_BOUNDS_MS.length && ms > LATENCY_BOUNDS_MS[bucket]) bucket++;
  return bucket;
}

/** One worker's region. Slots are those of the load table; listener slots are given by the runtime. */
export class Counters {
  readonly #endpoints: Float64Array;
  readonly #pools: Float64Array;
  readonly #listeners: Float64Array;
  readonly #variants: Float64Array;
  readonly #worker: Float64Array;
  readonly #dns: Float64Array;

  constructor(buffer: ArrayBufferLike, shape: CountersShape, worker: number) {
    let at = worker * cells(shape) * 8;
    const region = (length: number): Float64Array => {
      const view = new Float64Array(buffer, at, length);
      at += length * 8;
      return view;
    };
    this.#endpoints = region(shape.endpoints * E_COLUMNS);
    this.#pools = region(shape.pools * P_COLUMNS);
    this.#listeners = region(shape.listeners * L_COLUMNS);
    this.#variants = region(shape.variants * V_COLUMNS);
    this.#worker = region(W_COLUMNS);
    this.#dns = region(D_COLUMNS);
  }

  static byteLength(shape: CountersShape): number {
    return cells(shape) * shape.workers * 8;
  }

  static local(endpoints = 64, pools = 16, listeners = 16, variants = 16): Counters {
    const shape = { endpoints, pools, listeners, variants, workers: 1 };
    return new Counters(new ArrayBuffer(Counters.byteLength(shape)), shape, 0);
  }

  endpoint(slot: number, column: number, add = 1): void {
    this.#endpoints[slot * E_COLUMNS + column] += add;
  }

  pool(slot: number, column: number, add = 1): void {
    this.#pools[slot * P_COLUMNS + column] += add;
  }

  listener(slot: number, column: number, add = 1): void {
    this.#listeners[slot * L_COLUMNS + column] += add;
  }

  error(listenerSlot: number, code: ErrorCode): void {
    this.#listeners[listenerSlot * L_COLUMNS + ERROR_COLUMN[code]] += 1;
  }

  event(listenerSlot: number, event: FilterEvent): void {
    this.#listeners[listenerSlot * L_COLUMNS + EVENT_COLUMN[event]] += 1;
  }

  readEvent(listenerSlot: number, event: FilterEvent): number {
    return this.#listeners[listenerSlot * L_COLUMNS + EVENT_COLUMN[event]];
  }

  /** Counts one answered request in the pool's histogram. */
  duration(poolSlot: number, ms: number): void {
    const row = poolSlot * P_COLUMNS;
    this.#pools[row + P.buckets + bucketOf(ms)] += 1;
    this.#pools[row + P.durationMsSum] += ms;
  }

  /** Counts one answer in the endpoint's histogram. */
  firstByte(slot: number, ms: number): void {
    this.#endpoints[slot * E_COLUMNS + E.buckets + bucketOf(ms)] += 1;
  }

  /** Counts one answered request of a variant. */
  variant(slot: number, failed: boolean, ms: number): void {
    const row = slot * V_COLUMNS;
    this.#variants[row + V.requests] += 1;
    if (failed) this.#variants[row + V.failures] += 1;
    this.#variants[row + V.durationMsSum] += ms;
    this.#variants[row + V.buckets + bucketOf(ms)] += 1;
  }

  /** Counts one request of a route; -1 is counted nowhere. */
  route(slot: number, failed: boolean): void {
    if (slot < 0) return;
    this.#variants[slot * V_COLUMNS + V.requests] += 1;
    if (failed) this.#variants[slot * V_COLUMNS + V.failures] += 1;
  }

  readVariant(slot: number, column: number): number {
    return this.#variants[slot * V_COLUMNS + column];
  }

  clearVariant(slot: number): void {
    this.#variants.fill(0, slot * V_COLUMNS, (slot + 1) * V_COLUMNS);
  }

  addWorker(column: number, add = 1): void {
    this.#worker[column] += add;
  }

  worker(column: number, value: number): void {
    this.#worker[column] = value;
  }

  dns(column: number): void {
    this.#dns[column] += 1;
  }

  readDns(column: number): number {
    return this.#dns[column];
  }

  readWorker(column: number): number {
    return this.#worker[column];
  }

  readEndpoint(slot: number, column: number): number {
    return this.#endpoints[slot * E_COLUMNS + column];
  }

  readPool(slot: number, column: number): number {
    return this.#pools[slot * P_COLUMNS + column];
  }

  readListener(slot: number, column: number): number {
    return this.#listeners[slot * L_COLUMNS + column];
  }

  readError(listenerSlot: number, code: ErrorCode): number {
    return this.#listeners[listenerSlot * L_COLUMNS + ERROR_COLUMN[code]];
  }

  /** A worker that died has nothing open any more. */
  clearGauges(listeners: number): void {
    for (let slot = 0; slot < listeners; slot++) {
      this.#listeners[slot * L_COLUMNS + L.open] = 0;
      this.#listeners[slot * L_COLUMNS + L.openUpgrades] = 0;
    }
    for (let at = E.openStreams; at < this.#endpoints.length; at += E_COLUMNS) this.#endpoints[at] = 0;
  }

  /** A slot that changes its tenant starts from nothing. */
  clearEndpoint(slot: number): void {
    this.#endpoints.fill(0, slot * E_COLUMNS, (slot + 1) * E_COLUMNS);
  }

  clearPool(slot: number): void {
    this.#pools.fill(0, slot * P_COLUMNS, (slot + 1) * P_COLUMNS);
  }
}
