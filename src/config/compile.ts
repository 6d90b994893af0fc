// Owns the step from a parsed document to the normalized configuration: checks the shape by the schema, then what the
// parts must be to each other. Finds every issue, not just the first. Pure: no files, no sockets, no clock.

import { type AnyBalancerKind, BALANCERS } from '../balancing/index.ts';
import { formatAddress } from '../core/address.ts';
import { parseCidr } from '../core/cidr.ts';
import { err, ok, type Result } from '../core/result.ts';
import { ACCESS_LOG_DEFAULT, ACCESS_LOG_FIELDS } from './access-log-fields.ts';
import { type ConfigIssue, type Path, suggest } from './issues.ts';
import { knownKeys } from './json-schema.ts';
import { checkPattern } from './regex.ts';
import { documentSchema, type ParsedDocument } from './schema.ts';
import type {
  BalanceConfig,
  Config,
  EndpointConfig,
  HealthConfig,
  ListenerConfig,
  PoolConfig,
  RouteConfig,
  TextMatch,
} from './types.ts';
import { translate } from './zod-issues.ts';

type ParsedListener = ParsedDocument['listeners'][string];
type ParsedPool = ParsedDocument['pools'][string];
type ParsedRoute = ParsedListener['routes'][number];

/** `own`: balancing kinds that a TypeScript configuration brings along. */
export function compile(given: unknown, own: readonly AnyBalancerKind[] = []): Result<Config, ConfigIssue[]> {
  // An empty file is a document with nothing in it.
  const document = given ?? {};
  const kinds = [...BALANCERS, ...own];
  const schema = documentSchema(kinds);
  const parsed = schema.safeParse(document, { reportInput: true });
  const issues: ConfigIssue[] = danglingReferences(document);
  if (!parsed.success) {
    const found = translate(parsed.error.issues, (path) => knownKeys(schema, path));
    return err([...found.map((issue) => ({ ...issue, path: asWritten(issue.path, document) })), ...issues]);
  }
  const config = new Compiler(parsed.data, issues).config();
  return issues.length > 0 ? err(issues) : ok(config);
}

const isGroup = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

/** A short form hides the parts it stands for: the path ends where the document does. */
function asWritten(path: Path, document: unknown): Path {
  let node = document;
  for (let i = 0; i < path.length; i++) {
    if (!isGroup(node)) return path.slice(0, i);
    node = node[path[i]];
  }
  return path;
}

/** Routes that name a pool which is not there. Looks at the raw document, so that other mistakes do not hide these. */
function danglingReferences(document: unknown): ConfigIssue[] {
  if (!isGroup(document) || !isGroup(document.listeners) || !isGroup(document.pools)) return [];
  const pools = Object.keys(document.pools);
  const issues: ConfigIssue[] = [];
  const look = (holder: unknown, path: Path): void => {
    if (!isGroup(holder) || typeof holder.pool !== 'string' || pools.includes(holder.pool)) return;
    const hint = suggest(holder.pool, pools);
    const message = `names the pool "${holder.pool}", which does not exist`;
    issues.push({ path: [...path, 'pool'], message, ...(hint === undefined ? {} : { hint }) });
  };
  for (const [name, listener] of Object.entries(document.listeners)) {
    look(listener, ['listeners', name]);
    const routes = isGroup(listener) ? listener.routes : undefined;
    if (Array.isArray(routes)) for (const [i, route] of routes.entries()) look(route, ['listeners', name, 'routes', i]);
  }
  return issues;
}

class Compiler {
  readonly #document: ParsedDocument;
  readonly #issues: ConfigIssue[];

  constructor(document: ParsedDocument, issues: ConfigIssue[]) {
    this.#document = document;
    this.#issues = issues;
  }

  #issue(path: Path, message: string, hint?: string): void {
    this.#issues.push(hint === undefined ? { path, message } : { path, message, hint });
  }

  config(): Config {
    const { workers, zone, trustedProxies, admin, accessLog, drain } = this.#document;
    const pools = Object.entries(this.#document.pools).map(([name, pool]) => [name, this.#pool(name, pool)] as const);
    const listeners = Object.entries(this.#document.listeners);
    if (listeners.length === 0) this.#issue(['listeners'], 'must name at least one listener');
    this.#checkBinds(listeners);
    this.#cidrs(trustedProxies, ['trustedProxies']);
    if (admin != null && !LOOPBACK.test(admin.bind.host)) {
      this.#issue(
        ['admin', 'bind'],
        'must be a loopback address: the admin server asks nobody who they are',
        'write 127.0.0.1:9900',
      );
    }
    accessLog?.fields?.forEach((field, i) => {
      if (!ACCESS_LOG_FIELDS.includes(field))
        this.#issue(['accessLog', 'fields', i], `has no field "${field}"`, suggest(field, ACCESS_LOG_FIELDS));
    });
    return {
      workers,
      zone,
      trustedProxies,
      drain,
      admin: admin ?? undefined,
      accessLog: accessLog == null ? undefined : { ...accessLog, fields: accessLog.fields ?? ACCESS_LOG_DEFAULT },
      listeners: Object.fromEntries(listeners.map(([name, listener]) => [name, this.#listener(name, listener)])),
      pools: Object.fromEntries(pools),
    };
  }

  #checkBinds(listeners: readonly (readonly [string, ParsedListener])[]): void {
    const taken = new Map<string, string>();
    for (const [name, { bind }] of listeners) {
      const text = formatAddress(bind);
      const other = bind.port === 0 ? undefined : taken.get(text);
      if (other !== undefined)
        this.#issue(['listeners', name, 'bind'], `is ${text}, which listener "${other}" binds already`);
      taken.set(text, name);
    }
  }

  #listener(name: string, listener: ParsedListener): ListenerConfig {
    const { bind, protocol, limits, timeouts, forwarded, pool } = listener;
    const at = ['listeners', name];
    const routes = listener.routes.map((route, i) => this.#route(route, [...at, 'routes', i], `${name}[${i}]`));
    if (pool !== undefined) {
      routes.push({ ...EMPTY_ROUTE, name: `${name}[default]`, pool });
    }
    if (routes.length === 0) this.#issue(at, 'needs "routes" or a "pool"');
    return { name, bind, protocol, limits, timeouts, forwarded, routes };
  }

  #route(route: ParsedRoute, path: Path, fallbackName: string): RouteConfig {
    route.host.forEach((host, i) => {
      if (!/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/.test(host)) {
        this.#issue(
          [...path, 'host', i],
          `has "${host}", which is no host name`,
          'write app.example.com or *.example.com, without port',
        );
      }
    });
    this.#cidrs(route.client, [...path, 'client']);
    if (route.path?.kind === 'regex') this.#pattern(route.path.value, [...path, 'path']);
    for (const field of ['header', 'cookie', 'query'] as const) {
      for (const [key, match] of Object.entries(route[field])) this.#match(match, [...path, field, key]);
    }
    return { ...route, path: route.path, name: route.name === '' ? fallbackName : route.name } as RouteConfig;
  }

  #cidrs(list: readonly string[], path: Path): void {
    list.forEach((cidr, i) => {
      const parsed = parseCidr(cidr);
      if (!parsed.ok) this.#issue([...path, i], `has "${cidr}": ${parsed.error}`);
    });
  }

  #match(match: TextMatch, path: Path): void {
    if (match.kind === 'regex') this.#pattern(match.value, path);
  }

  #pattern(pattern: string, path: Path): void {
    const checked = checkPattern(pattern);
    if (!checked.ok) this.#issue(path, checked.error);
  }

  #pool(name: string, pool: ParsedPool): PoolConfig {
    const path = ['pools', name];
    const seen = new Set<string>();
    const endpoints = pool.endpoints.map((endpoint, i): EndpointConfig => {
      const id = formatAddress(endpoint.address);
      if (seen.has(id)) this.#issue([...path, 'endpoints', i], `is ${id}, which the pool has already`);
      seen.add(id);
      if (endpoint.address.port === 0) this.#issue([...path, 'endpoints', i], 'needs a port from 1 to 65535');
      if (endpoint.backup !== undefined && endpoint.tier !== 0) {
        this.#issue([...path, 'endpoints', i], 'has both "backup" and "tier"', '"backup: true" is short for "tier: 1"');
      }
      const { address, weight, zone, backup, tier } = endpoint;
      return {
        address,
        weight,
        zone,
        tier: backup === true ? 1 : tier,
        maxInFlight: endpoint.maxInFlight ?? pool.maxInFlight,
      };
    });
    const { passive, zones, queue, retries, connection, slowStart, panic, allDown } = pool;
    return {
      name,
      endpoints,
      balance: this.#balance(pool),
      health: this.#health(pool.health ?? undefined, path),
      passive: passive ?? undefined,
      slowStart: slowStart ?? undefined,
      panic: panic ?? undefined,
      allDown: { status: allDown.status, retryAfterSeconds: Math.ceil(allDown.retryAfterMs / 1000) },
      zones,
      queue,
      retries,
      connection,
    };
  }

  #balance({ balance }: ParsedPool): BalanceConfig {
    const { kind, key, ...options } = balance as { kind: string; key?: BalanceConfig['key'] };
    return { kind, key: key ?? { from: 'source' }, options };
  }

  #health(health: NonNullable<ParsedPool['health']> | undefined, path: Path): HealthConfig | undefined {
    if (health === undefined) return undefined;
    const { http, tcp, preset, intervalMs, pendingIntervalMs, timeoutMs, rise, fall, jitter, port } = health;
    if (http !== undefined && tcp === true)
      this.#issue([...path, 'health'], 'has both "http" and "tcp"; a pool has one kind of probe');
    const interval = intervalMs ?? PRESET_INTERVALS[preset ?? 'none'];
    if (http?.body !== undefined) this.#match(http.body, [...path, 'health', 'http', 'body']);
    if (http?.host !== undefined && /[\r\n\0]/.test(http.host))
      this.#issue([...path, 'health', 'http', 'host'], 'holds a control character');
    for (const [key, value] of Object.entries(http?.headers ?? {})) {
      const bad = !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(key) || /[\r\n\0]/.test(value);
      if (bad) this.#issue([...path, 'health', 'http', 'headers', key], 'is no valid header field');
    }
    return {
      probe: http === undefined ? { kind: 'tcp' } : { kind: 'http', ...http },
      intervalMs: interval,
      pendingIntervalMs: pendingIntervalMs ?? Math.min(1000, interval),
      timeoutMs,
      rise,
      fall,
      jitter,
      port,
    };
  }
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

const PRESET_INTERVALS = { critical: 2000, standard: 10_000, background: 60_000, none: 5000 } as const;

const EMPTY_ROUTE: RouteConfig = {
  name: '',
  host: [],
  path: undefined,
  method: [],
  header: {},
  cookie: {},
  query: {},
  client: [],
  pool: '',
  timeouts: { firstByteMs: 30_000, totalMs: 0 },
};
