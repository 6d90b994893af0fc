// Owns what a filter is: something that looks at requests and their answers on the way through a listener, a route or a pool,
// may change heads and bodies, and may answer itself. One kind a file in `filters/`. No logic.
//
// Filters run in the order they are written: the listener's before a route is chosen, then the route's, then the pool's.
// Answers pass the same filters backwards, those of filters and errors of our own included, but only filters that the
// request has passed.

import type { RedisConfig } from '../config/types.ts';
import type { FilterEvent } from '../core/counters.ts';
import type { Env } from '../core/env.ts';
import type { ErrorCode } from '../core/error.ts';
import type { KeyedCounts } from '../limits/keyed-counts.ts';
import type { Rate, RateAnswer, RateTable } from '../limits/rate-table.ts';
import type { Variables } from '../routing/template.ts';
import type { ResponseCache } from './cache/response-cache.ts';
import type { HeadEdits, RequestEdits } from './head-edits.ts';
import type { LocalReply } from './reply.ts';
import type { Resources } from './resources.ts';
import type { Shadow } from './shadow.ts';
import type { SideAnswer } from './side-request.ts';

/** Undefined: the request goes on. Otherwise it is answered here. */
export type Verdict = LocalReply | undefined;

/** One for each place where a configuration names a filter, in each worker; replaced by a reload. */
export interface Filter {
  /** A promise holds the request, and nothing else, until it is settled; one that fails or takes too long is a 500. */
  onRequest?(request: FilterRequest): Verdict | Promise<Verdict>;
  /** Before the head of an answer goes to the client. Must not throw after it has changed something. */
  onResponse?(request: FilterRequest, response: FilterResponse): void;
  /**
   * The request goes to the pool: what is said now holds. `whole` is all of it as it will be sent, its head in the form of
   * HTTP/1; undefined when its body is long or still to come.
   */
  onForward?(request: FilterRequest, whole: string | undefined): void;
  /** Fields of the request are asked for after its head has gone on. */
  readonly readsHeadLater?: boolean;
  /** Once, when everything is over. */
  onDone?(request: FilterRequest, result: FilterResult): void;
  /** Nobody will call it any more. */
  close?(): void;
}

export interface FilterKind<S = unknown> {
  /** As its file. */
  readonly name: string;
  build(settings: S, tools: FilterTools): Filter;
}

export interface FilterTools {
  readonly env: Env;
  readonly listener: string;
  /** Rates by key, over all workers. */
  readonly rates: RateTable;
  /** What is under way by key, over all workers. */
  readonly counts: KeyedCounts;
  /** The same in a store that several balancers share. */
  sharedRates(store: RedisConfig): SharedRates;
  /** One of the caches, by name. */
  cache(name: string): ResponseCache;
  /** Where copies of requests go: a pool of the configuration. */
  shadow(pool: string): Shadow;
  /** What outlives a reload. */
  readonly resources: Resources;
  /** Where in the configuration this filter stands, such as `web/1`: the same after a reload that left it alone. */
  readonly place: string;
  count(event: FilterEvent): void;
  /** A line in the log of the process, for what an operator must know of single requests; so many a second, the rest is counted. */
  log(message: string, fields: Readonly<Record<string, unknown>>): void;
}

export interface SharedRates {
  /** Undefined: nobody could be asked in time. */
  take(key: string, rate: Rate, cost: number): Promise<RateAnswer | undefined>;
}

/** A request on its way. Valid from `onRequest` to `onDone`. */
export interface FilterRequest extends Variables {
  readonly method: string;
  readonly isHead: boolean;
  /** Everything is over, perhaps because the client went: what is done now has no effect. */
  readonly isOver: boolean;
  /** Lower case, without port. */
  readonly host: string;
  /** Text of the client's address: what trusted proxies say, or the peer. */
  readonly client: string;
  readonly scheme: 'http' | 'https';
  readonly requestId: string;
  /** Normalized, without query. What is set here is where the request goes, and what later routes and filters see. */
  path: string;
  /** Without `?`. */
  query: string;
  /** Whom an authentication filter found; '' for nobody. */
  identity: string;
  /** Of the identity, by name; from a token. */
  claims: Readonly<Record<string, unknown>> | undefined;
  /** What filters say about the request to those behind them; `label:NAME` in texts. */
  readonly labels: Map<string, string>;
  /** A longer body is refused; 0: what the listener allows. */
  mostBody: number;
  /** As the client wrote it, query included. */
  readonly target: string;
  /** Of bytes; -1 when it is not known beforehand, 0 without a body. */
  readonly bodyLength: number;
  /** Name of the route, and of the pool; '' before they are chosen. */
  readonly route: string;
  readonly pool: string;
  /** As it will go on: what earlier filters changed included. `name` in lower case; repeated fields are joined. */
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
  /** As the client sent them, one by one. */
  eachField(call: (name: string, value: string) => void): void;
  /** What goes to the endpoint. */
  readonly edits: RequestEdits;
  /** What is done to the head of the answer, whoever gives it. */
  readonly answer: HeadEdits;
  /** The beginning of the body: all of it, or `limit` bytes of a longer one. Goes on to the endpoint unchanged. */
  body(limit: number): Promise<Buffer>;
  /** `fetch` would ask what this request asks: a GET, and no filter behind this one has a say in it or in its answer. */
  readonly canFetch: boolean;
  /** The authority that the endpoint is told, with its port; and the scheme it is told. For what tells places apart. */
  readonly authority: string;
  readonly toldScheme: string;
  /** It asks for another protocol. */
  readonly wantsUpgrade: boolean;
  /** Asks the endpoints of this route what this request asks, as it is now, for ourselves. Undefined: there is no answer. */
  fetch(mostBytes: number, done: (answer: SideAnswer | undefined) => void): void;
  /** Something of the filter's own that goes with this request. */
  keep(filter: Filter, value: unknown): void;
  kept(filter: Filter): unknown;
}

/** The head of an answer on its way to the client. */
export interface FilterResponse {
  readonly status: number;
  /** Given by a filter or by the balancer itself, not by an endpoint. */
  readonly isLocal: boolean;
  /** Why the balancer answers itself; undefined when an endpoint or a filter did. */
  readonly error: ErrorCode | undefined;
  /** Of the body in bytes; -1 when it is not known. */
  readonly length: number;
  /** No body follows: to HEAD, or by its status. */
  readonly bodiless: boolean;
  /** What other filters changed included. `name` in lower case. */
  header(name: string): string | undefined;
  readonly edits: HeadEdits;
  /** All fields as they are now, but for those that say how the body travels: lines with CRLF. */
  lines(): string;
  /** The body goes through `stage`. The length of what comes out is not that of what goes in. */
  through(stage: BodyStage): void;
  /** The body passes `watch`, and is not changed by it. */
  watch(watch: BodyWatch): void;
  /** Something else is said. What the endpoint sends is read and dropped. */
  replace(reply: LocalReply): void;
}

export interface BodyStage {
  /** A piece; `bytes` is valid until the call returns. What comes of it goes to `next`, now or later, and is not changed after. */
  push(bytes: Buffer, next: (bytes: Buffer) => void): void;
  /** Nothing more comes. `done` follows the last `next`; with a fault the answer breaks off. */
  end(next: (bytes: Buffer) => void, done: (fault?: Error) => void): void;
  /** It has more than it can take for now; calls what `whenReady` was given when it has not. */
  readonly isFull?: boolean;
  whenReady?(ready: () => void): void;
  /** Nobody wants the rest. */
  cancel?(): void;
}

export interface BodyWatch {
  /** `bytes` is valid until the call returns. */
  piece(bytes: Buffer): void;
  /** `whole`: everything came. Called once. */
  end(whole: boolean): void;
}

export interface FilterResult {
  /** Of the answer; 0 when nothing was said. */
  readonly status: number;
  readonly error: ErrorCode | undefined;
  readonly durationMs: number;
}
