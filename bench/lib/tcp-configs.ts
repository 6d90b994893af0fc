// Owns the configuration of each balancer as a TCP relay: round robin over the same endpoints, no log.

import { stringify } from 'yaml';
import type { Setup } from './configs.ts';

export function evenkeelTcp({ port, adminPort, endpoints, workers }: Setup): string {
  return stringify({
    workers,
    listeners: { relay: { bind: `127.0.0.1:${port}`, protocol: 'tcp', pool: 'servers' } },
    pools: { servers: { endpoints } },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
}

export function nginxStream({ port, endpoints, workers, folder }: Setup): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
${user} daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes ${workers};
worker_rlimit_nofile 65000;
events { worker_connections 32768; }
stream { upstream servers { ${endpoints.map((endpoint) => `server ${endpoint};`).join(' ')} }
  server { listen 127.0.0.1:${port} backlog=4096; proxy_pass servers; } }
`;
}

export function haproxyTcp({ port, endpoints, workers }: Setup): string {
  return `global
  nbthread ${workers}
  maxconn 30000
  no strict-limits
defaults
  mode tcp
  timeout connect 3s
  timeout client 600s
  timeout server 600s
listen relay
  bind 127.0.0.1:${port} backlog 4096
  balance roundrobin
  ${endpoints.map((endpoint, i) => `server s${i} ${endpoint}`).join('\n  ')}
`;
}
