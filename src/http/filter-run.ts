// Owns what filters do to one request: calls them in order, remembers which ones it has passed, and is what they see of the
// request. Reused by its exchange for the next one. It neither waits nor answers: that is the exchange's.

import { cookieOf, parameterOf } from '../routing/conditions.ts';
import { normalizePath } from '../routing/normalize.ts';
import type { NamedVariable, PlainVariable } from '../routing/template.ts';
import { RequestParser } from './codec/request-parser.ts';
import type { LookedUp } from './context.ts';
import type { Filter, FilterRequest, FilterResponse, FilterResult, Verdict } from './filter.ts';
import type { FilterChain } from './filter-chain.ts';
import { HeadEdits, RequestEdits } from './head-edits.ts';
import { HeadView } from './head-view.ts';
import type { SideAnswer } from './side-request.ts';

/** What the exchange knows and filters may ask for. */
export interface RunSource {
  readonly requestId: string;
  /** '' without tracing. */
  readonly traceId: string;
  readonly scheme: 'http' | 'https';
  readonly listener: string;
  readonly route: string;
  readonly pool: string;
  /** Tried last; '' for none. */
  readonly endpoint: string;
  readonly answer: HeadEdits;
  /** What the route's patterns and tables say about this request. */
  lookUp(name: LookedUp, argument: string, view: HeadView): string;
  readonly wantsUpgrade: boolean;
  /** The peer is a proxy of ours. */
  readonly trusted: boolean;
  /** Nobody behind the filters of `chain` after `index` has a say in what this request asks. */
  isLast(chain: FilterChain, index: number, view: HeadView): boolean;
  gather(limit: number): Promise<Buffer>;
  fetch(view: HeadView, edits: RequestEdits, mostBytes: number, done: (answer: SideAnswer | undefined) => void): void;
}

export const FILTER_FAILED = { status: 500, code: 'filter-failed' } as const;
/** Stands for a head that is gone. */
const NO_HEAD = new RequestParser(1);

export class FilterRun implements FilterRequest {
  readonly edits = new RequestEdits();
  identity = '';
  claims: Readonly<Record<string, unknown>> | undefined;
  readonly labels = new Map<string, string>();
  mostBody = 0;
  bodyLength = 0;
  isHead = false;
  /** Some filter wants to see the answer. */
  sees = false;
  /** Nothing that is done here has an effect any more. */
  isOver = false;
  #source: RunSource;
  #view: HeadView = new HeadView(NO_HEAD);
  /** For the time after the head. */
  readonly #own = new HeadView(NO_HEAD);
  readonly #passed: Filter[] = [];
  readonly #kept = new Map<Filter, unknown>();
  #response: FilterResponse | undefined;
  #current: Filter | undefined;
  /** Where the request is. */
  #chain: FilterChain | undefined;
  #at = 0;
  #next = 0;

  constructor(source: RunSource) {
    this.#source = source;
  }

  begin(view: HeadView, bodyLength: number): void {
    this.isOver = false;
    this.edits.clear();
    this.identity = '';
    this.claims = undefined;
    if (this.labels.size > 0) this.labels.clear();
    this.mostBody = 0;
    this.bodyLength = bodyLength;
    this.isHead = view.method === 'HEAD';
    this.#passed.length = 0;
    this.sees = false;
    if (this.#kept.size > 0) this.#kept.clear();
    this.#response = undefined;
    this.see(view);
  }

  /** The request is looked at through this from now on. */
  see(view: HeadView): void {
    view.edits = this.edits;
    view.identity = this.identity;
    this.#view = view;
  }

  /** The filters of a chain from the first, or from the one behind who held the request. */
  pass(chain: FilterChain, resumed = false): Verdict | Promise<Verdict> {
    const { filters } = chain;
    if (resumed && this.#current !== undefined) {
      this.#passed.push(this.#current);
      if (this.#current.onResponse !== undefined) this.sees = true;
    }
    for (let i = resumed ? this.#next : 0; i < filters.length; i++) {
      const filter = filters[i];
      this.#chain = chain;
      this.#at = i;
      let verdict: Verdict | Promise<Verdict>;
      try {
        verdict = filter.onRequest?.(this);
      } catch {
        return FILTER_FAILED;
      }
      if (verdict !== undefined) {
        this.#current = filter;
        this.#next = i + 1;
        return verdict;
      }
      this.#passed.push(filter);
      if (filter.onResponse !== undefined) this.sees = true;
    }
    this.#view.identity = this.identity;
    return undefined;
  }

  forward(whole: string | undefined): void {
    for (const filter of this.#passed) {
      try {
        filter.onForward?.(this, whole);
      } catch {
        // The request is not its business any more.
      }
    }
  }

  /** The head is about to go: what is asked of it later is kept. */
  headEnds(parser: RequestParser): void {
    if (this.#passed.some((filter) => filter.readsHeadLater === true)) this.see(this.#view.copy(parser.copy()));
    else {
      this.#own.take(this.#view);
      this.see(this.#own);
    }
  }

  respond(response: FilterResponse): void {
    this.#response = response;
    for (let i = this.#passed.length - 1; i >= 0; i--) {
      try {
        this.#passed[i].onResponse?.(this, response);
      } catch {
        response.replace(FILTER_FAILED);
      }
    }
  }

  done(result: FilterResult): void {
    for (let i = this.#passed.length - 1; i >= 0; i--) {
      try {
        this.#passed[i].onDone?.(this, result);
      } catch {
        // Whoever fails here has nobody left to harm.
      }
    }
    this.#passed.length = 0;
    this.#response = undefined;
    this.isOver = true;
  }

  /** A filter that was not ready in time may still be at it: nothing of what it does may reach another request. */
  retire(): void {
    this.#source = nowhere();
    this.see(new HeadView(NO_HEAD));
  }

  get method(): string {
    return this.#view.method;
  }

  get host(): string {
    return this.#view.host;
  }

  get client(): string {
    return this.#view.client;
  }

  get scheme(): 'http' | 'https' {
    return this.#source.scheme;
  }

  get requestId(): string {
    return this.#source.requestId;
  }

  get traceId(): string {
    return this.#source.traceId;
  }

  get path(): string {
    return this.#view.path;
  }

  set path(path: string) {
    const normal = normalizePath(path);
    if (normal === undefined || /[^!-~]/.test(normal)) throw new TypeError('no path');
    this.#view.path = normal;
  }

  get query(): string {
    return this.#view.query;
  }

  set query(query: string) {
    if (/[^!-~]/.test(query)) throw new TypeError('no query');
    this.#view.query = query;
    this.edits.query = query;
  }

  get route(): string {
    return this.#source.route;
  }

  get pool(): string {
    return this.#source.pool;
  }

  get answer(): HeadEdits {
    return this.#source.answer;
  }

  header(name: string): string | undefined {
    return this.#view.header(name);
  }

  cookie(name: string): string | undefined {
    return cookieOf(this.#view.header('cookie'), name);
  }

  get target(): string {
    return this.#view.target;
  }

  eachField(call: (name: string, value: string) => void): void {
    this.#view.eachField(call);
  }

  body(limit: number): Promise<Buffer> {
    return this.#source.gather(limit);
  }

  get canFetch(): boolean {
    const chain = this.#chain;
    return this.method === 'GET' && chain !== undefined && this.#source.isLast(chain, this.#at, this.#view);
  }

  get authority(): string {
    return this.edits.now('host')?.toLowerCase() ?? this.#view.authority.toLowerCase();
  }

  get toldScheme(): string {
    // Others may say what they like: nobody passes it on.
    return (this.#source.trusted ? this.header('x-forwarded-proto') : undefined) ?? this.scheme;
  }

  get wantsUpgrade(): boolean {
    return this.#source.wantsUpgrade;
  }

  fetch(mostBytes: number, done: (answer: SideAnswer | undefined) => void): void {
    this.#source.fetch(this.#view, this.edits, mostBytes, done);
  }

  keep(filter: Filter, value: unknown): void {
    this.#kept.set(filter, value);
  }

  kept(filter: Filter): unknown {
    return this.#kept.get(filter);
  }

  variable(name: PlainVariable | NamedVariable, argument: string): string {
    switch (name) {
      case 'client':
      case 'host':
      case 'identity':
      case 'method':
      case 'path':
      case 'pool':
      case 'requestId':
      case 'route':
      case 'scheme':
      case 'traceId':
        return this[name];
      case 'query':
        return argument === '' ? this.query : (parameterOf(this.query, argument) ?? '');
      case 'uri':
        return this.query === '' ? this.path : `${this.path}?${this.query}`;
      case 'listener':
      case 'endpoint':
        return this.#source[name];
      case 'status':
        return this.#response === undefined ? '' : String(this.#response.status);
      case 'header':
        return this.header(argument) ?? '';
      case 'cookie':
        return this.cookie(argument) ?? '';
      case 'label':
        return this.labels.get(argument) ?? '';
      case 'claim':
        return textOf(this.claims?.[argument]);
      case 'response':
        return this.#response?.header(argument) ?? '';
      default:
        return this.#source.lookUp(name, argument, this.#view);
    }
  }
}

function nowhere(): RunSource {
  return {
    requestId: '',
    traceId: '',
    scheme: 'http',
    listener: '',
    route: '',
    pool: '',
    endpoint: '',
    answer: new HeadEdits(),
    lookUp: () => '',
    wantsUpgrade: false,
    trusted: false,
    isLast: () => false,
    gather: () => new Promise(() => undefined),
    fetch: (_view, _edits, _mostBytes, done) => done(undefined),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
