// Owns the written form of autoscaling a pool.

import { z } from 'zod';
import { duration, integer, section, share, shorthand } from '../fields.ts';
import type { CpuSource } from '../types.ts';

const command = z.array(z.string().min(1).max(4096)).min(1).max(100);
const env = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of a variable'), z.string()).default({});

/** `agent:9000`, `json:/health#load.cpu`, `prometheus:/metrics`. */
const source = shorthand(
  { type: 'string', description: 'agent:PORT, json:/path#field or prometheus:/path' },
  (value) => {
    if (typeof value !== 'string') return undefined;
    const agent = /^agent:(\d{1,5})$/.exec(value);
    if (agent !== null) return { kind: 'agent', port: Number(agent[1]) };
    const json = /^json:(\/[^#]*)#(.+)$/.exec(value);
    if (json !== null) return { kind: 'json', path: json[1], field: json[2] };
    const text = /^prometheus:(\/.*)$/.exec(value);
    return text === null ? undefined : { kind: 'prometheus', path: text[1] };
  },
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('agent'), port: integer(1, 65_535) }),
    z.strictObject({ kind: z.literal('json'), path: z.string().startsWith('/'), field: z.string().min(1).max(256) }),
    z.strictObject({ kind: z.literal('prometheus'), path: z.string().startsWith('/') }),
  ]),
);

const processes = section<{ command: string[]; env: Record<string, string>; folder: string; stopMs: number }>({
  command,
  env,
  folder: z.string().default(''),
  stop: duration().default(10_000),
});

const docker = section<{
  image: string;
  command: string[];
  env: Record<string, string>;
  port: number;
  network: string;
  server: string;
  ca: string;
  stopMs: number;
}>({
  image: z.string().min(1).max(512),
  command: z.array(z.string()).default([]),
  env,
  port: integer(1, 65_535),
  network: z.string().default(''),
  server: z.string().default('unix:/var/run/docker.sock'),
  ca: z.string().default(''),
  stop: duration().default(10_000),
});

const kubernetes = z.strictObject({
  resource: z
    .string()
    .regex(/^[a-z0-9-]+\/(?:deployments|statefulsets|replicasets)\/[a-z0-9.-]+$/, 'is no namespace/deployments/name'),
  server: z.string().optional(),
  ca: z.string().default(''),
  tokenFile: z.string().default(''),
  tokenEnv: z.string().default(''),
});

const exec = section<{ command: string[]; timeoutMs: number }>({ command, timeout: duration(100).default(60_000) });

export interface ParsedAutoscale {
  readonly cpu?: number;
  readonly inFlight?: number;
  readonly requests?: number;
  readonly queueTimeMs?: number;
  readonly from?: CpuSource;
  readonly min: number;
  readonly max: number;
  readonly periodMs: number;
  readonly toleranceOut: number;
  readonly toleranceIn: number;
  readonly maxStepOut: number;
  readonly maxStepIn: number;
  readonly cooldownOutMs: number;
  readonly cooldownInMs: number;
  readonly warmUpMs: number;
  readonly stabilisationMs: number;
  readonly drainMs: number;
  readonly dryRun: boolean;
  readonly processes?: z.output<typeof processes>;
  readonly docker?: z.output<typeof docker>;
  readonly kubernetes?: z.output<typeof kubernetes>;
  readonly exec?: z.output<typeof exec>;
}

export const autoscale = section<ParsedAutoscale>({
  cpu: share().optional(),
  inFlight: z.number().positive().optional(),
  requests: z.number().positive().optional(),
  queueTime: duration(1).optional(),
  from: source.optional(),
  min: integer(1, 10_000).default(1),
  max: integer(1, 10_000),
  period: duration(100, 3_600_000).default(15_000),
  toleranceOut: share().default(0.1),
  toleranceIn: share().default(0.2),
  maxStepOut: integer(1, 10_000).default(4),
  maxStepIn: integer(1, 10_000).default(1),
  cooldownOut: duration().default(30_000),
  cooldownIn: duration().default(60_000),
  warmUp: duration().default(30_000),
  stabilisation: duration().default(300_000),
  drain: duration().default(60_000),
  dryRun: z.boolean().default(false),
  processes: processes.optional(),
  docker: docker.optional(),
  kubernetes: kubernetes.optional(),
  exec: exec.optional(),
});
