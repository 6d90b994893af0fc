// Owns what must be true of filters where they stand.

import type { Surroundings } from '../filters/form.ts';
import { filterForm } from '../filters/index.ts';
import type { Path } from '../issues.ts';
import type { FilterEntry } from '../types.ts';
import type { Findings } from './findings.ts';

export function checkFilters(
  filters: readonly FilterEntry[],
  path: Path,
  findings: Findings,
  around: Surroundings,
): void {
  for (const [i, { kind, settings }] of filters.entries()) {
    const form = filterForm(kind);
    form?.check?.(settings, [...path, i, kind], findings, around);
    if (form?.answers === true && i < filters.length - 1)
      findings.add([...path, i + 1], `is never reached: "${kind}" before it answers every request`);
  }
}

/** Some filter answers whatever gets there. */
export function answersAll(filters: readonly FilterEntry[]): boolean {
  return filters.some(({ kind }) => filterForm(kind)?.answers === true);
}
