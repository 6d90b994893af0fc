// Owns the filters of one place (a listener, a route, a pool) in the order they are written. Made once a snapshot.

import type { FilterEntry } from '../config/types.ts';
import type { Filter, FilterKind, FilterTools } from './filter.ts';

export interface FilterChain {
  readonly filters: readonly Filter[];
  /** Names of their kinds, for explanations and logs. */
  readonly names: readonly string[];
}

/** Undefined without filters, which costs nothing. `kinds` by name. */
export function buildChain(
  entries: readonly FilterEntry[],
  kinds: ReadonlyMap<string, FilterKind>,
  tools: (index: number) => FilterTools,
): FilterChain | undefined {
  if (entries.length === 0) return undefined;
  const filters = entries.map(({ kind, settings }, i) => {
    const found = kinds.get(kind);
    if (found === undefined) throw new Error(`the filter "${kind}" is not known to this worker`);
    return found.build(settings, tools(i));
  });
  return { filters, names: entries.map(({ kind }) => kind) };
}
