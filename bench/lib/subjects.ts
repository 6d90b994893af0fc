// Owns what is measured: how each balancer is started for a measurement, and which are left out because their program is
// not installed. A subject is one balancer with one setup.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';
import { DEBIAN_PACKAGES, findProgram } from '../../src/testing/programs.ts';
import type { Certificate } from './certificate.ts';
import { startCollector } from './collector.ts';
import { evenkeelConfig, haproxyConfig, haproxyMap, nginxConfig, type Setup } from './configs.ts';
import { BALANCER_CORE } from './cores.ts';
import type { Scope, Started } from './scope.ts';
import { evenkeelTcp, haproxyTcp, nginxStream } from './tcp-configs.ts';

export type Kind =
  | 'evenkeel'
  | 'nginx'
  | 'haproxy'
  | 'varnish'
  | 'node:http'
  | '@fastify/http-proxy'
  | 'httpxy'
  | 'grpc-js';

export interface Subject {
  readonly name: string;
  readonly kind: Kind;
  readonly cores?: string;
  /** Relays bytes instead of requests. */
  readonly tcp?: boolean;
  /** Clients come by TLS, with HTTP/2 or HTTP/1.1 as they like. */
  readonly tls?: boolean;
  /** By HTTP/2, in this measurement. */
  readonly h2?: boolean;
  /** gRPC backends: HTTP/2 without TLS. */
  readonly grpc?: boolean;
  readonly workers?: number;
  readonly pipelining?: number;
  readonly routes?: number;
  readonly balance?: Setup['balance'];
  /** What is done to requests or answers besides. */
  readonly policy?: Setup['policy'];
  /** Evenkeel only. */
  readonly filters?: Setup['filters'];
  /** Evenkeel only: its share of traced requests. */
  readonly tracing?: number;
}

/** What all subjects of a measurement share. */
export interface Behind {
  readonly endpoints: readonly string[];
  readonly certificate?: Certificate | undefined;
}

export interface Running {
  readonly subject: Subject;
  readonly port: number;
  readonly started: Started;
}

const RIVAL_FILES: Partial<Record<Kind, string>> = {
  'node:http': 'node-http.ts',
  '@fastify/http-proxy': 'fastify.ts',
  httpxy: 'httpxy.ts',
  'grpc-js': 'grpc-js.ts',
};
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Why this kind cannot be measured here, or undefined. */
export function missing(kind: Kind): string | undefined {
  const program = kind === 'varnish' ? 'varnishd' : kind;
  if (program !== 'nginx' && program !== 'haproxy' && program !== 'varnishd') return undefined;
  if (findProgram(program) !== undefined) return undefined;
  return `left out: not installed (Debian: apt-get install ${DEBIAN_PACKAGES[program]})`;
}

export async function startSubject(
  scope: Scope,
  subject: Subject,
  { endpoints, certificate }: Behind,
): Promise<Running> {
  const [port, adminPort] = await freePorts(2);
  const { workers = 1, pipelining = 1, routes = 0, balance = 'round-robin', cores = BALANCER_CORE } = subject;
  const folder = scope.folder();
  const { grpc = false, policy, filters = [] } = subject;
  const tracing =
    subject.tracing === undefined ? undefined : { otlp: await startCollector(scope), sample: subject.tracing };
  const tls = subject.tls ? certificate : undefined;
  const setup: Setup = {
    port,
    adminPort,
    endpoints,
    workers,
    pipelining,
    routes,
    balance,
    folder,
    tls,
    grpc,
    policy,
    filters,
    tracing,
  };
  const [program, args] = commandOf(subject.kind, setup, subject.tcp === true);
  const started = scope.start(cores, program, args, { NODE_ENV: 'production' });
  const ended = new Promise<never>((_, reject) =>
    started.child.once('exit', () => reject(new Error(`${subject.name} ended at once: ${started.output()}`))),
  );
  ended.catch(() => undefined);
  await Promise.race([listening(port), ended]);
  return { subject, port, started };
}

function commandOf(kind: Kind, setup: Setup, tcp: boolean): [string, string[]] {
  const { folder, port, endpoints } = setup;
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  switch (kind) {
    case 'evenkeel':
      return [
        process.execPath,
        [
          here('../../bin/evenkeel.js'),
          'run',
          '-c',
          write('evenkeel.yaml', tcp ? evenkeelTcp(setup) : evenkeelConfig(setup)),
        ],
      ];
    case 'nginx':
      return [
        findProgram('nginx')!,
        ['-c', write('nginx.conf', tcp ? nginxStream(setup) : nginxConfig(setup)), '-e', join(folder, 'start.log')],
      ];
    case 'haproxy':
      return [
        findProgram('haproxy')!,
        [
          '-db',
          '-f',
          write('haproxy.cfg', tcp ? haproxyTcp(setup) : haproxyConfig(setup, write('routes.map', haproxyMap(setup)))),
        ],
      ];
    case 'varnish':
      return [
        findProgram('varnishd')!,
        [
          '-F',
          '-n',
          join(folder, 'varnish'),
          '-a',
          `127.0.0.1:${port}`,
          '-b',
          endpoints[0],
          '-s',
          'malloc,256m',
          '-p',
          'thread_pools=1',
        ],
      ];
    default:
      return [
        process.execPath,
        [
          here(`../rivals/${RIVAL_FILES[kind]!}`),
          String(port),
          endpoints.join(','),
          ...(setup.tls === undefined ? [] : [setup.tls.cert, setup.tls.key]),
        ],
      ];
  }
}
