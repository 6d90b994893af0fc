// Owns the written forms of durations (`250ms`, `5s`, `1h`), sizes (`16k`, `1m`) and shares (`20%`).

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE = /^(\d+)(b|k|m|g)?$/i;
const BYTES: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Milliseconds, or undefined. `off` and `0` are 0. */
export function parseDuration(text: string): number | undefined {
  if (text === 'off' || text === '0') return 0;
  const match = DURATION.exec(text);
  return match === null ? undefined : Number(match[1]) * MS[match[2] as keyof typeof MS];
}

/** The shortest exact form. */
export function formatDuration(ms: number): string {
  if (ms === 0) return 'off';
  for (const unit of ['d', 'h', 'm', 's'] as const) if (ms % MS[unit] === 0) return `${ms / MS[unit]}${unit}`;
  return `${ms}ms`;
}

/** Bytes, or undefined. `off` is 0. */
export function parseSize(text: string): number | undefined {
  if (text === 'off') return 0;
  const match = SIZE.exec(text);
  return match === null ? undefined : Number(match[1]) * BYTES[(match[2] ?? 'b').toLowerCase()];
}

export function formatSize(bytes: number): string {
  if (bytes === 0) return 'off';
  for (const unit of ['g', 'm', 'k']) if (bytes % BYTES[unit] === 0) return `${bytes / BYTES[unit]}${unit}`;
  return String(bytes);
}

/** `20%` or 0.2, as a number from 0 to 1; undefined otherwise. */
export function parseShare(value: unknown): number | undefined {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value) : null;
  const share = match === null ? value : Number(match[1]) / 100;
  return typeof share === 'number' && share >= 0 && share <= 1 ? share : undefined;
}
