// Owns what a kind of filter says about its settings: how they are written, what must be true of them, and the way back.

import type { z } from 'zod';
import type { Findings } from '../compile/findings.ts';
import type { Path } from '../issues.ts';
import { formatDuration, formatSize } from '../units.ts';

/** What else the configuration holds, as far as settings may name it. */
export interface Surroundings {
  readonly pools: readonly string[];
  /** Names of caches. */
  readonly caches: readonly string[];
  /** Names of filters that a TypeScript configuration brings along. */
  readonly own: readonly string[];
}

export interface FilterForm<S = unknown> {
  /** As the file here and in `http/filters/`. */
  readonly name: string;
  readonly schema: z.ZodType<S>;
  /** It can be written as a bare word. */
  readonly bare?: boolean;
  /** It answers every request: behind it, a route needs no pool. */
  readonly answers?: boolean;
  check?(settings: S, path: Path, findings: Findings, around: Surroundings): void;
  /** Settings as somebody could have written them; `plainly` when this is missing. */
  write?(settings: S): unknown;
  /** Pools that requests may be sent to by it. */
  pools?(settings: S): readonly string[];
}

/** Durations and sizes with their units, groups within groups. */
export function plainly(settings: unknown): unknown {
  if (Array.isArray(settings)) return settings.map(plainly);
  if (typeof settings !== 'object' || settings === null) return settings;
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    if (typeof value === 'number' && key.endsWith('Ms')) out[key.slice(0, -2)] = formatDuration(value);
    else if (typeof value === 'number' && key.endsWith('Bytes')) out[key.slice(0, -5)] = formatSize(value);
    else out[key] = plainly(value);
  }
  return out;
}
