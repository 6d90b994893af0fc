// Owns bringing values into a form that the engine sees whole: it cuts long texts, wide groups and deep ones. Nothing is left out
// here but what lies deeper than anybody looks, which is told.

import { further } from './readings.ts';

/** The engine's own bounds are 4096 bytes, 256 elements and fewer than 20 levels. */
const LONGEST = 1300;
const OVERLAP = 200;
const WIDEST = 250;
const DEEPEST = 7;

export interface Fitted {
  readonly value: unknown;
  /** Some of it lay too deep. */
  readonly cut: boolean;
  /** Names of members, all levels together. */
  readonly names: number;
}

export function fit(value: unknown): Fitted {
  const state = { cut: false, names: 0 };
  return { value: fitted(value, 0, state), ...state };
}

function fitted(value: unknown, depth: number, state: { cut: boolean; names: number }): unknown {
  if (typeof value === 'string') return fitText(further(value));
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) {
    state.cut = true;
    return null;
  }
  if (Array.isArray(value)) return grouped(value.map((one) => fitted(one, depth + 1, state)));
  const entries = Object.entries(value);
  state.names += entries.length;
  return groupOf(entries.map(([name, one]) => [name, fitted(one, depth + 1, state)]));
}

/** An object without a prototype, in several where it is too wide. */
export function groupOf(entries: readonly (readonly [string, unknown])[]): unknown {
  if (entries.length <= WIDEST) return objectOf(entries);
  const parts: unknown[] = [];
  for (let i = 0; i < entries.length; i += WIDEST) parts.push(objectOf(entries.slice(i, i + WIDEST)));
  return grouped(parts);
}

function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const out = Object.create(null) as Record<string, unknown>;
  const long: unknown[] = [];
  for (const [name, value] of entries) {
    out[name.slice(0, LONGEST)] = value;
    if (name.length > LONGEST) long.push(fitText(name));
  }
  if (long.length > 0) out[''] = long;
  return out;
}

function grouped(values: readonly unknown[]): unknown[] {
  let level: unknown[] = [...values];
  while (level.length > WIDEST) {
    const next: unknown[] = [];
    for (let i = 0; i < level.length; i += WIDEST) next.push(level.slice(i, i + WIDEST));
    level = next;
  }
  return level;
}

/** Pieces that overlap, so that what lies across two of them is whole in one. */
export function fitText(text: string | readonly string[]): unknown {
  if (typeof text !== 'string') return grouped(text.map(fitText));
  if (text.length <= LONGEST) return text;
  const pieces: string[] = [];
  for (let i = 0; i < text.length - OVERLAP; i += LONGEST - OVERLAP) pieces.push(text.slice(i, i + LONGEST));
  return grouped(pieces);
}
