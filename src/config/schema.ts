// Owns the one schema of the configuration: types, defaults, JSON Schema and errors all come from here. It knows the
// shape of each part; what the parts must be to each other (a route's pool exists, ...) is `compile.ts`.

import { z } from 'zod';
import type { BalancerKind } from '../balancing/balancer.ts';
import type { Option } from '../core/schema.ts';
import { address, duration, integer, oneOrMore, section, share, shorthand, size, statuses } from './fields.ts';
import type {
  ClientTimeouts,
  DrainConfig,
  HttpLimits,
  HttpProbeConfig,
  PassiveConfig,
  QueueConfig,
  RetryConfig,
  RouteTimeouts,
  SlowStartConfig,
  UpstreamConnectionConfig,
} from './types.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'is no name; use letters, digits, "-", "_" and "."')
  .refine((text) => !(text in {}), 'is a word that JavaScript keeps for itself; use another');
const isOff = (value: unknown): boolean => value === false || value === 'off';

/** `v2` is exact, `v2*` a prefix, `~^v\d+$` a regular expression, true and false mean present and absent. */
const textMatch = shorthand(
  {
    type: ['string', 'boolean', 'number'],
    description: 'exact text, prefix*, ~regex, or true / false for present / absent',
  },
  (value) => {
    if (value === true) return { kind: 'present' };
    if (value === false) return { kind: 'absent' };
    if (typeof value === 'number') return { kind: 'exact', value: String(value) };
    if (typeof value !== 'string') return undefined;
    if (value === '*') return { kind: 'present' };
    if (value.startsWith('~')) return { kind: 'regex', value: value.slice(1) };
    if (value.endsWith('*')) return { kind: 'prefix', value: value.slice(0, -1) };
    return { kind: 'exact', value };
  },
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('present') }),
    z.strictObject({ kind: z.literal('absent') }),
    z.strictObject({ kind: z.literal('exact'), value: z.string() }),
    z.strictObject({ kind: z.literal('prefix'), value: z.string() }),
    z.strictObject({ kind: z.literal('regex'), value: z.string() }),
  ]),
);

const pathValue = z.string().regex(/^\//, 'must begin with "/"');
const pathPattern = shorthand(
  { type: 'string', description: '/exact, /prefix/*, /glob/*/x, or ~regex' },
  (value) => {
    if (typeof value !== 'string') return undefined;
    if (value.startsWith('~')) return { kind: 'regex', value: value.slice(1) };
    const star = value.indexOf('*');
    if (star < 0) return { kind: 'exact', value };
    return star === value.length - 1 ? { kind: 'prefix', value: value.slice(0, -1) } : { kind: 'glob', value };
  },
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('exact'), value: pathValue }),
    z.strictObject({ kind: z.literal('prefix'), value: pathValue }),
    z.strictObject({ kind: z.literal('glob'), value: pathValue }),
    z.strictObject({ kind: z.literal('regex'), value: z.string() }),
  ]),
);

const lowerKeys = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]))
    : value;

const routeTimeouts = section<RouteTimeouts>({
  firstByte: duration(1).default(30_000),
  total: duration().default(0),
});

const route = z.strictObject({
  name: z.string().default(''),
  host: oneOrMore(z.string().toLowerCase()).default([]),
  path: pathPattern.optional(),
  method: oneOrMore(z.string().toUpperCase()).default([]),
  header: z.preprocess(lowerKeys, z.record(z.string(), textMatch)).default({}),
  cookie: z.record(z.string(), textMatch).default({}),
  query: z.record(z.string(), textMatch).default({}),
  client: oneOrMore(z.string()).default([]),
  pool: z.string(),
  timeouts: routeTimeouts.prefault({}),
});

const listener = z.strictObject({
  bind: address(),
  protocol: z.literal('http').default('http'),
  /** Short for one route that takes everything. */
  pool: z.string().optional(),
  routes: z.array(route).default([]),
  limits: section<HttpLimits>({
    head: size().default(16 * 1024),
    fields: integer(1, 1000).default(100),
    target: size().default(8 * 1024),
    body: size().default(0),
    connections: integer(1, 10_000_000).default(100_000),
    requestsPerConnection: integer(0, 1_000_000_000).default(0),
  }).prefault({}),
  timeouts: section<ClientTimeouts>({
    head: duration(1).default(10_000),
    bodyIdle: duration(1).default(60_000),
    keepAlive: duration(1).default(75_000),
    sendIdle: duration(1).default(60_000),
    tunnelIdle: duration(1).default(600_000),
  }).prefault({}),
  forwarded: z
    .strictObject({
      xForwarded: z.boolean().default(true),
      forwarded: z.boolean().default(false),
      requestId: z
        .string()
        .regex(/^[a-z0-9-]*$/, 'must be a field name in lower case, or "" for none')
        .default('x-request-id'),
    })
    .prefault({}),
});

const endpointFields = {
  address: address(),
  weight: z.number().min(0).max(65_535).default(1),
  tier: integer(0, 100).default(0),
  backup: z.boolean().optional(),
  zone: z.string().default(''),
  maxInFlight: integer(0, 1_000_000_000).optional(),
};
const endpoint = shorthand(
  { type: 'string', description: 'host:port' },
  (value) => (typeof value === 'string' ? { address: value } : undefined),
  z.strictObject(endpointFields),
);

interface HealthInput {
  readonly http?: Omit<HttpProbeConfig, 'kind'>;
  readonly tcp?: boolean;
  readonly preset?: 'critical' | 'standard' | 'background';
  readonly intervalMs?: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly jitter: number;
  readonly pendingIntervalMs?: number;
  readonly port: number;
}

const httpProbe = shorthand(
  { type: 'string', description: 'path, such as /health' },
  (value) => (typeof value === 'string' ? { path: value } : undefined),
  z.strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'must begin with "/" and hold no spaces')
      .default('/'),
    method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET'),
    host: z.string().default(''),
    headers: z.record(z.string(), z.string()).default({}),
    status: statuses().default([[200, 399]]),
    body: textMatch.optional(),
  }),
);

const health = shorthand(
  { enum: [false, 'off'], description: 'or a path to probe by HTTP' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { http: value } : undefined),
  section<HealthInput>({
    http: httpProbe.optional(),
    tcp: z.boolean().optional(),
    preset: z.enum(['critical', 'standard', 'background']).optional(),
    interval: duration(10).optional(),
    timeout: duration(1).default(2000),
    rise: integer(1, 1000).default(2),
    fall: integer(1, 1000).default(3),
    jitter: share().default(0.1),
    pendingInterval: duration(10).optional(),
    port: integer(0, 65_535).default(0),
  }).nullable(),
);

const passive = shorthand(
  { enum: [false, 'off'] },
  (value) => (isOff(value) ? null : undefined),
  section<PassiveConfig>({
    failures: integer(1, 10_000).default(3),
    window: duration(1).default(30_000),
    eject: duration(1).default(30_000),
    maxEject: duration(1).default(300_000),
    maxEjected: share().default(0.5),
    status: statuses().default([]),
  }).nullable(),
);

const retries = shorthand(
  { type: 'integer', description: 'further attempts' },
  (value) =>
    typeof value === 'number' ? { attempts: value } : value === false || value === 'off' ? { attempts: 0 } : undefined,
  section<RetryConfig>({
    attempts: integer(0, 10).default(2),
    backoff: duration().default(25),
    budget: share().default(0.2),
    budgetMin: integer(0, 1_000_000).default(3),
  }),
);

const keySource = shorthand(
  { type: 'string', description: 'source, path, header:NAME, cookie:NAME or query:NAME' },
  (value) => {
    if (value === 'source' || value === 'path') return { from: value };
    const match = typeof value === 'string' ? /^(header|cookie|query):(.+)$/.exec(value) : null;
    return match === null
      ? undefined
      : { from: match[1], name: match[1] === 'header' ? match[2].toLowerCase() : match[2] };
  },
  z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('source') }),
    z.strictObject({ from: z.literal('path') }),
    z.strictObject({ from: z.enum(['header', 'cookie', 'query']), name: z.string().min(1) }),
  ]),
);

/** Turns a kind's own description of an option into a schema. */
function optionSchema(option: Option): z.ZodType {
  switch (option.type) {
    case 'number': {
      let schema = option.integer === true ? z.number().int() : z.number();
      if (option.min !== undefined) schema = schema.min(option.min);
      if (option.max !== undefined) schema = schema.max(option.max);
      return schema.default(option.default).describe(option.doc);
    }
    case 'boolean':
      return z.boolean().default(option.default).describe(option.doc);
    case 'choice':
      return z
        .enum(option.values as [string, ...string[]])
        .default(option.default)
        .describe(option.doc);
    case 'duration':
      return duration(option.min, option.max).default(option.default).describe(option.doc);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own type of options
type Kinds = readonly BalancerKind<any>[];

function balance(kinds: Kinds) {
  const variants = kinds.map((kind) => {
    const options = Object.entries(kind.schema as Record<string, Option>).map(([key, option]) => [
      key,
      optionSchema(option),
    ]);
    return z.strictObject({
      kind: z.literal(kind.name),
      ...(kind.needs === 'key' ? { key: keySource.default({ from: 'source' }) } : {}),
      ...Object.fromEntries(options),
    });
  });
  return shorthand(
    { type: 'string', enum: kinds.map((kind) => kind.name) },
    (value) => (typeof value === 'string' ? { kind: value } : undefined),
    z.discriminatedUnion('kind', variants as unknown as [(typeof variants)[0], ...typeof variants]),
  );
}

function pool(kinds: Kinds) {
  return z.strictObject({
    balance: balance(kinds).prefault({ kind: 'round-robin' } as never),
    endpoints: z.array(endpoint).default([]),
    maxInFlight: integer(0, 1_000_000_000).default(0),
    health: health.optional(),
    passive: passive.prefault({}),
    slowStart: shorthand(
      { type: 'string', description: 'window, such as 30s' },
      (value) => (isOff(value) ? null : typeof value === 'string' ? { window: value } : undefined),
      section<SlowStartConfig>({ window: duration(1), aggression: z.number().min(0.1).max(10).default(1) }).nullable(),
    ).optional(),
    panic: shorthand(
      { type: 'string', description: 'share of usable endpoints, such as 50%' },
      (value) =>
        isOff(value) ? null : typeof value === 'string' || typeof value === 'number' ? { below: value } : undefined,
      z.strictObject({ below: share() }).nullable(),
    ).optional(),
    allDown: section<{ status: number; retryAfterMs: number }>({
      status: integer(500, 599).default(503),
      retryAfter: duration(0, 86_400_000).default(5000),
    }).prefault({}),
    zones: z.enum(['prefer-own', 'ignore']).default('prefer-own'),
    queue: section<QueueConfig>({
      size: integer(0, 1_000_000).default(100),
      timeout: duration(1).default(5000),
    }).prefault({}),
    retries: retries.prefault({}),
    connection: section<UpstreamConnectionConfig>({
      connectTimeout: duration(1).default(3000),
      bodyIdle: duration(1).default(60_000),
      idle: duration(1).default(55_000),
      maxAge: duration(1).default(3_600_000),
      maxIdle: integer(0, 100_000).default(512),
      pipelining: integer(1, 256).default(1),
    }).prefault({}),
  });
}

const accessLog = shorthand(
  { type: ['string', 'boolean'], description: 'stdout, stderr or a path' },
  (value) =>
    isOff(value) ? null : value === true ? { to: 'stdout' } : typeof value === 'string' ? { to: value } : undefined,
  z
    .strictObject({
      to: z.string().min(1).default('stdout'),
      fields: z.array(z.string()).optional(),
      sample: share().default(1),
    })
    .nullable(),
);

/** The whole document, for a given list of balancing kinds (the built-in ones and the user's). */
export function documentSchema(kinds: Kinds) {
  return z.strictObject({
    $schema: z.string().optional(),
    workers: z.union([z.literal('auto'), integer(1, 256)]).default('auto'),
    zone: z.string().default(''),
    trustedProxies: oneOrMore(z.string()).default([]),
    admin: shorthand(
      { enum: [false] },
      (value) => (isOff(value) ? null : undefined),
      z.strictObject({ bind: address() }).nullable(),
    ).optional(),
    accessLog: accessLog.optional(),
    drain: section<DrainConfig>({
      requests: duration().default(30_000),
      streams: duration().default(300_000),
    }).prefault({}),
    listeners: z.record(name, listener),
    pools: z.record(name, pool(kinds)),
  });
}

export type ParsedDocument = z.output<ReturnType<typeof documentSchema>>;
