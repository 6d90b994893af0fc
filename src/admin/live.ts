// Owns the live picture: numbers since the start become rates and percentiles of the last second, with the last minutes kept so that
// whoever looks does not begin with an empty chart. One sampler for all who look.

import { type Balancer, LATENCY_BOUNDS_MS, type Live, type LiveEndpoint, type LivePool } from '../runtime/facade.ts';
import { percentile } from './percentile.ts';

export interface PoolSample {
  readonly name: string;
  readonly mode: string;
  /** Requests a second. */
  readonly rate: number;
  /** Share of failed attempts and 5xx answers, 0-1. */
  readonly errors: number;
  readonly inFlight: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

export interface EndpointSample {
  readonly id: string;
  readonly state: string;
  readonly weight: number;
  readonly inFlight: number;
  readonly streams: number;
  readonly rate: number;
  readonly errors: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  /** Of the pool's requests in the last second, 0-1. */
  readonly share: number;
}

export interface RateSample {
  readonly name: string;
  readonly rate: number;
  /** 0-1 */
  readonly errors: number;
  readonly open: number;
}

export interface RouteSample {
  readonly listener: string;
  readonly name: string;
  readonly pools: readonly string[];
  readonly rate: number;
  readonly errors: number;
}

export interface LiveSample {
  readonly at: number;
  readonly listeners: readonly RateSample[];
  readonly routes: readonly RouteSample[];
  readonly pools: readonly PoolSample[];
  readonly endpoints: readonly EndpointSample[];
}

/** What of a pool's past is kept. */
export interface PoolPast {
  readonly at: readonly number[];
  readonly rate: readonly number[];
  readonly errors: readonly number[];
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

export const PERIOD_MS = 1000;
const PAST = 300;
/** So many endpoints, and it looks less often. */
const MANY = 4000;
const SLOWER = 5;

export class LiveSampler {
  readonly #balancer: Pick<Balancer, 'live'>;
  readonly #listeners = new Set<(sample: LiveSample) => void>();
  readonly #past = new Map<string, PoolSample[]>();
  readonly #times: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #skip = 0;
  #before: Live | undefined;
  #latest: LiveSample | undefined;

  constructor(balancer: Pick<Balancer, 'live'>) {
    this.#balancer = balancer;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), PERIOD_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get latest(): LiveSample | undefined {
    return this.#latest;
  }

  past(pool: string): PoolPast {
    const samples = this.#past.get(pool) ?? [];
    const at = this.#times.slice(this.#times.length - samples.length);
    const of = (key: 'p50' | 'p95' | 'p99') => samples.map((sample) => sample[key] ?? null);
    return {
      at,
      rate: samples.map(({ rate }) => rate),
      errors: samples.map(({ errors }) => errors),
      p50: of('p50'),
      p95: of('p95'),
      p99: of('p99'),
    };
  }

  subscribe(listener: (sample: LiveSample) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tick(): void {
    if (--this.#skip > 0) return;
    const now = this.#balancer.live();
    this.#skip = now.endpoints.length > MANY ? SLOWER : 1;
    const before = this.#before;
    this.#before = now;
    if (before === undefined) return;
    const sample = sampleOf(before, now);
    this.#latest = sample;
    this.#remember(sample);
    for (const listener of this.#listeners) listener(sample);
  }

  #remember({ at, pools }: LiveSample): void {
    this.#times.push(at);
    if (this.#times.length > PAST) this.#times.shift();
    const names = new Set(pools.map(({ name }) => name));
    for (const name of this.#past.keys()) if (!names.has(name)) this.#past.delete(name);
    for (const pool of pools) {
      const past = this.#past.get(pool.name) ?? [];
      past.push(pool);
      if (past.length > PAST) past.shift();
      this.#past.set(pool.name, past);
    }
  }
}

/** What happened between two looks. */
export function sampleOf(before: Live, now: Live): LiveSample {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const pools = new Map(before.pools.map((pool) => [pool.name, pool]));
  const endpoints = new Map(before.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const listeners = new Map(before.listeners.map((one) => [one.name, one]));
  const routes = new Map(before.routes.map((one) => [`${one.listener} ${one.name}`, one]));
  const ofPool = new Map<string, number>();
  const errorsOf = new Map<string, number>();
  const runs = new Map<string, number>();
  const add = (to: Map<string, number>, key: string, count: number): void =>
    void to.set(key, (to.get(key) ?? 0) + count);
  for (const one of now.endpoints) {
    const was = endpoints.get(one.id);
    add(ofPool, one.pool, more(one.requests, was?.requests));
    add(errorsOf, one.pool, more(bad(one), was && bad(was)));
    add(runs, one.pool, one.inFlight);
  }
  return {
    at: now.at,
    listeners: now.listeners.map((one) => {
      const was = listeners.get(one.name);
      const requests = more(one.requests, was?.requests);
      const errors = shareOf(more(one.status5xx, was?.status5xx), requests);
      return { name: one.name, rate: requests / seconds, errors, open: one.open };
    }),
    routes: now.routes.map((one) => {
      const was = routes.get(`${one.listener} ${one.name}`);
      const requests = more(one.requests, was?.requests);
      const errors = shareOf(more(one.failures, was?.failures), requests);
      return { listener: one.listener, name: one.name, pools: one.pools, rate: requests / seconds, errors };
    }),
    pools: now.pools.map((one) => {
      const was = pools.get(one.name);
      return {
        name: one.name,
        mode: one.mode,
        rate: more(one.requests, was?.requests) / seconds,
        errors: shareOf(errorsOf.get(one.name) ?? 0, ofPool.get(one.name) ?? 0),
        inFlight: runs.get(one.name) ?? 0,
        ...percentiles(one, was),
      };
    }),
    endpoints: now.endpoints.map((one) => {
      const was = endpoints.get(one.id);
      const requests = more(one.requests, was?.requests);
      const { id, state, weight, inFlight, streams } = one;
      const { p50, p95 } = percentiles(one, was);
      const errors = shareOf(more(bad(one), was && bad(was)), requests);
      const share = shareOf(requests, ofPool.get(one.pool) ?? 0);
      return { id, state, weight, inFlight, streams, rate: requests / seconds, errors, p50, p95, share };
    }),
  };
}

const bad = ({ failures, status5xx }: LiveEndpoint): number => failures + status5xx;

/** A row that was given to somebody else begins at nothing. */
const more = (now: number, before = 0): number => (now >= before ? now - before : now);

const shareOf = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.min(1, part / whole));

function percentiles(
  now: Pick<LivePool, 'latency'>,
  before: Pick<LivePool, 'latency'> | undefined,
): { p50: number | undefined; p95: number | undefined; p99: number | undefined } {
  const counts = now.latency.map((count, i) => more(count, before?.latency[i]));
  const at = (share: number): number | undefined => percentile(counts, LATENCY_BOUNDS_MS, share);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
