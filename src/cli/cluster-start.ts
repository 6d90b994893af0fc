// Owns starting the part of a running balancer that shares with others: its secret from a file, the age of its own file, its name.

import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { redisForm } from '../config/schema/redis.ts';
import type { ClusterConfig } from '../config/types.ts';
import type { Env } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import type { Balancer, Configurations } from '../runtime/facade.ts';

export interface ClusterStart {
  readonly config: ClusterConfig;
  readonly file: string;
  readonly folder: string;
  readonly env: Env;
  readonly log: Log;
  readonly balancer: Balancer;
  readonly configurations: Configurations;
  readonly version: string;
}

const SHORTEST = 16;

/** It has joined, or goes on alone. The error is for a person. */
export async function joinCluster(start: ClusterStart): Promise<Result<Cluster, string>> {
  const { config, file, folder, ...rest } = start;
  const secret = await secretOf(config, folder);
  if (!secret.ok) return secret;
  const fileTime = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  // Loaded only by those who have one.
  const { Cluster: Part } = await import('../cluster/cluster.ts');
  const where = String(redisForm(config.redis).redis);
  const cluster = new Part({ ...rest, config, fileTime, where, host: hostname(), secret: secret.value });
  await cluster.join();
  return ok(cluster);
}

async function secretOf({ secret, secretFile }: ClusterConfig, folder: string): Promise<Result<string, string>> {
  if (secretFile === '') return ok(secret);
  try {
    const text = (await readFile(resolve(folder, secretFile), 'utf8')).trim();
    return text.length < SHORTEST ? err(`the secret of cluster is shorter than ${SHORTEST} characters`) : ok(text);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return err(`the secret of cluster cannot be read: ${secretFile}: ${code}`);
  }
}
