// Owns the backend's side of health checks, exported as `evenkeel/health`: an endpoint that runs named checks of the
// service's dependencies and answers in the form the balancer's probes read, and a drain that fails the check first and
// then lets requests finish. It depends on no framework, and never tells a client why a check failed.
//
//   serving ──drain()──▶ draining: 503, requests go on ──graceMs──▶ closing: no new connections ──last request──▶ closed
//                                                                       └────────── deadline: cut off ─────────────▲

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { CheckRunner, type Checks, type HealthReport } from './checks.ts';

export type { Check, Checks, HealthReport } from './checks.ts';

export interface HealthEndpointOptions {
  /** By name: a check passes unless it returns false, throws, rejects or takes too long. */
  readonly checks?: Checks;
  /** For each check; 2 s by default, as the balancer's probe. */
  readonly timeoutMs?: number;
  /** Answers younger than that are given again without running the checks; 0 (default) runs them for every probe. */
  readonly cacheMs?: number;
  /** Where `fastify` puts the route; `/health` by default. The other forms are mounted by you. */
  readonly path?: string;
  /** Told why a check failed; the client is not. */
  readonly onFailure?: (name: string, error: unknown) => void;
}

export interface DrainOptions {
  /** How long the endpoint fails before connections are refused, so that balancers can notice first; 10 s by default. */
  readonly graceMs?: number;
  /** How long running requests may take after that; 30 s by default. What is left is cut off. */
  readonly timeoutMs?: number;
}

export interface DrainResult {
  /** False: the deadline passed and connections were cut off. */
  readonly clean: boolean;
}

/** What is needed of a fastify instance; the package itself is not. */
interface FastifyLike {
  get(path: string, handler: (request: unknown, reply: FastifyReplyLike) => Promise<unknown>): unknown;
}
interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  header(name: string, value: string): FastifyReplyLike;
  send(body: unknown): unknown;
}

export interface HealthEndpoint {
  /** For node:http, and as an Express route handler or middleware mounted at a path. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** `app.register(endpoint.fastify)`. */
  readonly fastify: (instance: FastifyLike) => Promise<void>;
  /** Runs the checks (or shares the running ones) without HTTP. */
  report(): Promise<HealthReport>;
  /** Fails the check at once, waits `graceMs`, closes the server, and resolves when running requests have ended. */
  drain(server: Server, options?: DrainOptions): Promise<DrainResult>;
  readonly draining: boolean;
}

const DRAINING: HealthReport = { status: 'draining' };

export function healthEndpoint(options: HealthEndpointOptions = {}): HealthEndpoint {
  const { checks = {}, timeoutMs = 2000, cacheMs = 0, path = '/health', onFailure } = options;
  const runner = new CheckRunner({ checks, timeoutMs, cacheMs, onFailure });
  let draining: Promise<DrainResult> | undefined;
  // Asked again after the checks: a probe that was under way when the drain began must fail too.
  const report = async (): Promise<HealthReport> => {
    if (draining !== undefined) return DRAINING;
    const result = await runner.report();
    return draining === undefined ? result : DRAINING;
  };
  return {
    report,
    get draining() {
      return draining !== undefined;
    },
    handler(request, response) {
      void report().then((result) => reply(request, response, result));
    },
    async fastify(instance) {
      instance.get(path, async (_request, answer) => {
        const result = await report();
        answer.code(statusOf(result)).header('cache-control', 'no-store').send(result);
        return answer;
      });
    },
    drain(server, drainOptions = {}) {
      draining ??= drainServer(server, drainOptions);
      return draining;
    },
  };
}

function statusOf(report: HealthReport): number {
  return report.status === 'healthy' ? 200 : 503;
}

function reply(request: IncomingMessage, response: ServerResponse, report: HealthReport): void {
  if (response.destroyed || response.headersSent) return;
  const body = JSON.stringify(report);
  response.writeHead(statusOf(report), {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    // A draining server asks its balancer to open the next connection elsewhere.
    ...(report.status === 'draining' && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function drainServer(server: Server, options: DrainOptions): Promise<DrainResult> {
  const { graceMs = 10_000, timeoutMs = 30_000 } = options;
  await sleep(graceMs);
  const closed = new Promise<void>((resolve) => {
    // An error says that the server was not listening (any more): then there is nothing to wait for.
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  // A kept connection whose request ends during the drain becomes idle only then.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    deadline = setTimeout(() => resolve('late'), timeoutMs);
  });
  const result = await Promise.race([closed, late]);
  if (result === 'late') {
    server.closeAllConnections();
    await closed;
  }
  clearTimeout(deadline);
  clearInterval(idle);
  return { clean: result !== 'late' };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
