// Owns what one worker serves: its listeners, its pools, its connections upstream. Runs in a worker thread, or in the
// main thread when there is one worker. It changes configuration in two steps, so that all workers change or none does.
//
//   idle ──prepare──▶ prepared ──commit──▶ idle (new)        drain: no new connections, requests finish
//     ▲                  └─────abort─────────┘
//     └── a failed prepare leaves nothing behind

import { join } from 'node:path';
import type { BalancerEnv } from '../balancing/balancer.ts';
import { loadKinds, type OwnKinds } from '../config/load.ts';
import { sameSocket } from '../config/plan.ts';
import type { CacheConfig, TracingConfig } from '../config/types.ts';
import { type Counters, W } from '../core/counters.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import { PeekableRandom } from '../core/peekable-random.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type SpanRecord, Tracer } from '../core/tracer.ts';
import type { AnswerTools } from '../dns/engine/settings.ts';
import { GeoDatabase } from '../geo/database.ts';
import type { Purge } from '../http/cache/memory.ts';
import { ResponseCache } from '../http/cache/response-cache.ts';
import type { FilterKind } from '../http/filter.ts';
import { filterKinds } from '../http/filters/index.ts';
import { requestIds } from '../http/request-ids.ts';
import { Resources } from '../http/resources.ts';
import { UpstreamPool } from '../http/upstream-pool.ts';
import { KeyedCounts } from '../limits/keyed-counts.ts';
import type { RateTable } from '../limits/rate-table.ts';
import { openSocket } from '../net/datagrams.ts';
import { handlesAreKnown } from '../net/handle.ts';
import type { SocketFd } from '../net/inherited-sockets.ts';
import type { GivenSockets, Listener } from '../net/listener.ts';
import { NetLoop } from '../net/loop.ts';
import type { GeoFacts } from '../steering/steering.ts';
import { NOWHERE } from '../steering/unknown.ts';
import { SharedStores } from '../store/shared-stores.ts';
import { listenerAddresses } from './addresses.ts';
import { bindError } from './bind-error.ts';
import type { Explanation, Question } from './explain/explanation.ts';
import { explain } from './explain/index.ts';
import { type Facts, KnownFacts } from './facts.ts';
import { filterNotices, type OnNotice } from './filter-notices.ts';
import type { Handler } from './handlers.ts';
import { dateOf } from './http-date.ts';
import { type Contexts, openListener } from './open-listener.ts';
import { predicateNotices } from './predicate-notices.ts';
import { type Blueprint, buildSnapshot, type Snapshot } from './snapshot.ts';

export interface DataPlaneOptions {
  readonly env: BalancerEnv;
  readonly counters: Counters;
  /** Connections by listener and client. */
  readonly counts: KeyedTable;
  /** Which client uses which endpoint. */
  readonly pins: KeyedTable;
  /** Keys of rate limits. */
  readonly rates: RateTable;
  /** Distinguishes the request ids of workers and processes. */
  readonly idPrefix: string;
  readonly worker: number;
  readonly workers: number;
  /** Several workers bind the same addresses. */
  readonly shared: boolean;
  /** False accepts connections the portable way; see `tcp-listener.ts`. */
  readonly adopt?: boolean;
  readonly onSignal: () => void;
  /** Something for the log of the process. */
  readonly onNotice?: OnNotice;
  /** Opens the access log of a configuration; undefined when it has none. */
  readonly openLog: (blueprint: Blueprint) => AccessLogSink | undefined;
  /** Takes spans; absent: nothing is ever traced. */
  readonly spans?: SpanSink;
}

export interface SpanSink {
  add(span: SpanRecord): void;
  /** Passes on what it holds, now. */
  flush(): void;
}

export interface AccessLogSink {
  write(record: object): void;
  reopen(): void;
  close(): void;
}

/** A socket of a listener. */
export interface NamedSocket extends SocketFd {
  readonly name: string;
}

const NOTHING_GIVEN: GivenSockets = { tcp: [], udp: [] };
const NO_KINDS: OwnKinds = { balancers: [], filters: [], predicates: new Map() };

interface Prepared {
  readonly snapshot: Snapshot;
  readonly bound: ReadonlyMap<string, AnyListener>;
  readonly geo: GeoDatabase | undefined;
}

type AnyListener = Listener<Handler>;

export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #random: PeekableRandom;
  readonly #contexts: Contexts;
  readonly #upstreams: UpstreamPool;
  readonly #listeners = new Map<string, AnyListener>();
  /** Listeners that were removed and still have something open. */
  readonly #leaving = new Set<AnyListener>();
  readonly #facts: KnownFacts;
  /** What filters keep across reloads. */
  readonly #resources = new Resources();
  readonly #stores: SharedStores;
  readonly #filterLog: ReturnType<typeof filterNotices>;
  #geo: GeoDatabase | undefined;
  #snapshot: Snapshot | undefined;
  #prepared: Prepared | undefined;
  #log: AccessLogSink | undefined;

  constructor(given: DataPlaneOptions) {
    const random = new PeekableRandom(given.env.random);
    const options = { ...given, env: { ...given.env, random } };
    this.#options = options;
    this.#random = random;
    this.#facts = new KnownFacts(options.env.clock);
    const { env, counters, counts, idPrefix } = options;
    this.#stores = new SharedStores(env, counters);
    this.#filterLog = filterNotices(env.clock, options.onNotice ?? (() => undefined));
    const loop = new NetLoop(env.clock);
    this.#upstreams = new UpstreamPool(loop);
    const common = { env, loop, counters, counts: new KeyedCounts(counts), log: undefined, tracer: undefined };
    const { challenges } = this.#facts;
    this.#contexts = {
      http: {
        ...common,
        challenges,
        upstreams: this.#upstreams,
        date: dateOf(env.clock.epoch),
        requestId: requestIds(idPrefix),
      },
      tcp: { ...common, challenges },
      udp: { ...common, openSocket },
      dns: { ...common, openSocket, tools: this.#dnsTools() },
    };
  }

  #dnsTools(): AnswerTools {
    const { env } = this.#options;
    return {
      random: env.random,
      now: () => env.clock.now(),
      epochSeconds: () => Math.floor(env.clock.epoch() / 1000),
      latency: this.#facts.latency,
      geo: ({ address }) => this.#place(address),
      external: this.#facts.names,
    };
  }

  /** Builds the next configuration and binds its new sockets. The error text is for the operator. */
  async prepare(blueprint: Blueprint): Promise<Result<void, string>> {
    this.abort();
    const bound = new Map<string, AnyListener>();
    try {
      const own = blueprint.kindsFile === '' ? NO_KINDS : await loadKinds(blueprint.kindsFile);
      const { env, counters, onSignal, onNotice = () => undefined, pins } = this.#options;
      const { staples, weights } = this.#facts;
      const snapshot = buildSnapshot(blueprint, {
        env,
        kinds: own.balancers,
        policy: {
          kinds: filterKinds(own.filters as unknown as readonly FilterKind[]),
          resources: this.#resources,
          rates: this.#options.rates,
          cache: (name) => this.#cacheOf(name, blueprint.config.caches[name]),
          sharedRates: (store) => this.#stores.rates(store),
          counts: this.#contexts.http.counts,
          http: this.#contexts.http,
          log: this.#filterLog,
          count: (listener, event) => counters.event(blueprint.listenerSlots[listener], event),
        },
        onSignal,
        pins,
        staples,
        stores: this.#stores,
        routing: {
          predicates: own.predicates,
          place: this.#place,
          onThrow: predicateNotices(counters, onNotice),
          live: weights,
        },
        previous: this.#snapshot,
      });
      const geo = this.#openGeo(blueprint);
      if (!geo.ok) return geo;
      this.#prepared = { snapshot, bound, geo: geo.value };
      for (const listener of listenerAddresses(blueprint.config)) {
        if (blueprint.kernel.includes(listener.name)) continue;
        const running = this.#listeners.get(listener.name);
        const handler = snapshot.handlers.get(listener.name)!;
        if (running !== undefined && keepsSocket(running.handler, handler)) continue;
        const fresh = openListener(this.#contexts, blueprint.listenerSlots[listener.name], handler);
        try {
          const { shared, adopt = true } = this.#options;
          await fresh.listen(listener.bind, { shared, adopt, given: this.#given(blueprint, listener.name) });
        } catch (error) {
          this.abort();
          return err(bindError(listener.name, listener.bind, error as NodeJS.ErrnoException, listener.protocol));
        }
        bound.set(listener.name, fresh);
      }
      this.#options.counters.worker(W.plainSockets, handlesAreKnown() ? 0 : 1);
      return ok(undefined);
    } catch (error) {
      this.abort();
      return err(error instanceof Error ? error.message : String(error));
    }
  }

  /** This worker's part of the sockets that this process was given. */
  #given({ sockets }: Blueprint, listener: string): GivenSockets {
    const { worker, workers } = this.#options;
    const { tcp, udp } = sockets[listener] ?? NOTHING_GIVEN;
    const mine = (fds: readonly number[]): readonly number[] => fds.filter((_, i) => i % workers === worker);
    return { tcp: mine(tcp), udp: mine(udp) };
  }

  /** What listens in this worker, for a process that takes over. */
  sockets(): readonly NamedSocket[] {
    return [...this.#listeners].flatMap(([name, listener]) => listener.sockets.map((socket) => ({ name, ...socket })));
  }

  readonly #place = (client: string): GeoFacts => this.#geo?.find(client) ?? NOWHERE;

  /** Files that did not change stay open, with what was looked up in them. */
  #openGeo({ geo }: Blueprint): Result<GeoDatabase | undefined, string> {
    if (geo.length === 0) return ok(undefined);
    const known = this.#snapshot?.blueprint.geo;
    const same = known?.length === geo.length && geo.every(({ bytes }, i) => bytes === known[i].bytes);
    return same && this.#geo !== undefined ? ok(this.#geo) : GeoDatabase.open(geo);
  }

  /** Undoes a prepare. */
  abort(): void {
    if (this.#prepared === undefined) return;
    for (const listener of this.#prepared.bound.values()) {
      listener.drain();
      listener.cutRequests();
      listener.cutStreams();
    }
    this.#prepared = undefined;
    this.#resources.abort();
    this.#stores.keepFor(this.#snapshot?.blueprint.config);
  }

  /** Each worker has its share of the bytes, and a folder of its own. */
  #cacheOf(name: string, config: CacheConfig): ResponseCache {
    const { worker, workers } = this.#options;
    const folder = config.disk === undefined ? '' : join(config.disk.path, `${name}-${worker}`);
    return this.#resources.get(
      `cache ${name} ${JSON.stringify(config)}`,
      () => new ResponseCache(config, workers, folder),
    );
  }

  /** Takes answers out of the caches. How many. */
  purge(what: Purge): number {
    let count = 0;
    for (const resource of this.#resources) if (resource instanceof ResponseCache) count += resource.purge(what);
    return count;
  }

  /** Publishes what was prepared. Nothing can fail here. */
  commit(): void {
    const prepared = this.#prepared;
    if (prepared === undefined) return;
    this.#prepared = undefined;
    const old = this.#snapshot;
    const { snapshot, bound, geo } = prepared;
    this.#geo = geo;
    this.#snapshot = snapshot;
    for (const [name, listener] of this.#listeners) {
      const handler = snapshot.blueprint.kernel.includes(name) ? undefined : snapshot.handlers.get(name);
      if (handler === undefined || bound.has(name)) this.#retire(name, listener);
      else listener.swap(handler);
    }
    for (const [name, listener] of bound) this.#listeners.set(name, listener);
    for (const [name, { pool }] of old?.pools ?? []) pool.retire(snapshot.pools.get(name)?.pool);
    this.#evictGone(old, snapshot);
    for (const filter of old?.filters ?? []) filter.close?.();
    this.#resources.commit();
    this.#stores.keepFor(snapshot.blueprint.config);
    this.#switchLog(snapshot.blueprint);
    this.#traceBy(snapshot.blueprint.config.tracing);
  }

  /** Requests that run keep what they began with. */
  #traceBy(config: TracingConfig | undefined): void {
    const { spans, env } = this.#options;
    // What is known so far belongs to the collector before.
    spans?.flush();
    const tracer =
      config === undefined || spans === undefined
        ? undefined
        : new Tracer(config, env.random, (span) => spans.add(span));
    for (const context of [this.#contexts.http, this.#contexts.tcp, this.#contexts.dns]) context.tracer = tracer;
  }

  #retire(name: string, listener: AnyListener): void {
    this.#listeners.delete(name);
    this.#leaving.add(listener);
    listener.drain();
    const { requestsMs, streamsMs } = this.#snapshot!.blueprint.config.drain;
    const { clock } = this.#options.env;
    clock.after(requestsMs, () => listener.cutRequests());
    clock.after(Math.max(requestsMs, streamsMs), () => {
      listener.cutStreams();
      this.#leaving.delete(listener);
    });
  }

  #evictGone(old: Snapshot | undefined, next: Snapshot): void {
    const kept = new Set(next.blueprint.pools.flatMap((pool) => pool.endpoints.map((endpoint) => endpoint.id)));
    for (const pool of old?.blueprint.pools ?? []) {
      for (const endpoint of pool.endpoints) if (!kept.has(endpoint.id)) this.#upstreams.evict(endpoint.slot);
    }
  }

  #switchLog(blueprint: Blueprint): void {
    this.#log?.close();
    const log = this.#options.openLog(blueprint);
    this.#log = log;
    this.#logTo(log === undefined ? undefined : (record) => log.write(record));
  }

  #logTo(write: ((record: object) => void) | undefined): void {
    for (const context of Object.values(this.#contexts)) (context as { log: typeof write }).log = write;
  }

  /** What answers are made from beside the configuration. */
  learn(facts: Facts): void {
    this.#facts.learn(facts);
  }

  /** What would happen, as this worker sees it. */
  explain(question: Question): Result<Explanation, string> {
    const { clock } = this.#options.env;
    return explain(question, {
      handlers: this.#snapshot?.handlers ?? new Map(),
      port: (listener) => this.port(listener),
      clock,
      random: this.#random,
      dnsTools: this.#contexts.dns.tools,
    });
  }

  reopenLog(): void {
    this.#log?.reopen();
  }

  /** The port a listener got; 0 when it has none. */
  port(listener: string): number {
    return this.#listeners.get(listener)?.port ?? 0;
  }

  /** Requests and streams that are open. */
  open(): { requests: number; streams: number } {
    let requests = 0;
    let streams = 0;
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) {
      requests += listener.requests;
      streams += listener.streams;
    }
    return { requests, streams };
  }

  /** Stops accepting and closes what is idle. */
  drain(): void {
    for (const listener of this.#listeners.values()) listener.drain();
  }

  /** Ends the requests that are left; streams go on. */
  cutRequests(): void {
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.cutRequests();
  }

  /** Ends everything that is left; returns what was cut. */
  cut(): { requests: number; streams: number } {
    const left = this.open();
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) {
      listener.cutRequests();
      listener.cutStreams();
    }
    this.#upstreams.close();
    for (const filter of this.#snapshot?.filters ?? []) filter.close?.();
    this.#resources.close();
    this.#stores.keepFor(undefined);
    for (const { pool } of this.#snapshot?.pools.values() ?? []) pool.retire();
    this.#log?.close();
    this.#log = undefined;
    this.#logTo(undefined);
    this.#options.spans?.flush();
    return left;
  }
}

/** A DNS listener has its address in its name. */
function keepsSocket(running: Handler, next: Handler): boolean {
  if (!('protocol' in running.config) || !('protocol' in next.config)) return true;
  return sameSocket(running.config, next.config);
}
