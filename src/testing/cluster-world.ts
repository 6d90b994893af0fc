// Owns several real balancers that share a real Redis, on loopback: what scenarios of clusters begin with.

import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { BalancerProcess } from './balancer-process.ts';
import { freePorts } from './free-port.ts';

export const SECRET = 'known to all of these';

export interface Node {
  readonly process: BalancerProcess;
  readonly name: string;
  readonly port: number;
  readonly admin: number;
}

export interface WorldOptions {
  readonly url: string;
  readonly count?: number;
  /** Beside `cluster`, `admin` and the listener `web`. */
  readonly document: (index: number) => Readonly<Record<string, unknown>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly web?: Readonly<Record<string, unknown>>;
}

export async function clusterNodes(t: TestContext, options: WorldOptions): Promise<readonly Node[]> {
  const { url, count = 3, document, cluster = {}, web = { pool: 'web' } } = options;
  const ports = await freePorts(count * 2);
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Node> => {
      const name = `node-${'abcdef'[i]}`;
      const [port, admin] = [ports[2 * i], ports[2 * i + 1]];
      const written = {
        workers: 1,
        admin: `127.0.0.1:${admin}`,
        cluster: { redis: url, node: name, secret: SECRET, ...cluster },
        listeners: { web: { bind: `127.0.0.1:${port}`, ...web } },
        ...document(i),
      };
      const process = await BalancerProcess.start(written, { adminPort: admin });
      t.after(() => process.stop('SIGKILL'));
      return { process, name, port, admin };
    }),
  );
  await until(async () => (await clusterOf(nodes[0])).nodes.length === count, 'all have joined');
  return nodes;
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
export async function clusterOf({ admin }: Pick<Node, 'admin'>): Promise<any> {
  const response = await fetch(`http://127.0.0.1:${admin}/api/v1/cluster`);
  return response.json();
}

/** State of the endpoint on each node. */
export function statesOf(nodes: readonly Node[], pool: string, index = 0): Promise<readonly string[]> {
  return Promise.all(
    nodes.map(async ({ process }) => {
      const { pools } = await process.status();
      return pools.find(({ name }) => name === pool)!.endpoints[index].state;
    }),
  );
}

export interface Backend {
  readonly address: string;
  readonly server: Server;
  /** When it was asked for its health. */
  readonly probes: number[];
  healthy: boolean;
}

export async function backend(t: TestContext): Promise<Backend> {
  const probes: number[] = [];
  const server = createServer((asked, response) => {
    if (asked.url !== '/health') return void response.end('ok');
    probes.push(performance.now());
    response.statusCode = self.healthy ? 200 : 503;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => void server.close());
  const self = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server, probes, healthy: true };
  return self;
}

export const get = (port: number, agent?: import('node:http').Agent): Promise<number> =>
  new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    });
    asked.on('error', () => resolve(0));
    asked.end();
  });

export async function until(holds: () => boolean | Promise<boolean>, what: string, ms = 15_000): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > ms) throw new Error(`never: ${what}`);
    await pause(10);
  }
  return performance.now() - began;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
