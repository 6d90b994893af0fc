// Owns the step from a parsed health policy to the normalized one.

import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { HealthConfig } from '../types.ts';
import type { Findings } from './findings.ts';

type ParsedPool = ParsedDocument['pools'][string];

const PRESET_INTERVALS = { critical: 2000, standard: 10_000, background: 60_000, none: 5000 } as const;

export function compileHealth(
  health: NonNullable<ParsedPool['health']> | undefined,
  path: Path,
  findings: Findings,
): HealthConfig | undefined {
  if (health === undefined) return undefined;
  const { http, tcp, preset, intervalMs, pendingIntervalMs, timeoutMs, rise, fall, jitter, port } = health;
  if (http !== undefined && tcp === true)
    findings.add([...path, 'health'], 'has both "http" and "tcp"; a pool has one kind of probe');
  const interval = intervalMs ?? PRESET_INTERVALS[preset ?? 'none'];
  if (http?.body !== undefined) findings.match(http.body, [...path, 'health', 'http', 'body']);
  if (http?.host !== undefined && /[\r\n\0]/.test(http.host))
    findings.add([...path, 'health', 'http', 'host'], 'holds a control character');
  for (const [key, value] of Object.entries(http?.headers ?? {})) {
    const bad = !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(key) || /[\r\n\0]/.test(value);
    if (bad) findings.add([...path, 'health', 'http', 'headers', key], 'is no valid header field');
  }
  return {
    probe: http === undefined ? { kind: 'tcp' } : { kind: 'http', ...http },
    intervalMs: interval,
    pendingIntervalMs: pendingIntervalMs ?? Math.min(1000, interval),
    timeoutMs,
    rise,
    fall,
    jitter,
    port,
  };
}
