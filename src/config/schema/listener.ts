// Owns the written form of listeners: what all have in common, and one variant a protocol.

import { z } from 'zod';
import {
  address,
  byDiscriminator,
  duration,
  integer,
  isOff,
  meaningless,
  oneOrMore,
  section,
  shorthand,
  size,
} from '../fields.ts';
import type { ClientTimeouts, ConnectionLimits, FlowConfig, HttpLimits, TcpTimeouts } from '../types.ts';
import { filters } from './filters.ts';
import { route } from './route.ts';
import { hsts, http2, listenerTls, redirectToHttps } from './tls.ts';

/** `true` believes the top-level `trustedProxies`; a CIDR or a list of them believes those. */
const proxyProtocol = (timeout: z.ZodType) =>
  shorthand(
    {
      type: ['boolean', 'string', 'array'],
      items: { type: 'string' },
      description: 'true, or whose headers are believed',
    },
    (value) => {
      if (isOff(value)) return null;
      if (value === true) return {};
      return typeof value === 'string' || Array.isArray(value) ? { from: value } : undefined;
    },
    section<{ from?: string[]; timeoutMs?: number }>({ from: oneOrMore(z.string()).optional(), timeout }).nullable(),
  ).optional();
const onStreams = proxyProtocol(duration(1).default(3000));
const onDatagrams = proxyProtocol(meaningless('has no meaning for UDP: each datagram brings its header along'));

const connectionLimits = {
  connections: integer(0, 10_000_000).default(100_000),
  connectionsPerClient: integer(0, 10_000_000).default(0),
  connectionRate: integer(0, 10_000_000).default(0),
  connectionRatePerClient: integer(0, 10_000_000).default(0),
};

const dataPath = {
  mode: z.enum(['proxy', 'nat', 'auto']).default('proxy'),
  snat: z.enum(['auto', 'off']).default('auto'),
};

const anyHttp = {
  bind: address(),
  proxyProtocol: onStreams,
  /** Short for one route that takes everything. */
  pool: z.string().optional(),
  filters,
  routes: z.array(route).default([]),
  limits: section<HttpLimits>({
    head: size().default(16 * 1024),
    fields: integer(1, 1000).default(100),
    target: size().default(8 * 1024),
    body: size().default(0),
    ...connectionLimits,
    requestsPerConnection: integer(0, 1_000_000_000).default(0),
  }).prefault({}),
  timeouts: section<ClientTimeouts>({
    head: duration(1).default(10_000),
    bodyIdle: duration(1).default(60_000),
    keepAlive: duration(1).default(75_000),
    sendIdle: duration(1).default(60_000),
    tunnelIdle: duration(1).default(600_000),
    tunnelLifetime: duration().default(0),
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
};

const http = z.strictObject({
  protocol: z.literal('http').default('http'),
  ...anyHttp,
  http2: http2(false),
  redirectToHttps,
});

const https = z.strictObject({
  protocol: z.literal('https'),
  ...anyHttp,
  tls: listenerTls.prefault({}),
  http2: http2(true),
  hsts,
});

const tcpRoute = z.strictObject({
  name: z.string().default(''),
  sni: oneOrMore(z.string().toLowerCase()).default([]),
  alpn: oneOrMore(z.string().min(1)).default([]),
  client: oneOrMore(z.string()).default([]),
  pool: z.string(),
});

const tcp = z.strictObject({
  bind: address(),
  protocol: z.literal('tcp'),
  tls: listenerTls.optional(),
  ...dataPath,
  proxyProtocol: onStreams,
  pool: z.string().optional(),
  routes: z.array(tcpRoute).default([]),
  limits: section<ConnectionLimits>(connectionLimits).prefault({}),
  timeouts: section<TcpTimeouts>({
    idle: duration(1).default(600_000),
    lifetime: duration().default(0),
    hello: duration(1).default(5000),
  }).prefault({}),
});

const udp = z.strictObject({
  bind: address(),
  protocol: z.literal('udp'),
  ...dataPath,
  proxyProtocol: onDatagrams,
  pool: z.string(),
  flow: section<FlowConfig>({
    key: z.enum(['address-and-port', 'address']).default('address-and-port'),
    idle: duration(1).default(60_000),
    responses: integer(0, 1_000_000).default(0),
    max: integer(1, 1_000_000).default(16_384),
  }).prefault({}),
});

export const listener = byDiscriminator('protocol', 'http', z.discriminatedUnion('protocol', [http, https, tcp, udp]));
