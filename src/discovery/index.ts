// Owns the list of kinds of discovery.

import type { DiscoverConfig } from '../config/types.ts';
import { consul } from './consul.ts';
import type { DiscoveryKind } from './discovery.ts';
import { dns } from './dns.ts';
import { docker } from './docker.ts';
import { etcd } from './etcd.ts';
import { file } from './file.ts';
import { http } from './http.ts';
import { kubernetes } from './kubernetes.ts';
import { redis } from './redis.ts';

export const DISCOVERIES: readonly DiscoveryKind[] = [
  file,
  http,
  dns,
  docker,
  kubernetes,
  consul,
  etcd,
  redis,
] as unknown as readonly DiscoveryKind[];

/** Configurations were checked: there is one. */
export function kindOf(name: DiscoverConfig['kind']): DiscoveryKind {
  return DISCOVERIES.find((kind) => kind.name === name)!;
}
