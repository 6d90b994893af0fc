// Owns Redis as more than one real server: a master with a replica that sentinels watch, and a cluster; on loopback, ended with
// the test.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, redisSentinelAt, redisServerAt } from './databases.ts';
import { freePorts } from './free-port.ts';

export interface RedisSet {
  readonly servers: readonly Database[];
  readonly url: string;
  stop(): Promise<void>;
}

const cli = (...args: readonly string[]): string =>
  execFileSync('redis-cli', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}`);
}

/** A master, a replica, two sentinels that agree by themselves; a dead master is replaced within about two seconds. */
export async function sentinelSet(): Promise<RedisSet> {
  const [master, replica, ...watchers] = await freePorts(4);
  const servers = [
    await redisServerAt(master, '--repl-diskless-sync-delay', '0'),
    await redisServerAt(replica, '--replicaof', '127.0.0.1', String(master)),
  ];
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-sentinel-'));
  for (const port of watchers) {
    const file = join(folder, `${port}.conf`);
    const lines = ['down-after-milliseconds main 500', 'failover-timeout main 2000', 'parallel-syncs main 1'];
    writeFileSync(
      file,
      [`sentinel monitor main 127.0.0.1 ${master} 2`, ...lines.map((line) => `sentinel ${line}`), ''].join('\n'),
    );
    servers.push(await redisSentinelAt(port, file));
  }
  await until(() => cli('-p', `${replica}`, 'info', 'replication').includes('master_link_status:up'), 'it replicates');
  for (const port of watchers) {
    const facts = (): string => cli('-p', `${port}`, 'sentinel', 'master', 'main').replace(/\n/g, ' ');
    await until(() => / num-slaves 1 /.test(facts()) && / num-other-sentinels 1 /.test(facts()), 'sentinels know all');
  }
  const url = `redis+sentinel://${watchers.map((port) => `127.0.0.1:${port}`).join(',')}/main`;
  return { servers, url, stop: () => end(servers, folder) };
}

async function end(servers: readonly Database[], folder?: string): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** Three masters without replicas. */
export async function redisCluster(): Promise<RedisSet> {
  // Beside each port is one for the nodes among themselves, which must be told as well where 10,000 more is no port.
  const ports = await freePorts(6);
  const servers = await Promise.all(
    [0, 1, 2].map((i) =>
      redisServerAt(
        ports[i],
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        `${ports[i + 3]}`,
        '--cluster-require-full-coverage',
        'no',
      ),
    ),
  );
  const nodes = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`);
  cli('--cluster', 'create', ...nodes, '--cluster-yes');
  await until(
    () => ports.slice(0, 3).every((port) => cli('-p', `${port}`, 'cluster', 'info').includes('cluster_state:ok')),
    'the cluster is well',
  );
  return { servers, url: `redis+cluster://${nodes.join(',')}`, stop: () => end(servers) };
}
