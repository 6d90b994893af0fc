// Owns the socket of the admin API: binding, bounds, TLS, closing. What is answered is app.ts. On the main thread, so that a slow
// scrape never touches traffic.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import type { Address } from '../core/address.ts';
import type { Balancer, ClusterControl, Configurations, Result } from '../runtime/facade.ts';
import { buildApp } from './app.ts';
import { Audit, type AuditEntry } from './audit.ts';
import { Gate, type Token } from './auth.ts';
import type { Pages } from './context.ts';
import { LiveSampler } from './live.ts';

export interface AdminOptions {
  readonly balancer: Balancer;
  readonly configurations?: Configurations | undefined;
  readonly cluster?: ClusterControl | undefined;
  readonly tokens: readonly Token[];
  /** PEM; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly configSchema: () => object;
  readonly pages: Pages;
  readonly now: () => number;
  /** Starts a successor of this process; its process id, or why not. */
  readonly restart?: (() => Promise<Result<number, string>>) | undefined;
  /** Why nothing may be changed just now; '' when it may. */
  readonly busy?: (() => string) | undefined;
  /** How pools are scaled. */
  readonly autoscale?: (() => readonly object[]) | undefined;
  readonly onAudit: (entry: AuditEntry) => void;
}

const BOUNDS = { maxHeaderSize: 16_384, headersTimeout: 5000, requestTimeout: 30_000 };

export class AdminServer {
  readonly #server: Server;
  readonly #live: LiveSampler;
  readonly #gate: Gate;

  constructor(options: AdminOptions) {
    const { balancer, configurations, cluster, tokens, tls, configSchema, pages, now } = options;
    this.#live = new LiveSampler(balancer);
    this.#gate = new Gate(tokens);
    const { restart, busy, autoscale, onAudit } = options;
    const own = { restart, busy, autoscale, live: this.#live, gate: this.#gate };
    const parts = { balancer, configurations, cluster, configSchema, pages, now, ...own };
    const app = buildApp({ ...parts, audit: new Audit(onAudit) });
    const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false }) as RequestListener;
    this.#server = tls === undefined ? createServer(BOUNDS, answer) : createTlsServer({ ...BOUNDS, ...tls }, answer);
    this.#server.maxConnections = 256;
  }

  /** Who may come in from now on. */
  setTokens(tokens: readonly Token[]): void {
    this.#gate.setTokens(tokens);
  }

  /** `given`: a socket of this process that listens there already. */
  listen(bind: Address, given?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(given === undefined ? { host: bind.host, port: bind.port } : { fd: given }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => undefined);
        this.#live.start();
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** -1 when it is not known. */
  get fd(): number {
    return (this.#server as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
  }

  close(): Promise<void> {
    this.#live.stop();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
