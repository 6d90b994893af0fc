// Owns the list of scenarios: what is compared with what, under which load, and what a reader should know of it.

import { BOTH_CORES } from './cores.ts';
import type { DnsComparison } from './dns.ts';
import type { Comparison } from './measure.ts';
import type { Subject } from './subjects.ts';
import type { UdpComparison } from './udp.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly note: string;
  readonly comparison?: Comparison;
  readonly udp?: UdpComparison;
  readonly dns?: DnsComparison;
  /** Scenarios that are not about requests have measurements of their own. */
  /** Of `memory`; the default is everybody who speaks HTTP. */
  readonly subjects?: readonly Subject[];
  readonly special?: 'affinity' | 'memory' | 'nat' | 'pick' | 'route';
}

const EVENKEEL: Subject = { name: 'Evenkeel', kind: 'evenkeel' };
const NGINX: Subject = { name: 'nginx', kind: 'nginx' };
const HAPROXY: Subject = { name: 'HAProxy', kind: 'haproxy' };
const NODE: Subject = { name: 'node:http', kind: 'node:http' };
const FASTIFY: Subject = { name: '@fastify/http-proxy', kind: '@fastify/http-proxy' };
const HTTPXY: Subject = { name: 'httpxy', kind: 'httpxy' };
const PIPELINING: Subject = { name: 'Evenkeel, pipelining: 16', kind: 'evenkeel', pipelining: 16 };

export const ALL = [EVENKEEL, NGINX, HAPROXY, NODE, FASTIFY, HTTPXY];
const NATIVE = [EVENKEEL, NGINX, HAPROXY];

/** nginx by its stream module. */
const RELAYS: readonly Subject[] = NATIVE.map((subject) => ({ ...subject, tcp: true }));

const SECURE: readonly Subject[] = NATIVE.map((subject) => ({ ...subject, tls: true }));
const GRPC: readonly Subject[] = [...NATIVE, { name: 'grpc-js', kind: 'grpc-js' } as const].map((subject) => ({
  ...subject,
  tls: true,
  grpc: true,
}));

const withAll = (subjects: readonly Subject[], extra: Partial<Subject>, suffix = ''): Subject[] =>
  subjects.map((subject) => ({ ...subject, ...extra, name: subject.name + suffix }));

/** As people use them. */
const FILTERS: readonly (readonly [string, unknown])[] = [
  [
    'headers',
    { headers: { request: { set: { 'X-Client': '${client}' } }, response: { set: { 'X-Served-By': 'evenkeel' } } } },
  ],
  ['security-headers', 'security-headers'],
  ['cors', 'cors'],
  ['rewrite', { rewrite: { path: '~^/old/(.*)$', to: '/$1' } }],
  ['access', { access: { deny: { networks: ['192.0.2.0/24', '2001:db8::/32'] } } }],
  ['rate-limit', { 'rate-limit': { rate: '1000000/s', burst: 1_000_000 } }],
  ['concurrency-limit', { 'concurrency-limit': { max: 1000 } }],
  ['compress', 'compress'],
  ['error-pages', { 'error-pages': { pages: { '500-599': 'sorry' } } }],
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'small-64',
    title: 'Small keep-alive GETs, 64 connections',
    note: 'a body of 65 bytes',
    comparison: { subjects: ALL, load: { connections: 64, path: '/' } },
  },
  {
    name: 'small-256',
    title: 'Small keep-alive GETs, 256 connections',
    note: 'a body of 65 bytes',
    comparison: { subjects: ALL, load: { connections: 256, path: '/' } },
  },
  {
    name: 'pipelining-256',
    title: 'Small keep-alive GETs, 256 connections, pipelining to the backends',
    note: 'opt-in `connection: { pipelining: 16 }`; the others have nothing like it',
    comparison: { subjects: [PIPELINING, EVENKEEL, NGINX, HAPROXY], load: { connections: 256, path: '/' } },
  },
  {
    name: 'download',
    title: 'Downloads of 1 MiB, 32 connections',
    note: 'nginx and HAProxy with their default buffering',
    comparison: { subjects: ALL, load: { connections: 32, path: '/large' } },
  },
  {
    name: 'upload',
    title: 'Uploads of 1 MiB, 32 connections',
    note: 'the backend reads the whole body; nginx streams as the others do (`proxy_request_buffering off`)',
    comparison: { subjects: ALL, load: { connections: 32, path: '/upload', upload: true } },
  },
  {
    name: 'connections',
    title: 'A new connection for every request, 64 clients',
    note: 'wrk sends `Connection: close` and connects again; connections to the backends are kept',
    comparison: { subjects: ALL, load: { connections: 64, path: '/', close: true } },
  },
  {
    name: 'endpoints-1000',
    title: '1,000 endpoints, least connections, 64 connections',
    note: 'a thousand loopback addresses of the same backends; the Node rivals know no least connections',
    comparison: {
      subjects: [...withAll(NATIVE, { balance: 'least-connections' })],
      load: { connections: 64, path: '/' },
      endpoints: 1000,
    },
  },
  {
    name: 'routes-10000',
    title: '10,000 routes against 10, 64 connections',
    note: 'prefix routes, asked for in turn; nginx: locations, HAProxy: a map',
    comparison: {
      subjects: [
        ...withAll([EVENKEEL], { routes: 10_000 }, ', 10,000 routes'),
        ...withAll([EVENKEEL], { routes: 10 }, ', 10 routes'),
        ...withAll([NGINX, HAPROXY], { routes: 10_000 }, ', 10,000 routes'),
        ...withAll([NGINX, HAPROXY], { routes: 10 }, ', 10 routes'),
      ],
      load: { connections: 64, path: '/' },
      loadOf: (subject) => ({ connections: 64, path: '/', routes: subject.routes }),
    },
  },
  {
    name: 'workers-2',
    title: 'Two workers against one, 256 connections',
    note: 'both cores; load generator and backends share one of them, so that requests/s cannot double: look at the CPU time',
    comparison: {
      subjects: [
        { ...EVENKEEL, name: 'Evenkeel, 2 workers', workers: 2, cores: BOTH_CORES },
        { ...EVENKEEL, name: 'Evenkeel, 1 worker', workers: 1, cores: BOTH_CORES },
        { ...NGINX, name: 'nginx, 2 workers', workers: 2, cores: BOTH_CORES },
        { ...HAPROXY, name: 'HAProxy, 2 threads', workers: 2, cores: BOTH_CORES },
      ],
      load: { connections: 256, path: '/' },
    },
  },
  {
    name: 'tls-64',
    title: 'HTTPS: small keep-alive GETs by HTTP/1.1, 64 connections',
    note: 'as small-64 over TLS 1.3 with AES-256-GCM; the backends are plain HTTP',
    comparison: { subjects: SECURE, load: { connections: 64, path: '/', tls: true } },
  },
  {
    name: 'tls-handshake',
    title: 'TLS: full handshakes, 16 clients',
    note: 'TLS 1.3, ECDSA P-256; a request is a connection that is secure and leaves. Handshakes per CPU second are 1,000,000 ÷ the CPU time',
    comparison: { subjects: SECURE, load: { by: 'handshakes', connections: 16, resume: false } },
  },
  {
    name: 'tls-connections',
    title: 'HTTPS: a new connection for every request, 64 clients',
    note: 'as connections over TLS 1.3: a full handshake and one small GET; wrk can do more of these than the handshakes above',
    comparison: { subjects: SECURE, load: { connections: 64, path: '/', close: true, tls: true } },
  },
  {
    name: 'tls-resume',
    title: 'TLS: resumed handshakes, 16 clients',
    note: 'as tls-handshake, with the session ticket of an earlier connection; one that is not resumed is an error',
    comparison: { subjects: SECURE, load: { by: 'handshakes', connections: 16, resume: true } },
  },
  {
    name: 'h2-256',
    title: 'HTTP/2 over TLS: small GETs, 16 connections with 16 streams each',
    note: 'h2load; the backends are plain HTTP/1.1',
    comparison: {
      subjects: withAll(SECURE, { h2: true }),
      load: { by: 'h2load', connections: 16, streams: 16, path: '/' },
    },
  },
  {
    name: 'grpc-unary',
    title: 'gRPC: unary calls of 100 bytes, 16 connections with 16 streams each',
    note: 'h2load over TLS; the backends are HTTP/2 without TLS; grpc-js is a proxy that reads and writes every message anew',
    comparison: { subjects: GRPC, load: { by: 'h2load', connections: 16, streams: 16, path: '/', grpc: 100 } },
  },
  {
    name: 'cache-hit',
    title: 'Answers from a cache, 64 connections',
    note: 'one page of 4 KiB in memory; nginx with proxy_cache (its files in the page cache), Varnish with malloc',
    comparison: {
      subjects: withAll([{ ...EVENKEEL, filters: ['cache'] }, NGINX, { name: 'Varnish', kind: 'varnish' }], {
        policy: 'cache',
      }),
      load: { connections: 64, path: '/cached' },
    },
  },
  {
    name: 'gzip',
    title: 'Compression: 27 KiB of HTML by gzip, 32 connections',
    note: 'level 5 for both; the backends send it as it is',
    comparison: {
      subjects: withAll([{ ...EVENKEEL, filters: [{ compress: { encodings: ['gzip'] } }] }, NGINX], { policy: 'gzip' }),
      load: { connections: 32, path: '/text', headers: { 'Accept-Encoding': 'gzip' } },
    },
  },
  {
    name: 'filters',
    title: 'What each filter costs, 64 connections',
    note: 'small-64 with one filter switched on; the first row has none. What a request costs more is the difference of the CPU times',
    comparison: {
      subjects: [EVENKEEL, ...FILTERS.map(([name, filter]) => ({ ...EVENKEEL, name, filters: [filter] }))],
      load: { connections: 64, path: '/' },
    },
  },
  {
    name: 'tracing',
    title: 'What tracing costs, 64 connections',
    note: 'small-64; the collector only reads what it gets, on another core; what a share of requests costs is the difference of the CPU times. At 100 % most spans are dropped: they come faster than they can be sent',
    comparison: {
      subjects: [
        { ...EVENKEEL, name: 'Evenkeel, tracing off' },
        { ...EVENKEEL, name: 'Evenkeel, trace context only', tracing: 0 },
        { ...EVENKEEL, name: 'Evenkeel, 1 % traced', tracing: 0.01 },
        { ...EVENKEEL, name: 'Evenkeel, 100 % traced', tracing: 1 },
      ],
      load: { connections: 64, path: '/' },
    },
  },
  {
    name: 'tcp-64',
    title: 'TCP relay: small round trips, 64 connections',
    note: 'requests of about 50 bytes, answers of about 300, on kept connections; the relays see bytes only',
    comparison: { subjects: RELAYS, load: { connections: 64, path: '/' } },
  },
  {
    name: 'tcp-bulk',
    title: 'TCP relay: 1 MiB at a time, 16 connections',
    note: 'answers of 1 MiB on kept connections; requests/s is MiB/s',
    comparison: { subjects: RELAYS, load: { connections: 16, path: '/large' } },
  },
  {
    name: 'tcp-connections',
    title: 'TCP relay: a new connection for every request, 64 clients',
    note: 'each is one connection from the client and one to a server',
    comparison: { subjects: RELAYS, load: { connections: 64, path: '/', close: true } },
  },
  {
    name: 'udp-questions',
    title: 'UDP: questions of 64 bytes with one answer each, 64 clients',
    note: 'every question is a flow of its own, as with DNS (`flow: { responses: 1 }`, nginx: `proxy_responses 1`)',
    udp: { clients: 64, responses: 1 },
  },
  {
    name: 'udp-flows',
    title: 'UDP: 64 flows that go on',
    note: 'datagrams of 64 bytes there and back; a request is one each way',
    udp: { clients: 64, responses: 0 },
  },
  {
    name: 'dns-static',
    title: 'DNS: plain A records by UDP, a zone of 1,000 names',
    note: 'dnsperf, 20 sockets, 200 queries under way; a request is a query and its answer; gdnsd with one UDP thread',
    dns: { kind: 'static', records: 1000 },
  },
  {
    name: 'dns-million',
    title: 'DNS: plain A records by UDP, a zone of 1,000,000 names',
    note: 'as above, with questions from all over the zone',
    dns: { kind: 'static', records: 1_000_000 },
  },
  {
    name: 'dns-half',
    title: 'DNS: latency at half load',
    note: 'the zone of 1,000 names at half the rate that Evenkeel answered in the warm-up, the same rate for both (`dnsperf -Q`): look at p99',
    dns: { kind: 'static', records: 1000, half: true },
  },
  {
    name: 'dns-geo',
    title: 'DNS: an A record steered by continent, asked for 50,000 networks',
    note: 'client subnets (ECS) all over the world, one database of countries for both; PowerDNS with its geoip backend, one receiver thread, unthreaded',
    dns: { kind: 'geo', networks: 50_000 },
  },
  {
    name: 'dns-workers-2',
    title: 'DNS: two workers against one, a zone of 1,000 names',
    note: 'both cores, and dnsperf on one of them, so that queries/s cannot double: look at the CPU time. Queries per CPU second are 1,000,000 ÷ it',
    dns: { kind: 'workers', records: 1000 },
  },
  {
    name: 'nat',
    title: 'The kernel path: a new connection for every request, and one stream of bulk data',
    note: 'network namespaces joined by virtual cables; what the kernel does for the packets is in no process, so look at both CPU columns',
    special: 'nat',
  },
  {
    name: 'memory',
    title: 'Memory per idle keep-alive connection',
    note: 'growth of resident memory; every connection was used once',
    special: 'memory',
  },
  {
    name: 'tcp-memory',
    title: 'Memory per idle TCP connection through a relay',
    note: 'each is two sockets; growth of resident memory; every connection was used once',
    special: 'memory',
    subjects: RELAYS,
  },
  { name: 'pick', title: 'Picking an endpoint', note: 'ns per pick, in-process', special: 'pick' },
  { name: 'route', title: 'Finding a route', note: 'ns per match, in-process', special: 'route' },
  {
    name: 'affinity',
    title: 'Finding the endpoint of a session',
    note: 'ns per request, in-process',
    special: 'affinity',
  },
];
