// Owns the admin HTTP server: metrics and status for operators and Prometheus, and the purging of caches. Loopback only, and on
// the main thread, so that a slow scrape never touches traffic. It sees the balancer through its facade alone.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Address } from '../core/address.ts';
import type { Balancer, Purge } from '../runtime/facade.ts';

interface Page {
  readonly type: string;
  readonly body: string;
  readonly status?: number;
}

const TEXT = 'text/plain; charset=utf-8';

/** Names under which a browser may reach a loopback server; others are DNS rebinding. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

export class AdminServer {
  readonly #balancer: Balancer;
  readonly #server: Server;

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
    this.#server = createServer(
      { maxHeaderSize: 16_384, headersTimeout: 5000, requestTimeout: 5000 },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    this.#server.maxConnections = 256;
  }

  listen(bind: Address): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: bind.host, port: bind.port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => undefined);
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let page: Page;
    try {
      page = await this.#page(request);
    } catch {
      page = { status: 500, type: TEXT, body: 'internal error\n' };
    }
    response.writeHead(page.status ?? 200, {
      'content-type': page.type,
      'content-length': Buffer.byteLength(page.body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
    });
    response.end(request.method === 'HEAD' ? undefined : page.body);
  }

  async #page(request: IncomingMessage): Promise<Page> {
    if (!LOOPBACK_HOST.test(request.headers.host ?? ''))
      return { status: 403, type: TEXT, body: 'ask by a loopback name\n' };
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/cache/purge') return this.#purge(request, searchParams);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return { status: 405, type: TEXT, body: 'read-only: use GET\n' };
    switch (pathname) {
      case '/metrics':
        return { type: 'text/plain; version=0.0.4; charset=utf-8', body: this.#balancer.metrics() };
      case '/status':
        return { type: 'application/json', body: `${JSON.stringify(await this.#balancer.status(), null, 2)}\n` };
      case '/latency':
        return { type: 'application/json', body: `${JSON.stringify(this.#balancer.latency())}\n` };
      case '/':
        return {
          type: TEXT,
          body: 'Evenkeel admin\n\n/status    everything there is to see, as JSON\n/metrics   Prometheus text\n/latency   how far client networks are, as measured here; JSON\n/cache/purge   POST, with url=, prefix=, tag= or all=1, and the field X-Evenkeel: 1\n',
        };
      default:
        return { status: 404, type: TEXT, body: 'not found; there are /status, /metrics, /latency and /cache/purge\n' };
    }
  }

  async #purge(request: IncomingMessage, query: URLSearchParams): Promise<Page> {
    if (request.method !== 'POST') return { status: 405, type: TEXT, body: 'use POST\n' };
    // Pages of other sites can send forms here from an operator's browser, but none of these fields without asking first.
    const { origin, 'x-evenkeel': own, 'content-type': type = '' } = request.headers;
    const site = request.headers['sec-fetch-site'] ?? 'none';
    const isOurs = own === '1' || /^application\/json(?:;|$)/i.test(type);
    if (!isOurs || origin !== undefined || (site !== 'none' && site !== 'same-origin'))
      return { status: 403, type: TEXT, body: 'not for browsers: send the field X-Evenkeel: 1\n' };
    const what = purgeOf(query);
    if (what === undefined)
      return {
        status: 400,
        type: TEXT,
        body: 'say one of url=http://host/path, prefix=http://host/, tag=NAME, all=1\n',
      };
    return { type: 'application/json', body: `${JSON.stringify({ purged: await this.#balancer.purge(what) })}\n` };
  }
}

/** Undefined: it is not said what, or several things are. */
function purgeOf(query: URLSearchParams): Purge | undefined {
  const said = [...query];
  if (said.length !== 1) return undefined;
  const [[name, value]] = said;
  if (value === '') return undefined;
  switch (name) {
    case 'url':
      return { key: addressOf(value) };
    case 'prefix':
      return { prefix: addressOf(value) };
    case 'tag':
      return { tag: value };
    case 'all':
      return value === '1' || value === 'true' ? { all: true } : undefined;
    default:
      return undefined;
  }
}

/** As keys are: the host in lower case, without the usual port. What is no address may be a key of somebody's own. */
function addressOf(text: string): string {
  const match = /^(https?):\/\/(\[[^\]/]*\]|[^/:?#]+)(:\d+)?(\/[^#]*)?(?:#.*)?$/i.exec(text);
  if (match === null) return text;
  const scheme = match[1].toLowerCase();
  const port = match[3] === (scheme === 'https' ? ':443' : ':80') ? '' : (match[3] ?? '');
  return `${scheme}://${match[2].toLowerCase()}${port}${match[4] ?? '/'}`;
}
