// Owns the table of a pool's endpoints: a thousand of them, of which those rows exist that can be seen.

import { useEffect, useRef, useState } from 'preact/hooks';
import { inOrder, type SortKey, type StateFilter } from '../order.ts';
import type { EndpointRow, PoolRow } from '../rows.ts';
import { mayOperate, tick } from '../store.ts';
import { Empty } from './empty.tsx';
import { EndpointLine } from './endpoint-line.tsx';
import { mover } from './keys.ts';
import { useWindow } from './window.ts';

/** As the style sheet has it. */
const narrow = matchMedia('(max-width: 820px)');
const rowHeight = (): number => (narrow.matches ? 52 : 44);
/** The order follows the numbers so often, in ms: rows that jump about cannot be read. */
const REORDER_MS = 3000;
const FIRST_MS = 12_000;

export interface Filters {
  readonly text: string;
  readonly filter: StateFilter;
  readonly sort: SortKey;
}

interface Props extends Filters {
  readonly pool: PoolRow;
  readonly open: string | undefined;
  readonly onSort: (key: SortKey) => void;
}

const COLUMNS: readonly (readonly [key: SortKey, title: string, css: string])[] = [
  ['address', 'Endpoint', ''],
  ['share', 'Share', ''],
  ['rate', 'Requests/s', 'number mid-only'],
  ['inFlight', 'In flight', 'number'],
  ['slowest', 'p95', 'number'],
  ['errors', 'Errors', 'number mid-only'],
  ['weight', 'Weight', 'number wide-only'],
];

export function EndpointTable({ pool, open, onSort, ...filters }: Props) {
  const height = rowHeight();
  const now = tick.value;
  const table = useRef<HTMLTableElement>(null);
  const endpoints = useOrder(pool, filters, table, now);
  const { body, first, end } = useWindow(endpoints.length, height);
  useMover(endpoints, body);
  if (endpoints.length === 0)
    return pool.endpoints.length === 0 ? (
      <Empty title="This pool has no endpoints">They come from the configuration, from discovery, or from “Add”.</Empty>
    ) : (
      <Empty title="No endpoint matches">Look for less, or for all states.</Empty>
    );
  const top = Math.max(...pool.endpoints.map(({ pace }) => pace || 0));
  const most = Math.max(...pool.endpoints.map(({ smoothShare }) => smoothShare), 0.0001);
  return (
    <table class="endpoints" ref={table} aria-rowcount={endpoints.length + 1} aria-label={`Endpoints of ${pool.name}`}>
      <thead>
        <tr aria-rowindex={1}>
          {COLUMNS.map(([key, title, css]) => (
            <th key={key} scope="col" class={css} aria-sort={filters.sort === key ? orderOf(key) : undefined}>
              <button type="button" class="sort" onClick={() => onSort(key)}>
                {title}
                {filters.sort === key && <span aria-hidden="true">{key === 'address' ? ' ↑' : ' ↓'}</span>}
              </button>
            </th>
          ))}
          {mayOperate.value && (
            <th scope="col" class="mid-only">
              <span class="aside">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody ref={body}>
        {first > 0 && <tr class="spacer" style={{ height: `${first * height}px` }} />}
        {endpoints.slice(first, end).map((row, i) => (
          <EndpointLine
            key={row.id}
            row={row}
            index={first + i + 2}
            top={top}
            most={most}
            isOpen={row.address === open}
          />
        ))}
        {end < endpoints.length && <tr class="spacer" style={{ height: `${(endpoints.length - end) * height}px` }} />}
      </tbody>
    </table>
  );
}

const orderOf = (key: SortKey): 'ascending' | 'descending' => (key === 'address' ? 'ascending' : 'descending');

/** Anew every few seconds, when the question is another one, and never under somebody's finger. */
function useOrder(pool: PoolRow, filters: Filters, table: { current: HTMLElement | null }, now: number): EndpointRow[] {
  const order = useRef({ ids: [] as readonly string[], at: 0, of: '', count: 0 });
  const [began] = useState(() => performance.now());
  void now;
  const { current } = order;
  const of = JSON.stringify([pool.name, filters]);
  const time = performance.now();
  const inUse = table.current?.matches(':hover, :focus-within') === true;
  // In the first seconds what is slow is not known yet.
  const often = time - began < FIRST_MS ? 900 : REORDER_MS;
  const isDue = current.of !== of || current.count === 0 || (!inUse && time - current.at > often);
  const endpoints = inOrder(pool.endpoints, { ...filters, held: isDue ? undefined : current.ids });
  if (isDue) order.current = { ids: endpoints.map(({ id }) => id), at: time, of, count: endpoints.length };
  return endpoints;
}

/** `j` and `k` also reach rows that do not exist yet. */
function useMover(endpoints: readonly EndpointRow[], body: { current: HTMLElement | null }): void {
  useEffect(() => {
    const focusOn = (id: string): boolean => {
      const link = [...(body.current?.querySelectorAll<HTMLElement>('tr[data-id]') ?? [])]
        .find((row) => row.dataset.id === id)
        ?.querySelector('a');
      link?.focus({ preventScroll: true });
      link?.closest('tr')?.scrollIntoView({ block: 'nearest' });
      return link !== undefined && link !== null;
    };
    mover.move = (by) => {
      const focused = document.activeElement?.closest<HTMLElement>('tr[data-id]')?.dataset.id;
      const at = endpoints.findIndex(({ id }) => id === focused);
      const next = Math.max(0, Math.min(endpoints.length - 1, at + by));
      if (endpoints.length === 0) return false;
      const { id } = endpoints[next];
      if (focusOn(id)) return true;
      const top = (body.current?.getBoundingClientRect().top ?? 0) + scrollY;
      scrollTo(0, top + next * rowHeight() - innerHeight / 2);
      requestAnimationFrame(() => requestAnimationFrame(() => focusOn(id)));
      return true;
    };
    return () => {
      mover.move = undefined;
    };
  });
}
