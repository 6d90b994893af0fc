// Owns how the demo looks: a table for terminals, lines for everything else. Pure text.

import { styleText } from 'node:util';
import type { HealthChange } from '../../health/timeline.ts';
import type { Status } from '../../runtime/facade.ts';
import type { DemoBackend } from './backend.ts';
import type { LoadReport } from './load.ts';

export interface Frame {
  readonly status: Status;
  /** By endpoint id: share of the newest traffic, 0-1. */
  readonly shares: ReadonlyMap<string, number>;
  readonly balance: string;
  readonly backends: readonly DemoBackend[];
  readonly load: LoadReport;
  readonly elapsedMs: number;
  readonly port: number;
}

const BAR = 24;
const COLOURS = {
  up: 'green',
  trial: 'yellow',
  checking: 'yellow',
  down: 'red',
  ejected: 'red',
  draining: 'blue',
  maintenance: 'blue',
} as const;

export function table(frame: Frame, columns: number): string {
  const { status, load } = frame;
  const { endpoints } = status.pools[0];
  const current = frame.shares;
  const lines = [
    `${styleText('bold', 'Evenkeel demo')}  ${frame.balance}  http://127.0.0.1:${frame.port}/  ${(frame.elapsedMs / 1000).toFixed(0)} s`,
    '',
    styleText(
      'dim',
      '   server             speed   state        share                            in flight  first byte  requests',
    ),
  ];
  endpoints.forEach((endpoint, i) => {
    const share = current.get(endpoint.id) ?? 0;
    const bar = '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·');
    const state = styleText(COLOURS[endpoint.state], endpoint.state.padEnd(11));
    lines.push(
      ` ${i + 1} ${endpoint.address.padEnd(18)} ${`${frame.backends[i].speedMs} ms`.padStart(5)}   ${state}  ${bar} ${percent(share)}  ${String(endpoint.inFlight).padStart(7)}  ${`${endpoint.ewmaMs.toFixed(1)} ms`.padStart(10)}  ${String(endpoint.requests).padStart(8)}`,
    );
  });
  const failed = load.failed === 0 ? styleText('green', '0 failed') : styleText('red', `${load.failed} failed`);
  lines.push(
    '',
    `   ${load.answered} answered, ${failed}, p50 ${load.p50.toFixed(1)} ms, p99 ${load.p99.toFixed(1)} ms, ${status.pools[0].retries} retried`,
    '',
  );
  lines.push(styleText('dim', '   what happened'));
  const changes = status.changes.filter((change) => change.from !== 'absent' && change.from !== change.to).slice(0, 8);
  for (const change of changes)
    lines.push(
      `   ${changeLine(change)
        .trimEnd()
        .slice(0, Math.max(20, columns - 4))}`,
    );
  lines.push('', `   ${styleText('bold', '1 2 3')} kill or revive a server   ${styleText('bold', 'q')} quit`, '');
  return lines.join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`.padStart(4);
}

export function changeLine({ at, id, from, to, cause, evidence }: HealthChange): string {
  const reason = evidence === '' ? cause : `${cause}: ${evidence}`;
  return `${new Date(at).toISOString().slice(11, 19)} ${id.slice(id.indexOf('/') + 1)} ${from} → ${to} (${reason})\n`;
}

export function plainLine(frame: Frame): string {
  const { endpoints } = frame.status.pools[0];
  const current = frame.shares;
  const parts = endpoints.map(
    (endpoint, i) =>
      `${i + 1}: ${endpoint.state} ${percent(current.get(endpoint.id) ?? 0).trim()} ${endpoint.ewmaMs.toFixed(0)} ms`,
  );
  const { answered, failed } = frame.load;
  return `${(frame.elapsedMs / 1000).toFixed(0).padStart(3)} s  ${parts.join(' | ')} | ${answered} answered, ${failed} failed\n`;
}

export function summary(frame: Frame): string {
  const { load, status } = frame;
  const { endpoints, retries } = status.pools[0];
  const lines = endpoints.map((endpoint, i) => {
    const { speedMs } = frame.backends[i];
    return `  server ${i + 1} (${speedMs} ms): ${endpoint.requests} requests, ${percent(endpoint.share).trim()} of the traffic, out of service ${endpoint.flaps}×\n`;
  });
  const fate = load.failed === 0 ? 'none failed' : `${load.failed} failed`;
  return `\n${load.answered} requests answered, ${fate}, ${retries} retried on another server, p50 ${load.p50.toFixed(1)} ms, p99 ${load.p99.toFixed(1)} ms\n${lines.join('')}next: evenkeel init\n`;
}
