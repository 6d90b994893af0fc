// Owns the backends of a measurement: one nginx process that listens on three ports (or on a thousand loopback addresses),
// on the load generator's core, and answers small pages, 1 MiB downloads, uploads that it reads to the end, and an echo of
// what the balancer told it.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';
import { findProgram } from '../../src/testing/programs.ts';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';

export const SMALL_BODY = `${'evenkeel '.repeat(8).slice(0, 64)}\n`;
export const LARGE_BYTES = 1024 * 1024;
/** What a cache keeps: a page of 4 KiB. */
export const PAGE = 'evenkeel cache '.repeat(273);
/** What is worth compressing: 32 KiB of English as pages have it. */
export const TEXT = Array.from(
  { length: 480 },
  (_, i) => `<p>Paragraph ${i} says ${(i * 7919) % 1000} things about load.</p>\n`,
).join('');
const PORTS = 3;

export interface Backends {
  /** host:port of every endpoint. */
  readonly endpoints: readonly string[];
}

/** `count` 3: three ports; more: that many addresses in 127.0.0.0/8 over three ports. */
export async function startBackends(scope: Scope, count = PORTS): Promise<Backends> {
  const ports = await freePorts(PORTS);
  const endpoints = Array.from({ length: count }, (_, i) => `${hostOf(i)}:${ports[i % PORTS]}`);
  const folder = scope.folder();
  writeFileSync(join(folder, 'large'), randomBytes(LARGE_BYTES));
  writeFileSync(join(folder, 'page'), PAGE);
  writeFileSync(join(folder, 'text'), TEXT);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configOf(folder, [...new Set([...ports.map((port) => `127.0.0.1:${port}`), ...endpoints])]));
  const started = scope.start(LOAD_CORE, findProgram('nginx')!, ['-c', file, '-e', join(folder, 'start.log')]);
  await Promise.race([
    listening(ports[0]),
    new Promise((_, reject) =>
      started.child.once('exit', () => reject(new Error(`backends: nginx ended: ${started.output()}`))),
    ),
  ]);
  return { endpoints };
}

/** The first three are on 127.0.0.1; beyond them each endpoint has an address of its own. */
function hostOf(i: number): string {
  return i < PORTS ? '127.0.0.1' : `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`;
}

function configOf(folder: string, addresses: readonly string[]): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const echo = ['x_forwarded_for', 'x_forwarded_proto', 'x_forwarded_host', 'x_request_id'].map(
    (name) => `$http_${name}`,
  );
  return `${user} daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600; sendfile on;
  client_max_body_size 0; client_body_buffer_size 2m; client_body_temp_path ${folder}; proxy_temp_path ${folder};
  fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    ${addresses.map((address) => `listen ${address} backlog=4096;`).join('\n    ')}
    location / { return 200 "${SMALL_BODY.trimEnd()}\\n"; }
    location = /cached { add_header Cache-Control "public, max-age=3600"; types { } default_type text/plain; alias ${folder}/page; }
    location = /text { types { } default_type text/html; alias ${folder}/text; }
    location = /large { alias ${folder}/large; }
    location = /echo { return 200 "${echo.join('|')}|$connection_requests"; }
    # The mirror makes nginx read the whole body before it answers; the page itself allows no POST, hence the detour.
    location = /upload { mirror /sink; error_page 405 =200 @done; empty_gif; }
    location = /sink { internal; return 204; }
    location @done { return 200 "$content_length"; }
  } }
`;
}
