// Owns the filter `cache` (RFC 9111, RFC 5861, RFC 9211): answers from memory or disk while they are fresh, one question to the endpoint
// for all who ask at once, and stale answers where that is allowed.
//
//   lookup ─ fresh ─▶ hit        ─ stale, may be used meanwhile ─▶ hit, refreshed behind
//      │     ├ stale ─▶ asked with conditions ─ 304 ─▶ hit       │ error ─▶ stale hit
//      └ miss ─▶ fetched by one, others wait ─▶ kept | not kept

import type { CacheSettings } from '../../config/types.ts';
import { ageOf, type Entry } from '../cache/entry.ts';
import { Keeper } from '../cache/keeper.ts';
import { inKey, originOf, placeBeside, queryNormalizer } from '../cache/keys.ts';
import type { Flight, ResponseCache } from '../cache/response-cache.ts';
import { isIdentified, SentFields } from '../cache/sent-fields.ts';
import { gathering, replyOf } from '../cache/served.ts';
import type { Filter, FilterKind, FilterRequest, FilterResponse, FilterTools, Verdict } from '../filter.ts';
import type { LocalReply } from '../reply.ts';
import { fillingOf } from './fill.ts';

/** What this request has to do with the cache. */
interface Visit {
  readonly primary: string;
  /** What its answer may be kept under; undefined: it is not to be kept. */
  readonly sent: SentFields | undefined;
  /** What there is, and is not fresh any more. */
  stale: Entry | undefined;
  /** The endpoint is asked whether `stale` still holds. */
  asks: boolean;
  flight: Flight | undefined;
  /** Fields of the request that say whether its answer may be kept. */
  readonly headers: Record<string, string>;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const ERRORS = new Set([500, 502, 503, 504]);
/** So long nobody waits for an answer that was not kept last time. */
const UNKEPT_MS = 30_000;
export const cache: FilterKind<CacheSettings> = {
  name: 'cache',
  build(settings, tools): Filter {
    return new CacheFilter(settings, tools);
  },
};

class CacheFilter implements Filter {
  readonly #settings: CacheSettings;
  readonly #tools: FilterTools;
  readonly #cache: ResponseCache;
  readonly #keyOf: (request: FilterRequest) => string;
  readonly #bypass: ((request: FilterRequest) => string) | undefined;
  readonly #keeper: Keeper;

  constructor(settings: CacheSettings, tools: FilterTools) {
    this.#settings = settings;
    this.#tools = tools;
    this.#cache = tools.cache(settings.in);
    this.#keeper = new Keeper(settings, tools, this.#cache);
    const normalize = queryNormalizer(settings.query);
    const extra = settings.key === '' ? undefined : fillingOf(settings.key, inKey);
    this.#keyOf = (request) => {
      const query = normalize === undefined ? request.query : normalize(request.query);
      const key = originOf(request.toldScheme, request.authority) + request.path + (query === '' ? '' : `?${query}`);
      return extra === undefined ? key : `${key} ${extra(request)}`;
    };
    this.#bypass = settings.bypass === '' ? undefined : fillingOf(settings.bypass);
  }

  onRequest(request: FilterRequest): Verdict | Promise<Verdict> {
    const { method } = request;
    const primary = this.#keyOf(request);
    if (method !== 'GET' && method !== 'HEAD') {
      request.keep(this, SAFE.has(method) ? undefined : primary);
      return undefined;
    }
    // What a body says, what is spoken after an upgrade, and where two authorities may lead, no key tells apart.
    if (request.bodyLength !== 0 || request.wantsUpgrade) return this.#pass(request, 'bypass');
    const bypass = this.#bypass?.(request) ?? '';
    if (bypass !== '' && bypass !== '0') return this.#pass(request, 'bypass');
    const found = this.#cache.find(primary, (name) => request.header(name));
    if (found instanceof Promise) return found.then((entry) => this.#found(request, primary, entry));
    return this.#found(request, primary, found);
  }

  #pass(request: FilterRequest, why: string): undefined {
    this.#tools.count('cache-bypass');
    this.#say(request, `fwd=${why}`);
    return undefined;
  }

  #say(request: FilterRequest, what: string): void {
    if (this.#settings.header) request.answer.set('Cache-Status', `evenkeel; ${what}`);
  }

  #found(request: FilterRequest, primary: string, entry: Entry | undefined): Verdict | Promise<Verdict> {
    // A client that went meanwhile fetches nothing that others would wait for.
    if (request.isOver) return undefined;
    const now = this.#tools.env.clock.epoch();
    if (entry !== undefined && !this.#wantsFresh(request)) {
      const left = entry.lifetime - ageOf(entry, now);
      if (left > 0) return this.#hit(request, entry, `hit; ttl=${left}`, 'cache-hit');
      // Others have a say in what is asked and answered, so it has to go their way: with a client, as any stale answer.
      if (!entry.mustRevalidate && -left < entry.staleWhileRevalidate && request.canFetch) {
        this.#refresh(request, primary, entry);
        return this.#hit(request, entry, `hit; fwd=stale; ttl=${left}`, 'cache-stale');
      }
    }
    if (request.header('range') !== undefined && entry === undefined) return this.#pass(request, 'partial');
    if (/\bonly-if-cached\b/i.test(request.header('cache-control') ?? '')) return { status: 504 };
    return this.#miss(request, primary, entry, true);
  }

  /** A client that insists is listened to only where that is allowed: otherwise anybody could ask the endpoint at will. */
  #wantsFresh(request: FilterRequest): boolean {
    if (!this.#settings.obeyClients) return false;
    const control = request.header('cache-control') ?? request.header('pragma') ?? '';
    return /\b(?:no-cache|max-age=0)\b/i.test(control);
  }

  #miss(request: FilterRequest, primary: string, stale: Entry | undefined, waits: boolean): Verdict | Promise<Verdict> {
    const cache = this.#cache;
    const isGet = request.method === 'GET';
    const flown =
      this.#settings.collapse && isGet && waits && !cache.isNotKept(primary) ? cache.flight(primary) : undefined;
    if (flown !== undefined) return this.#wait(request, primary, flown);
    const keeps = isGet && request.header('range') === undefined && this.#isWanted(primary);
    const sent = keeps ? new SentFields(request) : undefined;
    const visit: Visit = {
      primary,
      sent,
      stale,
      asks: false,
      flight: keeps && waits ? cache.takeOff(primary) : undefined,
      headers: sent === undefined ? {} : this.#told(request, sent),
      ifNoneMatch: request.header('if-none-match'),
      ifModifiedSince: request.header('if-modified-since'),
    };
    request.keep(this, visit);
    this.#tools.count('cache-miss');
    this.#say(request, stale === undefined ? 'fwd=miss' : 'fwd=stale');
    if (!keeps) return undefined;
    // The client's own conditions would bring an answer that says nothing to others.
    for (const name of ['If-None-Match', 'If-Modified-Since', 'If-Match', 'If-Unmodified-Since', 'If-Range'])
      request.edits.remove(name);
    if (stale !== undefined && (stale.etag !== '' || stale.modified > 0)) {
      visit.asks = true;
      if (stale.etag !== '') request.edits.set('If-None-Match', stale.etag);
      if (stale.modified > 0) request.edits.set('If-Modified-Since', new Date(stale.modified).toUTCString());
    }
    return undefined;
  }

  /** Often enough. */
  #isWanted(primary: string): boolean {
    const { minUses } = this.#settings;
    return minUses === 1 || this.#cache.asked(primary) >= minUses;
  }

  #told(request: FilterRequest, sent: SentFields): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const name of this.#settings.obeyClients ? ['authorization', 'cache-control', 'pragma'] : ['authorization']) {
      const value = request.header(name);
      if (value !== undefined) headers[name] = value;
    }
    // Whom a filter found is somebody, whatever of it the endpoint is shown (RFC 9111 §3.5).
    if (sent.hasCredentials || isIdentified(request)) headers.authorization = 'given';
    return headers;
  }

  async #wait(request: FilterRequest, primary: string, flight: Flight): Promise<Verdict> {
    const { env, count } = this.#tools;
    let late = false;
    await Promise.race([
      flight.over,
      new Promise<void>((resolve) => {
        const timer = env.clock.after(this.#settings.collapseTimeoutMs, () => {
          late = true;
          resolve();
        });
        void flight.over.then(() => timer.cancel());
      }),
    ]);
    const entry = late ? undefined : await this.#cache.find(primary, (name) => request.header(name));
    const left = entry === undefined ? 0 : entry.lifetime - ageOf(entry, env.clock.epoch());
    if (entry === undefined || left <= 0) return this.#miss(request, primary, entry, false);
    count('cache-collapsed');
    return this.#hit(request, entry, `hit; collapsed; ttl=${left}`, 'cache-hit');
  }

  #hit(request: FilterRequest, entry: Entry, what: string, event: 'cache-hit' | 'cache-stale'): Verdict {
    entry.uses++;
    this.#tools.count(event);
    const reply = replyOf(request, entry, this.#tools.env.clock.epoch());
    return this.#settings.header ? { ...reply, fields: `${reply.fields!}Cache-Status: evenkeel; ${what}\r\n` } : reply;
  }

  /** Behind the back of a client that has its answer already. */
  #refresh(request: FilterRequest, primary: string, entry: Entry): void {
    const cache = this.#cache;
    if (cache.flight(primary) !== undefined) return;
    const flight = cache.takeOff(primary);
    const sent = new SentFields(request);
    const headers = this.#told(request, sent);
    for (const name of ['If-None-Match', 'If-Modified-Since', 'Range', 'If-Range', 'If-Match', 'If-Unmodified-Since'])
      request.edits.remove(name);
    if (entry.etag !== '') request.edits.set('If-None-Match', entry.etag);
    if (entry.modified > 0) request.edits.set('If-Modified-Since', new Date(entry.modified).toUTCString());
    request.fetch(cache.maxObjectBytes, (answer) => {
      if (answer?.status === 304) this.#keeper.renew(primary, entry, answer.lines);
      else if (answer !== undefined && !ERRORS.has(answer.status))
        this.#keeper.keep(primary, headers, sent, answer.status, answer.lines, answer.body);
      cache.land(primary, flight);
    });
  }

  onResponse(request: FilterRequest, response: FilterResponse): void {
    const kept = request.kept(this);
    if (typeof kept === 'string') return this.#invalidate(kept, response);
    const visit = kept as Visit | undefined;
    if (visit === undefined) return;
    const { stale, primary } = visit;
    const now = this.#tools.env.clock.epoch();
    if (stale !== undefined && visit.asks && response.status === 304 && !response.isLocal) {
      const [entry, isKept] = this.#keeper.renew(primary, stale, response.lines());
      this.#tools.count('cache-revalidated');
      this.#say(request, `fwd=stale; fwd-status=304${isKept ? '; stored' : ''}`);
      return response.replace(this.#again(visit, entry, now));
    }
    const isError = response.isLocal
      ? response.error !== undefined && response.status >= 500
      : ERRORS.has(response.status);
    if (
      stale !== undefined &&
      isError &&
      !stale.mustRevalidate &&
      ageOf(stale, now) - stale.lifetime < stale.staleIfError
    ) {
      this.#tools.count('cache-stale');
      this.#say(request, `hit; fwd=stale; fwd-status=${response.status}`);
      return response.replace(this.#again(visit, stale, now));
    }
    const { sent } = visit;
    if (sent === undefined || response.isLocal || response.length > this.#cache.maxObjectBytes)
      return this.#leave(visit);
    const lines = response.lines();
    const { status } = response;
    // Filters behind this one may have found out meanwhile.
    if (isIdentified(request)) visit.headers.authorization ??= 'given';
    const freshness = this.#keeper.freshnessOf(visit.headers, status, lines);
    if (freshness === undefined) {
      this.#cache.notKept(primary, UNKEPT_MS);
      return this.#leave(visit);
    }
    this.#say(request, stale === undefined ? 'fwd=miss; stored' : `fwd=stale; fwd-status=${status}; stored`);
    const { maxObjectBytes } = this.#cache;
    response.watch(
      gathering(maxObjectBytes, (body) => {
        if (body !== undefined) this.#keeper.keep(primary, visit.headers, sent, status, lines, body);
        this.#leave(visit);
      }),
    );
  }

  #again(visit: Visit, entry: Entry, now: number): LocalReply {
    const header = (name: string): string | undefined =>
      name === 'if-none-match' ? visit.ifNoneMatch : name === 'if-modified-since' ? visit.ifModifiedSince : undefined;
    return replyOf({ method: 'GET', header }, entry, now);
  }

  /** What was changed is not what it was (RFC 9111 §4.4). */
  #invalidate(primary: string, response: FilterResponse): void {
    const { status } = response;
    if (response.isLocal || status < 200 || status >= 400) return;
    this.#cache.purge({ key: primary });
    for (const name of ['location', 'content-location']) {
      const value = response.header(name);
      if (value === undefined || !URL.canParse(value, primary)) continue;
      const url = new URL(value, primary);
      if (url.host === new URL(primary).host)
        this.#cache.purge({ key: placeBeside(primary, url.pathname + url.search) });
    }
  }

  #leave(visit: Visit): void {
    const { flight } = visit;
    visit.flight = undefined;
    if (flight !== undefined) this.#cache.land(visit.primary, flight);
  }

  onDone(request: FilterRequest): void {
    const visit = request.kept(this);
    if (typeof visit === 'object') this.#leave(visit as Visit);
  }
}
