// Owns saying in words what taking an endpoint out of use will do, from what is known now.

import type { Running } from '../../../src/runtime/facade.ts';
import { count, list } from '../format.ts';
import type { EndpointRow, PoolRow } from '../rows.ts';

/** What runs there, as a sentence without its end. */
export function runningWords(inFlight: number, streams: number, sessions: number | undefined): string {
  const parts: string[] = [];
  if (inFlight - streams > 0) parts.push(count(inFlight - streams, 'request'));
  if (streams > 0) parts.push(count(streams, 'WebSocket'));
  if (sessions !== undefined && sessions > 0) parts.push(count(sessions, 'pinned session'));
  if (parts.length === 0) return 'Nothing runs there right now';
  const isOne = parts.length === 1 && parts[0].startsWith('1 ');
  return `${list(parts)} ${isOne ? 'runs' : 'run'} there`;
}

export interface Consequences {
  readonly running: string;
  readonly others: string;
  /** Nobody takes over. */
  readonly isLast: boolean;
}

export function consequencesOf(row: EndpointRow, pool: PoolRow, running: Running | undefined): Consequences {
  const { inFlight = row.inFlight, streams = row.streams, sessions } = running ?? {};
  const others = pool.endpoints.filter((one) => one !== row && one.serves && one.weight > 0);
  const first = Math.min(...others.map(({ report }) => report.tier));
  const next = others.filter(({ report }) => report.tier === first);
  const isBackup = next.length > 0 && first > row.report.tier;
  const text =
    next.length === 0
      ? `No other endpoint of ${pool.name} can take over: its clients will get errors.`
      : isBackup
        ? `Only ${count(next.length, 'backup endpoint')} of tier ${first} can take over.`
        : `${count(next.length, 'other endpoint')} of ${pool.name} ${next.length === 1 ? 'takes' : 'take'} over.`;
  return { running: runningWords(inFlight, streams, sessions), others: text, isLast: next.length === 0 };
}
