// Owns what RFC 9111 says of an answer: whether a shared cache may keep it, how long it is fresh, and how long it may be used stale
// (RFC 5861). The library decides; what it decided is kept as numbers, because asking it costs more than an answer from memory.

import CachePolicy from 'http-cache-semantics';

export interface Freshness {
  /** Seconds. */
  readonly age: number;
  readonly lifetime: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  /** Stale, it must not be used without asking. */
  readonly mustRevalidate: boolean;
}

export interface FreshnessRules {
  /** For answers that say nothing about it, by status; undefined: they are not kept. */
  readonly defaultTtl: ((status: number) => number | undefined) | undefined;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

export type FieldMap = Readonly<Record<string, string>>;

const SAYS_SOMETHING = /(?:^|[\s,])(?:no-store|no-cache|private|max-age|s-maxage)(?:$|[\s,=])/i;

/** Undefined: it must not be kept. Fields by lower-case name. */
export function freshnessOf(
  request: { readonly method: string; readonly headers: FieldMap },
  response: { readonly status: number; readonly headers: FieldMap },
  rules: FreshnessRules,
): Freshness | undefined {
  const { status, headers } = response;
  const control = headers['cache-control'] ?? '';
  const explicit = SAYS_SOMETHING.test(control) || headers.expires !== undefined;
  const ttl = explicit ? undefined : rules.defaultTtl?.(status);
  const told =
    ttl === undefined
      ? headers
      : { ...headers, 'cache-control': `${control === '' ? '' : `${control}, `}max-age=${ttl}` };
  const policy = new CachePolicy(
    { url: '/', method: request.method, headers: { ...request.headers } },
    { status, headers: { ...told } },
    { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 },
  );
  if (!policy.storable()) return undefined;
  const mustRevalidate = /\b(?:must-revalidate|proxy-revalidate|no-cache|s-maxage)\b/i.test(control);
  return {
    age: Math.max(0, Math.round(policy.age())),
    lifetime: Math.max(0, Math.floor(policy.maxAge())),
    staleWhileRevalidate: secondsOf(control, 'stale-while-revalidate') ?? rules.staleWhileRevalidate,
    staleIfError: secondsOf(control, 'stale-if-error') ?? rules.staleIfError,
    mustRevalidate,
  };
}

function secondsOf(control: string, directive: string): number | undefined {
  const match = new RegExp(`(?:^|[\\s,])${directive}="?(\\d{1,9})`, 'i').exec(control);
  return match === null ? undefined : Number(match[1]);
}

/** Lines of fields by lower-case name; repeated ones are joined. */
export function fieldMapOf(lines: string): Record<string, string> {
  const map: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    map[name] = map[name] === undefined ? value : `${map[name]}, ${value}`;
  }
  return map;
}

/** About the bytes of the body, which a 304 does not bring (RFC 9111 §3.2). */
const OF_BODY = /^(?:content-(?:encoding|length|range|type)|transfer-encoding|etag)$/;

/** Stored lines, brought up to date by those of a 304. */
export function refreshed(stored: string, by: string): string {
  const fresh = fieldMapOf(by);
  let out = '';
  for (const line of stored.split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    if (line !== '' && (fresh[name] === undefined || OF_BODY.test(name))) out += `${line}\r\n`;
  }
  for (const line of by.split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    if (line !== '' && !OF_BODY.test(name)) out += `${line}\r\n`;
  }
  return out;
}

/** What is said anew for every answer, and what is about one client. */
const NOT_STORED = /^(?:date|age|set-cookie|cache-status)$/;

export function withoutOwn(lines: string): string {
  let out = '';
  for (const line of lines.split('\r\n')) {
    if (line !== '' && !NOT_STORED.test(line.slice(0, line.indexOf(':')).toLowerCase())) out += `${line}\r\n`;
  }
  return out;
}
