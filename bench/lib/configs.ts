// Owns the configuration of each balancer for one measurement: equal work for all. Keep-alive to the backends,
// X-Forwarded-For, -Proto and -Host, a request id, no access log, the same endpoints, algorithm and routes.

import { stringify } from 'yaml';
import type { Certificate } from './certificate.ts';

export interface Setup {
  readonly port: number;
  readonly adminPort: number;
  readonly endpoints: readonly string[];
  readonly workers: number;
  /** Requests in flight on one connection to a backend; Evenkeel alone can do that. */
  readonly pipelining: number;
  /** 0: everything goes to the pool; n: n prefixes /service-0/ … lead there. */
  readonly routes: number;
  readonly balance: 'round-robin' | 'least-connections';
  readonly folder: string;
  /** Clients come by TLS. */
  readonly tls: Certificate | undefined;
  /** Endpoints speak gRPC: HTTP/2 without TLS. */
  readonly grpc: boolean;
  readonly policy: 'cache' | 'gzip' | undefined;
  readonly filters: readonly unknown[];
  readonly tracing: { readonly otlp: string; readonly sample: number } | undefined;
}

export const routePath = (i: number): string => `/service-${i}/`;
const routesOf = (setup: Setup): string[] => Array.from({ length: setup.routes }, (_, i) => routePath(i));
/** What the others choose with these clients, so that all encrypt alike. */
const CIPHERS = ['TLS_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
/** Idle connections to the backends that are kept: enough for every client at once. */
const KEPT = 2048;

export function evenkeelConfig(setup: Setup): string {
  const { port, adminPort, endpoints, workers, pipelining, balance, tls, grpc } = setup;
  const bind = `127.0.0.1:${port}`;
  const routes = routesOf(setup).map((path) => ({ path: `${path}*`, pool: 'web' }));
  const secure = tls && {
    protocol: 'https',
    tls: { certificates: [{ cert: tls.cert, key: tls.key }], ciphers: CIPHERS },
  };
  const connection = grpc ? {} : { connection: { pipelining } };
  return stringify({
    workers,
    listeners: {
      web: {
        bind,
        ...secure,
        ...(setup.filters.length > 0 ? { filters: setup.filters } : {}),
        ...(routes.length > 0 ? { routes: [...routes, { pool: 'web' }] } : { pool: 'web' }),
      },
    },
    pools: { web: { balance, endpoints, ...connection, ...(grpc ? { protocol: 'h2' } : {}) } },
    admin: { bind: `127.0.0.1:${adminPort}` },
    ...(setup.tracing === undefined ? {} : { tracing: setup.tracing }),
  });
}

export function nginxConfig(setup: Setup): string {
  const { port, endpoints, workers, balance, folder, tls, grpc } = setup;
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const pass = grpc ? 'grpc_pass grpc://web;' : 'proxy_pass http://web;';
  const locations = [...routesOf(setup), '/'].map((path) => `location ${path} { ${pass} }`);
  // Versions of TLS as HAProxy and Node offer them by themselves.
  const secure =
    tls &&
    `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:bench:16m;`;
  const fields = [
    'Host $http_host',
    'X-Forwarded-For $proxy_add_x_forwarded_for',
    'X-Forwarded-Proto $scheme',
    'X-Forwarded-Host $http_host',
    'X-Request-Id $request_id',
  ].map((field) => `${grpc ? 'grpc' : 'proxy'}_set_header ${field};`);
  return `${user} daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes ${workers};
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 75; client_max_body_size 0;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream web { ${balance === 'least-connections' ? 'least_conn;' : ''}
    ${endpoints.map((endpoint) => `server ${endpoint};`).join('\n    ')}
    keepalive ${KEPT}; keepalive_requests 1000000000; }
  proxy_http_version 1.1; proxy_request_buffering off; proxy_set_header Connection "";
  ${fields.join('\n  ')}
  ${policyOf(setup)}
  server { listen 127.0.0.1:${port} ${tls ? 'ssl http2 ' : ''}backlog=4096; ${secure ?? ''}
    ${locations.join('\n    ')} } }
`;
}

/** As its manual says; a cache of the same size, and the same level of compression. */
function policyOf({ policy, folder }: Setup): string {
  if (policy === 'cache')
    return `proxy_cache_path ${folder}/cache levels=1:2 keys_zone=bench:10m max_size=256m; proxy_cache bench;`;
  return policy === 'gzip' ? 'gzip on; gzip_comp_level 5; gzip_types text/html; gzip_proxied any;' : '';
}

export function haproxyConfig(setup: Setup, mapFile: string): string {
  const { port, endpoints, workers, balance, tls, grpc } = setup;
  const secure = tls === undefined ? '' : ` ssl crt ${tls.both} alpn h2,http/1.1`;
  const routed =
    setup.routes > 0 ? `use_backend %[path,map_beg(${mapFile})] if { path,map_beg(${mapFile}) -m found }` : '';
  return `global
  nbthread ${workers}
  maxconn 15000
  no strict-limits
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 30s
  timeout http-keep-alive 75s
  http-reuse always
frontend web
  bind 127.0.0.1:${port} backlog 4096${secure}
  option forwardfor
  unique-id-format %{+X}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header x-request-id
  http-request set-header x-forwarded-proto ${tls ? 'https' : 'http'}
  http-request set-header x-forwarded-host %[req.hdr(host)]
  ${routed}
  default_backend web
backend web
  balance ${balance === 'least-connections' ? 'leastconn' : 'roundrobin'}
  ${endpoints.map((endpoint, i) => `server s${i} ${endpoint}${grpc ? ' proto h2' : ''}`).join('\n  ')}
`;
}

export function haproxyMap(setup: Setup): string {
  return routesOf(setup)
    .map((path) => `${path} web\n`)
    .join('');
}
