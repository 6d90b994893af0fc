// Owns what somebody should look at, worst first, in sentences: derived from what is known, once a second.

import { count, ms } from './format.ts';
import { endpointLink, linkTo } from './router.ts';
import type { EndpointRow, PoolRow } from './rows.ts';

export interface Matter {
  readonly kind: 'bad' | 'warn' | 'info';
  readonly what: string;
  readonly link: string;
  readonly detail: string;
}

const MOST_OF_POOL = 3;

export function mattersOf(pools: Iterable<PoolRow>): readonly Matter[] {
  const matters: Matter[] = [];
  for (const pool of pools) {
    const { name, mode, report } = pool;
    const link = linkTo('pools', name);
    if (mode === 'empty') matters.push({ kind: 'bad', what: name, link, detail: 'nobody serves: clients get errors' });
    if (mode === 'panic')
      matters.push({
        kind: 'bad',
        what: name,
        link,
        detail: 'so many are down that all are used, whatever their checks say',
      });
    if (mode === 'fallback-tier') matters.push({ kind: 'warn', what: name, link, detail: 'backup endpoints serve' });
    if (report.breaker !== undefined && report.breaker.phase !== 'closed')
      matters.push({ kind: 'bad', what: name, link, detail: `its circuit breaker is ${report.breaker.phase}` });
    matters.push(...outOf(pool), ...slowOf(pool));
  }
  const order = { bad: 0, warn: 1, info: 2 };
  return matters.sort((a, b) => order[a.kind] - order[b.kind]);
}

function outOf({ name, endpoints }: PoolRow): readonly Matter[] {
  const out = endpoints.filter(({ state }) => state === 'down' || state === 'ejected');
  const told = out.slice(0, MOST_OF_POOL).map(
    (row): Matter => ({
      kind: 'bad',
      what: row.id,
      link: endpointLink(row.id),
      detail: row.state === 'down' ? 'is down' : 'was ejected: traffic failed there',
    }),
  );
  const more = out.length - told.length;
  if (more > 0)
    told.push({
      kind: 'bad',
      what: name,
      link: linkTo('pools', name),
      detail: `${count(more, 'more endpoint')} not serving`,
    });
  return told;
}

function slowOf({ name, endpoints }: PoolRow): readonly Matter[] {
  const slow = endpoints.filter((row) => row.slow > 0).sort((a, b) => b.slow - a.slow);
  const told = slow.slice(0, MOST_OF_POOL).map(
    (row): Matter => ({
      kind: 'warn',
      what: row.id,
      link: endpointLink(row.id),
      detail: `is slow: ${slowWords(row)}`,
    }),
  );
  const more = slow.length - told.length;
  if (more > 0)
    told.push({
      kind: 'warn',
      what: name,
      link: linkTo('pools', name),
      detail: `${count(more, 'more endpoint')} slow`,
    });
  return told;
}

export function slowWords({ pace, slow }: Pick<EndpointRow, 'pace' | 'slow'>): string {
  return `p95 ${ms(pace)}, ${slow < 10 ? slow.toFixed(1) : Math.round(slow)} times the median of the others`;
}
