// Owns a small shop behind a balancer, with real backends of different speed and real traffic: what tests of the dashboard look at.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type AdminWorld, adminWorld } from './admin.ts';
import { type Load, startLoad } from './load.ts';

export interface Backend {
  readonly server: Server;
  readonly address: string;
  /** Changed while it runs. */
  delayMs: number;
  /** Answered so far. */
  answered: number;
}

export async function startBackend(t: TestContext, delayMs: number): Promise<Backend> {
  const server = createServer((request, response) => {
    if (request.url === '/health') return void response.end('ok');
    const slow = request.url?.startsWith('/slow') === true ? 4000 : backend.delayMs;
    setTimeout(
      () => {
        backend.answered++;
        response.end('hello');
      },
      slow * (0.8 + Math.random() * 0.4),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const backend: Backend = { server, address: `127.0.0.1:${port}`, delayMs, answered: 0 };
  return backend;
}

export interface Shop {
  readonly world: AdminWorld;
  /** Of the pool `api`: two fast ones and a slow one. */
  readonly api: readonly Backend[];
  readonly web: readonly Backend[];
  readonly port: number;
  readonly load: Load;
  /** As it was configured. */
  readonly document: Readonly<Record<string, unknown>>;
}

export async function startShop(
  t: TestContext,
  { admin = {} as Readonly<Record<string, unknown>> } = {},
): Promise<Shop> {
  const api = await Promise.all([4, 6, 60].map((ms) => startBackend(t, ms)));
  const web = await Promise.all([3, 3].map((ms) => startBackend(t, ms)));
  const document = {
    listeners: {
      shop: {
        bind: '127.0.0.1:0',
        routes: [
          { name: 'api', path: '/api/*', pool: 'api' },
          { name: 'slow', path: '/slow', pool: 'api' },
          { name: 'pages', pool: 'web' },
        ],
      },
    },
    pools: {
      api: {
        balance: 'least-connections',
        endpoints: api.map(({ address }) => address),
        health: { http: '/health', interval: '1s' },
      },
      web: { endpoints: web.map(({ address }) => address), health: false },
    },
    sites: {
      eu: { addresses: '203.0.113.1', pool: 'api', location: [50.1, 8.7] },
      us: { addresses: '203.0.113.2', pool: 'web', location: [39, -77.5] },
    },
  };
  const world = await adminWorld(t, document, { admin });
  const { port } = (await world.runtime.status()).listeners[0];
  const load = startLoad(port, { clients: 6, path: '/api/items', pauseMs: 20, mostMs: 120_000 });
  const pages = startLoad(port, { clients: 2, path: '/', pauseMs: 40, mostMs: 120_000 });
  t.after(async () => {
    await load.stop();
    await pages.stop();
  });
  return { world, api, web, port, load, document };
}
