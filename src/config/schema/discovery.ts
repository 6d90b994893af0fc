// Owns the written form of `discover`: one source, or a list of them. The key that names the kind says where to look
// (`file: endpoints.yaml`); which options a kind has is checked behind the schema.

import { z } from 'zod';
import { address, duration, integer, oneOrMore, section } from '../fields.ts';
import type { DiscoverConfig, DnsDiscover } from '../types.ts';

export const DISCOVER_KINDS = [
  'file',
  'http',
  'dns',
  'docker',
  'kubernetes',
  'consul',
  'etcd',
  'redis',
] as const satisfies readonly DiscoverConfig['kind'][];

export interface ParsedDiscover extends Partial<Record<(typeof DISCOVER_KINDS)[number], string>> {
  readonly type?: DnsDiscover['type'];
  readonly resolvers?: DnsDiscover['resolvers'];
  readonly minTtlMs?: number;
  readonly maxTtlMs?: number;
  readonly port?: string | number;
  readonly label?: string;
  readonly network?: string;
  readonly server?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
  readonly tokenEnv?: string;
  readonly tags?: readonly string[];
  readonly datacenter?: string;
  readonly key?: string;
  readonly intervalMs?: number;
  readonly timeoutMs: number;
  readonly weight: number;
  readonly tier: number;
  readonly zone: string;
  readonly maxInFlight?: number;
  readonly maxRate?: number;
}

const text = (most = 1024) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u, 'holds a control character');

const source = section<ParsedDiscover>({
  ...Object.fromEntries(DISCOVER_KINDS.map((kind) => [kind, text().optional()])),
  type: z.enum(['A', 'AAAA', 'both', 'SRV']).optional(),
  resolvers: oneOrMore(address()).optional(),
  minTtl: duration(1000, 3_600_000).optional(),
  maxTtl: duration(1000, 86_400_000).optional(),
  port: z.union([integer(1, 65_535), text(63)]).optional(),
  label: text(256).optional(),
  network: text(256).optional(),
  server: text().optional(),
  ca: text().optional(),
  tokenFile: text().optional(),
  tokenEnv: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'is no name of an environment variable')
    .optional(),
  tags: oneOrMore(text(256)).optional(),
  datacenter: text(64).optional(),
  key: text().optional(),
  interval: duration(100, 3_600_000).optional(),
  timeout: duration(10, 60_000).default(5000),
  weight: z.number().min(0).max(65_535).default(1),
  tier: integer(0, 100).default(0),
  zone: z.string().default(''),
  maxInFlight: integer(0, 1_000_000_000).optional(),
  maxRate: integer(0, 1_000_000_000).optional(),
});

export const discover = oneOrMore(source).default([]);
