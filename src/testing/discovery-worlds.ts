// Owns, for each kind of discovery, a source that a test can change, break and repair: real files, etcd, Redis and name servers,
// and test doubles of the platforms that Debian has no server of.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisServerAt } from './databases.ts';
import { Etcd } from './etcd.ts';
import { freePorts } from './free-port.ts';
import { type NameServer, nsd } from './nsd.ts';
import { apiDouble, ConsulDouble, DockerDouble, json, KubernetesDouble } from './platform-doubles.ts';

/** Endpoints are hosts with port 80. */
export interface DiscoveryWorld {
  /** A source as a configuration has it. */
  readonly discover: Readonly<Record<string, unknown>>;
  set(hosts: readonly string[]): Promise<void>;
  break(): Promise<void>;
  /** It answers again, with these. */
  repair(hosts: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const at = (host: string): string => `${host}:80`;
const now = Promise.resolve();

export const WORLDS: Readonly<Record<string, () => Promise<DiscoveryWorld>>> = {
  file: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-discover-'));
    const path = join(folder, 'endpoints.yaml');
    const write = (text: string): Promise<void> => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      return now;
    };
    const set = (hosts: readonly string[]): Promise<void> => write(hosts.map((host) => `- ${at(host)}\n`).join(''));
    await set([]);
    return {
      discover: { file: path },
      set,
      break: () => write('- nonsense'),
      repair: set,
      stop: async () => rmSync(folder, { recursive: true }),
    };
  },

  http: async () => {
    let list: readonly string[] = [];
    const double = await apiDouble((_url, request, response) => {
      const etag = `"${list.join()}"`;
      if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
      json(response, list.map(at), { etag });
    });
    const set = async (hosts: readonly string[]): Promise<void> => {
      list = hosts;
    };
    return {
      discover: { http: `http://127.0.0.1:${double.port}/endpoints.json`, interval: '500ms' },
      set,
      break: async () => double.refuse(500),
      repair: async (hosts) => {
        double.refuse(undefined);
        await set(hosts);
      },
      stop: () => double.stop(),
    };
  },

  dns: async () => {
    const [port] = await freePorts(1);
    let server: NameServer | undefined;
    const stop = async (): Promise<void> => {
      await server?.stop();
      server = undefined;
    };
    const set = async (hosts: readonly string[]): Promise<void> => {
      await stop();
      const records = hosts.map((host) => `api A ${host}\n`).join('');
      const text = `$ORIGIN example.test.\n$TTL 1\n@ SOA ns admin 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n${records}`;
      server = await nsd(port, [{ name: 'example.test', text }]);
    };
    return {
      discover: { dns: 'api.example.test:80', resolvers: [`127.0.0.1:${port}`], minTtl: '1s' },
      set,
      break: stop,
      repair: set,
      stop,
    };
  },

  docker: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-docker-'));
    const socket = join(folder, 'docker.sock');
    const double = await DockerDouble.start(socket);
    const set = async (hosts: readonly string[]): Promise<void> =>
      double.set(
        hosts.map((host) => ({ name: `c${host}`, address: host, ports: [80], labels: { 'evenkeel.pool': 'p' } })),
      );
    return {
      discover: { docker: `unix:${socket}` },
      set,
      break: async () => double.api.refuse(500),
      repair: async (hosts) => {
        double.api.refuse(undefined);
        await set(hosts);
      },
      stop: async () => {
        await double.api.stop();
        rmSync(folder, { recursive: true });
      },
    };
  },

  kubernetes: async () => {
    const double = await KubernetesDouble.start();
    const set = async (hosts: readonly string[]): Promise<void> =>
      double.put(
        'web-1',
        hosts.map((address) => ({ address, conditions: { ready: true } })),
      );
    return {
      discover: { kubernetes: 'default/web', server: `http://127.0.0.1:${double.api.port}` },
      set,
      break: async () => double.api.refuse(503),
      repair: async (hosts) => {
        double.api.refuse(undefined);
        await set(hosts);
      },
      stop: () => double.api.stop(),
    };
  },

  consul: async () => {
    const double = await ConsulDouble.start();
    const set = async (hosts: readonly string[]): Promise<void> =>
      double.set(hosts.map((address) => ({ address, port: 80 })));
    return {
      discover: { consul: 'web', server: `http://127.0.0.1:${double.api.port}` },
      set,
      break: async () => double.api.refuse(500),
      repair: async (hosts) => {
        double.api.refuse(undefined);
        await set(hosts);
      },
      stop: () => double.api.stop(),
    };
  },

  etcd: async () => {
    const etcd = await Etcd.start();
    let known: readonly string[] = [];
    const set = async (hosts: readonly string[]): Promise<void> => {
      const gone = known.filter((host) => !hosts.includes(host)).map((host) => `/api/${host}`);
      await etcd.change(Object.fromEntries(hosts.map((host) => [`/api/${host}`, at(host)])), gone);
      known = hosts;
    };
    return {
      discover: { etcd: '/api/', server: etcd.url },
      set,
      break: () => etcd.end(),
      repair: async (hosts) => {
        await etcd.begin();
        await set(hosts);
      },
      stop: () => etcd.stop(),
    };
  },

  redis: async () => {
    const [port] = await freePorts(1);
    let server = await redisServerAt(port);
    const set = async (hosts: readonly string[]): Promise<void> => {
      await redisCommands(port, [['DEL', 'api'], ...hosts.map((host) => ['HSET', 'api', host, at(host)])]);
    };
    return {
      discover: { redis: `redis://127.0.0.1:${port}`, key: 'api', interval: '500ms' },
      set,
      break: () => server.stop(),
      repair: async (hosts) => {
        server = await redisServerAt(port);
        await set(hosts);
      },
      stop: () => server.stop(),
    };
  },
};

/** All of them or none. */
export async function redisCommands(port: number, commands: readonly (readonly string[])[]): Promise<void> {
  const { createClient } = await import('@redis/client');
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => undefined);
  await client.connect();
  const all = client.multi();
  for (const command of commands) all.addCommand([...command]);
  await all.exec();
  client.destroy();
}
