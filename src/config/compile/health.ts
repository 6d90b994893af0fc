// Owns the step from a parsed health policy to the normalized one.

import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { HealthConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { compileProbe } from './probe.ts';

type ParsedPool = ParsedDocument['pools'][string];

const PRESET_INTERVALS = { critical: 2000, standard: 10_000, background: 60_000, none: 5000 } as const;

/** `path` is the pool's. */
export function compileHealth(
  { health, proxyProtocol, protocol, tls }: Pick<ParsedPool, 'health' | 'proxyProtocol' | 'protocol' | 'tls'>,
  path: Path,
  findings: Findings,
): HealthConfig | undefined {
  if (health == null) return undefined;
  const { preset, intervalMs, pendingIntervalMs, timeoutMs, rise, fall, jitter, port } = health;
  const interval = intervalMs ?? PRESET_INTERVALS[preset ?? 'none'];
  return {
    probe: compileProbe(health, { tls: tls ?? undefined, h2: protocol === 'h2' }, [...path, 'health'], findings),
    intervalMs: interval,
    pendingIntervalMs: pendingIntervalMs ?? Math.min(1000, interval),
    timeoutMs,
    rise,
    fall,
    jitter,
    port,
    // Another port is another service, which knows nothing of headers.
    proxyHeader: port === 0 ? (proxyProtocol?.version ?? 0) : 0,
  };
}
