// Owns the written form of active and passive checks.

import { z } from 'zod';
import { duration, integer, isOff, section, share, shorthand, statuses } from '../fields.ts';
import type { HttpProbeConfig, PassiveConfig } from '../types.ts';
import { textMatch } from './match.ts';
import { grpcProbe, mysqlProbe, postgresProbe, redisProbe, smtpProbe, tcpProbe, tlsProbe, udpProbe } from './probes.ts';

export interface HealthInput {
  readonly http?: Omit<HttpProbeConfig, 'kind' | 'transport'>;
  readonly grpc?: z.infer<typeof grpcProbe>;
  readonly tcp?: z.infer<typeof tcpProbe>;
  readonly udp?: z.infer<typeof udpProbe>;
  readonly tls?: z.infer<typeof tlsProbe>;
  readonly redis?: z.infer<typeof redisProbe>;
  readonly mysql?: z.infer<typeof mysqlProbe>;
  readonly postgres?: z.infer<typeof postgresProbe>;
  readonly smtp?: z.infer<typeof smtpProbe>;
  readonly preset?: 'critical' | 'standard' | 'background';
  readonly intervalMs?: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly jitter: number;
  readonly pendingIntervalMs?: number;
  readonly port: number;
}

const httpProbe = shorthand(
  { type: 'string', description: 'path, such as /health' },
  (value) => (typeof value === 'string' ? { path: value } : undefined),
  z.strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'must begin with "/" and hold no spaces')
      .default('/'),
    method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET'),
    host: z.string().default(''),
    headers: z.record(z.string(), z.string()).default({}),
    status: statuses().default([[200, 399]]),
    body: textMatch.optional(),
  }),
);

export const health = shorthand(
  { enum: [false, 'off'], description: 'or a path to probe by HTTP' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { http: value } : undefined),
  section<HealthInput>({
    http: httpProbe.optional(),
    grpc: grpcProbe,
    tcp: tcpProbe,
    udp: udpProbe,
    tls: tlsProbe,
    redis: redisProbe,
    mysql: mysqlProbe,
    postgres: postgresProbe,
    smtp: smtpProbe,
    preset: z.enum(['critical', 'standard', 'background']).optional(),
    interval: duration(10).optional(),
    timeout: duration(1).default(2000),
    rise: integer(1, 1000).default(2),
    fall: integer(1, 1000).default(3),
    jitter: share().default(0.1),
    pendingInterval: duration(10).optional(),
    port: integer(0, 65_535).default(0),
  }).nullable(),
);

export const passive = shorthand(
  { enum: [false, 'off'] },
  (value) => (isOff(value) ? null : undefined),
  section<PassiveConfig>({
    failures: integer(1, 10_000).default(3),
    window: duration(1).default(30_000),
    eject: duration(1).default(30_000),
    maxEject: duration(1).default(300_000),
    maxEjected: share().default(0.5),
    status: statuses().default([]),
  }).nullable(),
);
