// Owns ready-made pool configurations for tests: every field filled in, so that a test names only what it is about.

import type { EndpointConfig, PoolConfig } from '../config/types.ts';

export function endpointConfig(port: number, over: Partial<EndpointConfig> = {}): EndpointConfig {
  return { address: { host: '10.0.0.1', port }, weight: 1, tier: 0, zone: '', maxInFlight: 0, maxRate: 0, ...over };
}

export function poolConfig(over: Partial<PoolConfig> = {}): PoolConfig {
  return {
    name: 'p',
    balance: { kind: 'round-robin', key: { from: 'source' }, options: {} },
    endpoints: [],
    maxInFlight: 0,
    maxRate: 0,
    discover: [],
    filters: [],
    autoscale: undefined,
    health: undefined,
    passive: undefined,
    slowStart: undefined,
    panic: undefined,
    allDown: { status: 503, retryAfterSeconds: 5 },
    zones: 'prefer-own',
    queue: { size: 0, timeoutMs: 1000 },
    retries: {
      attempts: 2,
      backoffMs: 25,
      maxBackoffMs: 250,
      on: { failures: ['connect-failure', 'reset', 'timeout'], status: [] },
      methods: ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'],
      idempotencyKey: false,
      maxRetryAfterMs: 1000,
      budget: 0.2,
      budgetMin: 3,
    },
    breaker: undefined,
    adaptive: undefined,
    connection: {
      connectTimeoutMs: 3000,
      bodyIdleMs: 60000,
      idleMs: 55000,
      maxAgeMs: 3600000,
      maxIdle: 64,
      pipelining: 1,
      streams: 100,
    },
    upgrades: 'least-connections',
    proxyProtocol: undefined,
    affinity: undefined,
    protocol: 'http1',
    tls: undefined,
    ...over,
  };
}

export const PASSIVE = {
  failures: 3,
  windowMs: 30_000,
  ejectMs: 30_000,
  maxEjectMs: 300_000,
  maxEjected: 0.5,
  status: [[500, 599]] as const,
};

export const HEALTH = {
  probe: { kind: 'tcp', send: undefined, expect: undefined } as const,
  intervalMs: 5000,
  timeoutMs: 2000,
  rise: 2,
  fall: 3,
  jitter: 0.1,
  pendingIntervalMs: 1000,
  port: 0,
  proxyHeader: 0 as const,
};

export const BREAKER = {
  scope: 'both',
  errors: 0.5,
  status: [[500, 599]],
  minRequests: 20,
  windowMs: 10_000,
  latency: undefined,
  openMs: 5000,
  halfOpen: 3,
} as const;
