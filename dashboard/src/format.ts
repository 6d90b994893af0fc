// Owns how numbers and times are written: short, always as wide as the last time where that is possible, never "0.30000004".

const NONE = '–';

export function rate(value: number): string {
  if (value === 0) return '0';
  if (value < 10) return value.toFixed(1);
  if (value < 10_000) return String(Math.round(value));
  return value < 1e6 ? `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)}k` : `${(value / 1e6).toFixed(1)}M`;
}

/** A response time. */
export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value < 0.1) return '<0.1 %';
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** For people: 40 s, 5 min, 3 h, 2 days. */
export function span(durationMs: number): string {
  const s = Math.max(0, Math.round(durationMs / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129_600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} days`;
}

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Of `host:port`. */
export const hostOf = (address: string): string => address.replace(/:\d+$/, '');

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

export const clockTime = (at: number): string => CLOCK.format(at);
export const fullTime = (at: number): string => FULL.format(at);

/** `a, b and c` */
export function list(parts: readonly string[]): string {
  if (parts.length < 2) return parts[0] ?? '';
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
