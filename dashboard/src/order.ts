// Owns the order of endpoints in a table. It follows the numbers, but holds still while somebody points at it or is inside with the
// keyboard, so that nobody drains the wrong one.

import type { EndpointRow } from './rows.ts';

export type SortKey = 'slowest' | 'address' | 'share' | 'rate' | 'inFlight' | 'errors' | 'weight' | 'state';
export type StateFilter = 'all' | 'serving' | 'out' | 'slow' | 'draining';

const nameOf = new Intl.Collator('en', { numeric: true });
const byAddress = (a: EndpointRow, b: EndpointRow): number => nameOf.compare(a.address, b.address);
/** Slow ones, then those that are out though nobody said so, then all others, then those that operators took out. */
const rank = ({ slow, state, serves }: EndpointRow): number => {
  if (slow > 0) return 0;
  if (serves) return 2;
  return state === 'down' || state === 'ejected' ? 1 : 3;
};
const less = (a: number, b: number): number => (b || 0) - (a || 0);

const ORDERS: Readonly<Record<SortKey, (a: EndpointRow, b: EndpointRow) => number>> = {
  slowest: (a, b) => rank(a) - rank(b) || less(a.pace, b.pace) || byAddress(a, b),
  address: byAddress,
  share: (a, b) => less(a.smoothShare, b.smoothShare) || byAddress(a, b),
  rate: (a, b) => less(a.smoothRate, b.smoothRate) || byAddress(a, b),
  inFlight: (a, b) => less(a.inFlight, b.inFlight) || byAddress(a, b),
  errors: (a, b) => less(a.errors, b.errors) || byAddress(a, b),
  weight: (a, b) => less(a.weight, b.weight) || byAddress(a, b),
  state: (a, b) => nameOf.compare(a.state, b.state) || byAddress(a, b),
};

export function matches(row: EndpointRow, text: string, filter: StateFilter): boolean {
  const isIn =
    filter === 'all' ||
    (filter === 'serving' && row.serves) ||
    (filter === 'out' && !row.serves) ||
    (filter === 'slow' && row.slow > 0) ||
    (filter === 'draining' && row.state === 'draining');
  if (!isIn) return false;
  if (text === '') return true;
  const { address, state, report } = row;
  return `${address} ${state} ${report.zone} ${report.origin}`.toLowerCase().includes(text);
}

/** `held`: the order as it was; who is new comes last. */
export function inOrder(
  endpoints: readonly EndpointRow[],
  {
    text,
    filter,
    sort,
    held,
  }: { text: string; filter: StateFilter; sort: SortKey; held: readonly string[] | undefined },
): EndpointRow[] {
  const found = endpoints.filter((row) => matches(row, text, filter));
  if (held === undefined) return found.sort(ORDERS[sort]);
  const at = new Map(held.map((id, i) => [id, i]));
  return found.sort((a, b) => (at.get(a.id) ?? held.length) - (at.get(b.id) ?? held.length));
}
