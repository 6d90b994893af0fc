// Owns explaining what would become of an HTTP request in this worker: the same head is parsed, the same router asked, the same pool
// looked into; nothing is sent, counted or remembered.

import { NOBODY, Pin } from '../../affinity/affinity.ts';
import { unmapIPv4 } from '../../core/address.ts';
import type { Random } from '../../core/env.ts';
import { readIp } from '../../core/ip.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { clientAddress } from '../../http/client-identity.ts';
import { F } from '../../http/codec/fields.ts';
import { RequestParser } from '../../http/codec/request-parser.ts';
import type { HttpHandler, HttpPool, HttpRoute } from '../../http/context.ts';
import { HeadView } from '../../http/head-view.ts';
import { httpsLocation } from '../../http/redirect.ts';
import { normalizePath } from '../../routing/normalize.ts';
import type {
  AffinityReport,
  ClientReport,
  FilterReport,
  HttpExplanation,
  HttpQuestion,
  RetryReport,
  RouteReport,
} from './explanation.ts';

export interface HttpListenerFacts {
  readonly handler: HttpHandler;
  readonly port: number;
}

const MOST_MISSES = 20;
/** Kinds that change what routing sees, or answer by themselves. */
const MOVING = new Set(['rewrite', 'redirect', 'respond', 'use', 'headers']);

export function explainHttp(
  question: HttpQuestion,
  listeners: ReadonlyMap<string, HttpListenerFacts>,
  random: Random,
): Result<HttpExplanation, string> {
  const url = URL.canParse(question.url) ? new URL(question.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return err(`"${question.url}" is no address such as http://www.example.com/path`);
  if (readIp(question.from, new Uint8Array(16)) === 0) return err(`"${question.from}" is no IP address`);
  const found = listenerFor(question, url, listeners);
  if (!found.ok) return found;
  const { handler } = found.value;
  const parsed = parse(question, url, handler);
  if (!parsed.ok) return parsed;
  return ok(explain(question, url, handler, parsed.value, random));
}

function listenerFor(
  { listener }: HttpQuestion,
  url: URL,
  listeners: ReadonlyMap<string, HttpListenerFacts>,
): Result<HttpListenerFacts, string> {
  const names = [...listeners.keys()].join(', ');
  if (listener !== '') {
    const named = listeners.get(listener);
    return named === undefined ? err(`there is no HTTP listener "${listener}"; there are: ${names}`) : ok(named);
  }
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const all = [...listeners.values()];
  const atPort = all.find((one) => one.port === port);
  if (atPort !== undefined) return ok(atPort);
  const alike = all.filter(({ handler }) => (handler.tls !== undefined) === secure);
  if (alike.length === 1) return ok(alike[0]);
  if (all.length === 1) return ok(all[0]);
  return err(`no listener stands at port ${port}; say which one is meant: ${names}`);
}

interface Parsed {
  readonly parser: RequestParser;
  /** Undefined: it is refused. */
  readonly path: string | undefined;
  readonly client: ClientReport;
}

function parse(question: HttpQuestion, url: URL, handler: HttpHandler): Result<Parsed, string> {
  const { method, headers, from } = question;
  // Not url.pathname: a client may send what URL tidies up.
  const target = /^https?:\/\/[^/?#]*([^#]*)/i.exec(question.url)![1];
  const path = target.startsWith('/') ? target : `/${target}`;
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host');
  const lines = [...(hasHost ? [] : [['Host', url.host] as const]), ...headers].map(
    ([name, value]) => `${name}: ${value}`,
  );
  const text = `${method} ${path} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  const parser = new RequestParser();
  const end = parser.parse(bytes, 0, bytes.length, handler.limits);
  if (end !== bytes.length) return err(`such a request is refused: ${end < 0 ? parser.error : 'bad-request'}`);
  return ok({ parser, path: normalizePath(parser.target.path), client: clientOf(from, parser, handler) });
}

function clientOf(from: string, parser: RequestParser, handler: HttpHandler): ClientReport {
  const peer = unmapIPv4(from);
  const forwarded = parser.fields.joined(F.xForwardedFor);
  const trusted = handler.isTrusted(peer);
  if (forwarded === undefined) return { address: peer, decidedBy: 'the connection' };
  if (!trusted)
    return { address: peer, decidedBy: `the connection: X-Forwarded-For is not believed, ${peer} is no trusted proxy` };
  const address = clientAddress(peer, forwarded, handler.isTrusted);
  return { address, decidedBy: `X-Forwarded-For, believed because ${peer} is a trusted proxy` };
}

function explain(
  question: HttpQuestion,
  url: URL,
  handler: HttpHandler,
  { parser, path, client }: Parsed,
  random: Random,
): HttpExplanation {
  const view = new HeadView(parser);
  const tls = handler.tls === undefined ? undefined : { serverName: url.hostname, alpn: '', version: 'TLSv1.3' };
  view.set(path ?? parser.target.path, client.address, tls, undefined);
  const common = { protocol: 'http' as const, listener: handler.config.name, client, host: view.host, path: view.path };
  const nothing = { affinity: undefined, pool: undefined, pick: '', retry: undefined, variant: '', cautions: [] };
  const none = { ...common, ...nothing, route: '', misses: [], filters: filtersOf(handler, undefined, undefined) };
  if (path === undefined) return { ...none, refusal: '400: the path can be read in several ways, or is none' };
  const { redirect } = handler.config;
  if (redirect !== undefined) {
    const location = httpsLocation(view.host, redirect.port, parser.target.path, parser.target.query);
    return { ...none, refusal: `${redirect.status}: ${location ?? 'no host'}` };
  }
  const route = handler.match(view);
  const misses = missesOf(handler.explain(view), route?.name);
  if (route === undefined)
    return {
      ...none,
      misses,
      refusal: view.ambiguous ? '400: its path leads elsewhere when read differently' : '404: no route',
    };
  const pool = route.poolFor(view);
  const filters = filtersOf(handler, route, pool);
  const cautions = cautionsOf(filters);
  if (pool === undefined)
    return { ...none, route: route.name, misses, filters, cautions, refusal: '404: no pool, unless a filter answers' };
  const { affinity, pinned, strict } = affinityOf(pool, view);
  const key = pool.keyOf === undefined ? '' : pool.keyOf(view);
  const lasting = parser.upgrade !== '';
  const foresight = pool.pool.foresee({ key, tried: [], pinned, strict, lasting }, random, 2);
  return {
    ...common,
    route: route.name,
    misses,
    filters,
    cautions,
    variant: view.variant,
    affinity,
    pool: foresight,
    pick: foresight.picks[0] ?? '',
    refusal: foresight.refusal,
    retry: retryOf(question.method, route, pool, foresight.picks[1] ?? ''),
  };
}

function missesOf(reports: readonly RouteReport[], chosen: string | undefined): readonly RouteReport[] {
  return reports
    .filter(({ route }) => route !== chosen)
    .sort((a, b) => a.fails.length - b.fails.length)
    .slice(0, MOST_MISSES);
}

function filtersOf(
  handler: HttpHandler,
  route: HttpRoute | undefined,
  pool: HttpPool | undefined,
): readonly FilterReport[] {
  const { config } = handler;
  const routed = config.routes.find(({ name }) => name === route?.name)?.filters ?? [];
  return [
    ...config.filters.map(({ kind }) => ({ place: 'listener' as const, kind })),
    ...routed.map(({ kind }) => ({ place: 'route' as const, kind })),
    ...(pool?.config.filters ?? []).map(({ kind }) => ({ place: 'pool' as const, kind })),
  ];
}

function cautionsOf(filters: readonly FilterReport[]): readonly string[] {
  const moving = filters.filter(({ place, kind }) => place === 'listener' && MOVING.has(kind));
  return moving.map(
    ({ kind }) => `the listener's filter "${kind}" may change what routing sees, or answer: filters are not run here`,
  );
}

function affinityOf(
  { affinity, pool, config }: HttpPool,
  view: HeadView,
): { affinity: AffinityReport | undefined; pinned: number; strict: boolean } {
  if (affinity === undefined) return { affinity: undefined, pinned: NOBODY, strict: false };
  const pin = new Pin();
  affinity.find(view, pin);
  const endpoint = pool.endpoints.find(({ slot }) => slot === pin.slot);
  const { by: kind = '', name = '' } = config.affinity ?? {};
  const by = name === '' ? kind : `${kind}:${name}`;
  const result =
    pin.refused !== ''
      ? `the session's proof is ${pin.refused}, and ignored`
      : pin.slot === NOBODY
        ? pin.asks
          ? 'not known here; the shared store would be asked'
          : 'a new session'
        : endpoint === undefined
          ? 'the session was on an endpoint that is gone'
          : pool.servesPinned(pin.slot)
            ? 'the session is known'
            : 'the session is known, but its endpoint does not serve';
  return { affinity: { by, result, endpoint: endpoint?.id ?? '' }, pinned: pin.slot, strict: affinity.strict };
}

function retryOf(method: string, route: HttpRoute, pool: HttpPool, next: string): RetryReport {
  const { attempts, on, methods, idempotencyKey } = route.retries ?? pool.config.retries;
  const isSafe = methods.includes(method);
  const conditions = [...on.failures, ...on.status.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`))];
  const always = 'a connection that could not be made, or that was closed before anything was sent';
  const keyed = idempotencyKey ? ', or with an Idempotency-Key' : '';
  const when = isSafe ? `after ${conditions.join(', ')}` : `${method} is sent again only after ${always}${keyed}`;
  return {
    attempts,
    when: attempts === 0 ? 'never' : `${when}; within the pool's budget`,
    next: attempts === 0 ? '' : next,
  };
}
